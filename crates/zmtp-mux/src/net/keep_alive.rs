//! TCP's own sign of life, for peers that cannot be asked: those of version 3.0.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{Interest, Ready};
use tokio::net::{TcpStream, tcp, unix};

/// What a reading half knows beyond its octets.
pub(crate) trait Socket {
    /// Has the system ask whether the peer's machine lives.
    fn keep_alive(&self) -> io::Result<()>;

    /// Tells whether the peer has closed, though not all that it sent was read.
    // spec: mux:liveness:withheld-shows-fin
    fn has_closed(&mut self, cx: &mut Context<'_>) -> bool;
}

impl Socket for tcp::ReadHalf<'_> {
    fn keep_alive(&self) -> io::Result<()> {
        keep_alive(self.as_ref())
    }

    fn has_closed(&mut self, cx: &mut Context<'_>) -> bool {
        closed(&pin!(self.ready(Interest::READABLE)).poll(cx))
    }
}

/// A process on this machine that goes away closes its sockets.
impl Socket for unix::ReadHalf<'_> {
    fn keep_alive(&self) -> io::Result<()> {
        Ok(())
    }

    fn has_closed(&mut self, cx: &mut Context<'_>) -> bool {
        closed(&pin!(self.ready(Interest::READABLE)).poll(cx))
    }
}

fn closed(ready: &Poll<io::Result<Ready>>) -> bool {
    matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
}

/// Has the system ask the peer's machine after a minute of silence, and give up after four times
/// 15 s without an answer.
///
/// `TCP_USER_TIMEOUT` is left alone: it would overrule these, and cut a live peer that does not
/// read.
// spec: 37:heartbeat:not-to-3-0
pub(crate) fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let keep_alive = TcpKeepalive::new().with_time(IDLE);
    #[cfg(any(
        target_os = "android",
        target_os = "dragonfly",
        target_os = "freebsd",
        target_os = "illumos",
        target_os = "ios",
        target_os = "linux",
        target_os = "macos",
        target_os = "netbsd",
    ))]
    let keep_alive = keep_alive.with_interval(INTERVAL).with_retries(PROBES);
    SockRef::from(stream).set_tcp_keepalive(&keep_alive)
}

pub(crate) const IDLE: Duration = Duration::from_mins(1);
pub(crate) const INTERVAL: Duration = Duration::from_secs(15);
pub(crate) const PROBES: u32 = 4;
