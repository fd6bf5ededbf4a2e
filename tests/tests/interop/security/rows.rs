//! The rows of the matrix, and what is exchanged in each.

use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;
use zmq::Socket;
use zmtp_mux::{Heartbeat, Rhythm, Settings, TimeToLive, Version};

use super::credentials::Mechanism;
use crate::bodies::octets;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beats {
    /// Nobody asks.
    Off,
    /// Both sides ask, and both promise to be heard.
    On,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    /// TCP over IPv6.
    Tcp6,
    Ipc,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) mechanism: Mechanism,
    /// What we announce; libzmq always announces 3.1.
    pub(crate) version: Version,
    pub(crate) beats: Beats,
    transport: Transport,
}

/// Plays every row of a mechanism, all at once, since most of the time is silence.
pub(crate) fn play(mechanism: Mechanism, row: impl Fn(Row) + Sync) {
    let mut transports = vec![Transport::Tcp, Transport::Ipc];
    if TcpListener::bind("[::1]:0").is_ok() {
        transports.push(Transport::Tcp6);
    } else {
        println!("without the rows of IPv6, which this machine does not have");
    }
    thread::scope(|scope| {
        for version in [Version::V3_0, Version::V3_1] {
            for beats in [Beats::Off, Beats::On] {
                for &transport in &transports {
                    let this = Row { mechanism, version, beats, transport };
                    let play = &row;
                    let name = format!("{mechanism:?} {version:?} {beats:?} {transport:?}");
                    let thread = thread::Builder::new().name(name);
                    thread.spawn_scoped(scope, move || play(this)).unwrap();
                }
            }
        }
    });
}

impl Row {
    pub(crate) fn settings(self) -> Settings {
        let heartbeat = match self.beats {
            Beats::Off => Heartbeat::Off,
            Beats::On => {
                let rhythm = Rhythm::new(INTERVAL, TIMEOUT).unwrap();
                Heartbeat::On(rhythm.with_time_to_live(TimeToLive::new(TIMEOUT)))
            }
        };
        Settings { version: self.version, heartbeat, ..Settings::default() }
    }

    /// Sets libzmq's side of the heartbeats, and of IPv6.
    pub(crate) fn prepare(self, socket: &Socket) {
        socket.set_ipv6(self.transport == Transport::Tcp6).unwrap();
        if self.beats == Beats::On {
            let ms = |time: Duration| i32::try_from(time.as_millis()).unwrap();
            socket.set_heartbeat_ivl(ms(INTERVAL)).unwrap();
            socket.set_heartbeat_timeout(ms(TIMEOUT)).unwrap();
            socket.set_heartbeat_ttl(ms(TIMEOUT)).unwrap();
        }
    }

    /// Returns a URL to listen at.
    pub(crate) fn url(self, folder: &TempDir, file: &str) -> String {
        match self.transport {
            Transport::Tcp => "tcp://127.0.0.1:0".to_owned(),
            Transport::Tcp6 => "tcp://[::1]:0".to_owned(),
            Transport::Ipc => format!("ipc://{}", folder.path().join(file).display()),
        }
    }

    /// How long nobody says anything: longer than a side lives that answers nothing.
    pub(crate) fn silence(self) -> Duration {
        match self.beats {
            Beats::Off => Duration::ZERO,
            Beats::On => TIMEOUT + 8 * INTERVAL,
        }
    }
}

/// Returns the bodies of requests: lengths around which headers change, and empty frames in every
/// place.
pub(crate) fn bodies() -> Vec<Vec<Vec<u8>>> {
    let single = [0, 1, 255, 256, 70_000].map(|len| vec![octets(len, 1)]);
    let empty = Vec::new;
    let multi = [
        vec![empty(), empty()],
        vec![empty(), octets(1, 2), empty(), octets(256, 3), empty()],
        vec![octets(255, 4), empty(), octets(70_000, 5)],
    ];
    single.into_iter().chain(multi).collect()
}

/// Between two signs of life.
const INTERVAL: Duration = Duration::from_millis(100);

/// Silence that is too long. A busy machine may let a thread wait for a second.
const TIMEOUT: Duration = Duration::from_millis(2500);
