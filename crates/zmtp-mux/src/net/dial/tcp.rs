//! TCP: from host and port to a connected socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;

use super::DialError;
use super::race::race;
use crate::net::keep_alive::keep_alive;

/// Connects to one of the addresses of `host`; the caller watches `deadline`.
pub(super) async fn connect(
    host: &str,
    port: u16,
    deadline: Instant,
) -> Result<TcpStream, DialError> {
    // spec: 37:dial:name-resolved-anew
    let addresses = lookup_host((host, port)).await.map_err(DialError::Resolve)?;
    let mut addresses = alternate(addresses.collect());
    addresses.truncate(ADDRESSES_MAX);
    if addresses.is_empty() {
        return Err(DialError::Resolve(io::ErrorKind::NotFound.into()));
    }
    let stagger = stagger(deadline.saturating_duration_since(Instant::now()), addresses.len());
    let attempts = addresses.into_iter().map(attempt).collect();
    Ok(race(attempts, stagger).await?)
}

/// Orders addresses so that the families take turns, beginning with the system's first choice:
/// where one family leads nowhere, the other does not wait behind all of it.
fn alternate(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_ipv6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_ipv6);
    let turns = first.len().max(second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    (0..turns).flat_map(|_| [first.next(), second.next()]).flatten().collect()
}

/// Returns how long an address has before the next is tried as well, so that each has its turn in
/// the time that is left.
// spec: 37:dial:connect-timeout
fn stagger(time_left: Duration, addresses: usize) -> Duration {
    let shares = u32::try_from(addresses).unwrap_or(u32::MAX);
    time_left.checked_div(shares).unwrap_or_default().min(STAGGER_MAX)
}

async fn attempt(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    refuse_itself(&stream)?;
    stream.set_nodelay(true)?;
    keep_alive(&stream, None)?;
    Ok(stream)
}

/// Refuses a socket that is connected to itself. To dial a port of our own machine that nobody
/// listens on does that, when chance gives the socket this very port; and then nobody can listen.
fn refuse_itself(stream: &TcpStream) -> io::Result<()> {
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(())
}

/// Addresses of one name that are tried: as many sockets may be open at once.
const ADDRESSES_MAX: usize = 16;
const STAGGER_MAX: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use socket2::SockRef;

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;
    use crate::net::keep_alive;

    fn v4(port: u16) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, port).into()
    }

    fn v6(port: u16) -> SocketAddr {
        (Ipv6Addr::LOCALHOST, port).into()
    }

    #[test]
    fn families_take_turns_and_keep_their_order() {
        for (given, ordered) in [
            (vec![], vec![]),
            (vec![v4(1), v4(2)], vec![v4(1), v4(2)]),
            (vec![v6(1), v6(2), v6(3), v4(1)], vec![v6(1), v4(1), v6(2), v6(3)]),
            (vec![v4(1), v6(1), v6(2), v4(2)], vec![v4(1), v6(1), v4(2), v6(2)]),
        ] {
            assert_eq!(alternate(given), ordered);
        }
    }

    /// 37:dial:connect-timeout.
    #[test]
    fn every_address_has_its_turn_in_the_time_that_is_left() {
        let seconds = Duration::from_secs;
        assert_eq!(stagger(seconds(5), 1), STAGGER_MAX);
        assert_eq!(stagger(seconds(5), ADDRESSES_MAX), STAGGER_MAX);
        assert_eq!(stagger(seconds(1), 10), Duration::from_millis(100));
        assert_eq!(stagger(Duration::ZERO, 3), Duration::ZERO);
        assert_eq!(stagger(seconds(1), 0), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_socket_that_is_connected_to_itself_is_refused() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(v4(0)).unwrap();
        let itself = socket.local_addr().unwrap();
        let stream = socket.connect(itself).await.unwrap();
        let failure = refuse_itself(&stream).unwrap_err();
        assert_eq!(failure.kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn sockets_send_at_once_and_keep_alive() {
        let listener = TcpListener::bind(v4(0)).await.unwrap();
        let stream = attempt(listener.local_addr().unwrap()).await.unwrap();
        assert!(stream.nodelay().unwrap());
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_keepalive_time().unwrap(), keep_alive::IDLE);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), keep_alive::INTERVAL);
            assert_eq!(socket.tcp_keepalive_retries().unwrap(), keep_alive::PROBES);
        }
    }
}
