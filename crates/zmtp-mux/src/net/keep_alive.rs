//! TCP's own sign of life, for peers that cannot be asked: those of version 3.0.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// Has the system ask the peer's machine after a minute of silence, and give up after four times
/// 15 s without an answer.
///
/// It does not ask while octets wait for an acknowledgement, and gives such up after a quarter of an
/// hour only. So where a peer may not accept nothing for ever, `TCP_USER_TIMEOUT` says that the same
/// time is enough. Elsewhere it is left alone: it also cuts a live peer that does not read.
// spec: 37:heartbeat:not-to-3-0
pub(crate) fn keep_alive(stream: &TcpStream, stall: Option<Duration>) -> io::Result<()> {
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
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&keep_alive)?;
    #[cfg(any(target_os = "android", target_os = "linux"))]
    socket.set_tcp_user_timeout(stall.map(|stall| stall.max(GIVEN_UP)))?;
    #[cfg(not(any(target_os = "android", target_os = "linux")))]
    let _ = stall;
    Ok(())
}

/// Silence after which the system gives a peer up.
const GIVEN_UP: Duration = IDLE.saturating_add(INTERVAL.saturating_mul(PROBES));

pub(crate) const IDLE: Duration = Duration::from_mins(1);
pub(crate) const INTERVAL: Duration = Duration::from_secs(15);
pub(crate) const PROBES: u32 = 4;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// 37:heartbeat:not-to-3-0.
    #[tokio::test]
    async fn octets_without_an_answer_end_only_who_may_not_stall_for_ever() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let socket = SockRef::from(&stream);
        let seconds = Duration::from_secs;
        for (stall, timeout) in [
            (None, None),
            (Some(seconds(10)), Some(seconds(120))),
            (Some(seconds(600)), Some(seconds(600))),
            (None, None),
        ] {
            keep_alive(&stream, stall).unwrap();
            assert!(socket.keepalive().unwrap());
            assert_eq!(socket.tcp_user_timeout().unwrap(), timeout);
        }
    }
}
