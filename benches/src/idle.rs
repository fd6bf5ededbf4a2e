//! Idle named peers: connected, alive, silent.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use mio::Waker;

use crate::client::{Service, Shared};
use crate::peers::{LoadError, Peers, WAKER};

/// Connects services, prints `connected N`, and answers PINGs until standard
/// input ends.
///
/// # Errors
///
/// When a peer does not connect, or loses its connection.
pub fn hold_peers(address: SocketAddr, count: u32) -> Result<(), LoadError> {
    let names: Vec<Vec<u8>> = (0..count).map(|number| Service::numbered(number).name).collect();
    let mut shared = Shared::new(0, Vec::new());
    let mut peers = Peers::new()?;
    peers.connect_services(address, &names, &mut shared)?;
    println!("connected {count}");
    io::stdout().flush()?;

    let ended = Arc::new(AtomicBool::new(false));
    let waker = Waker::new(peers.registry(), WAKER)?;
    thread::spawn({
        let ended = Arc::clone(&ended);
        move || {
            let read = io::stdin().read_to_end(&mut Vec::new());
            ended.store(true, Ordering::Release);
            read.and_then(|_| waker.wake())
        }
    });
    while !ended.load(Ordering::Acquire) {
        peers.turn(Duration::from_secs(1), &mut shared)?;
        if shared.tally.total() > 0 {
            return Err(io::Error::from(io::ErrorKind::ConnectionReset).into());
        }
    }
    Ok(())
}
