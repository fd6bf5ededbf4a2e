//! Dials against listeners of this machine, straight and through a proxy of our own.

mod proxy;

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::time::timeout;
use zmtp_proto::Retry;

use self::proxy::{Server, echo};
use super::*;
use crate::net::socks::{Blame, Refusal};
use crate::net::stream::Acceptor;

/// Nothing here takes nearly as long.
const DEADLINE: Duration = Duration::from_secs(10);

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future).await.expect("in time")
}

fn tcp(host: &str, port: u16) -> Endpoint {
    Endpoint::Tcp { host: host.to_owned(), port }
}

fn through(proxy: Proxy) -> Dial {
    Dial { proxy: Some(proxy), ..Dial::default() }
}

/// Sends a few octets and waits until they are back.
async fn assert_echoes(stream: &mut Stream) {
    stream.write_all(b"over and back").await.unwrap();
    let mut back = [0; 13];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"over and back");
}

/// Sockets that hold one port on every address of localhost, and listen on none yet.
async fn reserve_localhost() -> Vec<TcpSocket> {
    let mut addresses: Vec<SocketAddr> = lookup_host("localhost:0").await.unwrap().collect();
    addresses.sort_unstable();
    addresses.dedup();
    let mut port = 0;
    let mut sockets = Vec::new();
    for address in addresses {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        let Ok(socket) = socket else { continue };
        // A name may have addresses that the machine has not, and a port may be taken.
        if socket.bind(SocketAddr::new(address.ip(), port)).is_ok() {
            port = socket.local_addr().unwrap().port();
            sockets.push(socket);
        }
    }
    assert!(!sockets.is_empty());
    sockets
}

/// 37:dial:name-resolved-anew.
#[tokio::test]
async fn a_name_leads_to_whichever_of_its_addresses_listens_now() {
    let dial = Dial::default();
    for socket in reserve_localhost().await {
        let address = socket.local_addr().unwrap();
        let listener = socket.listen(8).unwrap();
        let dialled = in_time(dial.dial(&tcp("localhost", address.port()))).await.unwrap();
        let (_, peer) = in_time(listener.accept()).await.unwrap();
        let Stream::Tcp(stream) = dialled else { panic!("not TCP") };
        assert_eq!(stream.peer_addr().unwrap(), address);
        assert_eq!(stream.local_addr().unwrap(), peer);
    }
}

#[tokio::test]
async fn reaches_ipv6_where_the_machine_has_it() {
    let Ok(listener) = TcpListener::bind("[::1]:0").await else { return };
    let port = listener.local_addr().unwrap().port();
    in_time(Dial::default().dial(&tcp("::1", port))).await.unwrap();
    in_time(listener.accept()).await.unwrap();
}

#[tokio::test]
async fn reaches_paths_and_abstract_names_with_a_proxy_or_without() {
    let pid = std::process::id();
    let path = std::env::temp_dir().join(format!("zmtp-mux-dial-{pid}"));
    let mut endpoints = vec![Endpoint::IpcPath(path.to_str().unwrap().to_owned())];
    if cfg!(target_os = "linux") {
        endpoints.push(Endpoint::IpcAbstract(format!("zmtp-mux-dial-{pid}")));
    }
    for endpoint in endpoints {
        let (mut acceptor, _) = Acceptor::bind(&endpoint).unwrap();
        // Nobody is there, and nobody is asked.
        for dial in [Dial::default(), through(Proxy::new("127.0.0.1", 1))] {
            let dialled = in_time(dial.dial(&endpoint)).await.unwrap();
            assert!(matches!(dialled, Stream::Unix(_)));
            in_time(acceptor.accept()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn tells_a_refusal_from_a_name_that_does_not_exist() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    match in_time(Dial::default().dial(&tcp("127.0.0.1", port))).await {
        Err(DialError::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused),
        other => panic!("{other:?}"),
    }
    // Too long for any name server to be asked.
    let host = "x".repeat(300);
    let outcome = in_time(Dial::default().dial(&tcp(&host, 1))).await;
    assert!(matches!(outcome, Err(DialError::Resolve(_))), "{outcome:?}");
    let missing = Endpoint::IpcPath("/nonexistent/socket".to_owned());
    let outcome = in_time(Dial::default().dial(&missing)).await;
    assert!(matches!(outcome, Err(DialError::Io(_))), "{outcome:?}");
}

/// 37:dial:socks5.
#[tokio::test]
async fn a_proxy_is_given_the_name_and_relays() {
    // No resolver knows this name, so only the proxy can have.
    let server = Server { user: None, name: "echo.invalid", target: echo().await }.start().await;
    let dial = through(Proxy::new(server.ip().to_string(), server.port()));
    let mut stream = in_time(dial.dial(&tcp("echo.invalid", 7))).await.unwrap();
    in_time(assert_echoes(&mut stream)).await;
}

/// 37:dial:socks5.
#[tokio::test]
async fn a_proxy_is_told_user_and_password() {
    let user = Some(("user", "password"));
    let server = Server { user, name: "echo.invalid", target: echo().await }.start().await;
    // Its own name is resolved by us.
    let proxy = Proxy::new("localhost", server.port());
    let right = through(proxy.clone().with_credentials("user", "password").unwrap());
    let mut stream = in_time(right.dial(&tcp("echo.invalid", 7))).await.unwrap();
    in_time(assert_echoes(&mut stream)).await;

    let wrong = through(proxy.clone().with_credentials("user", "wrong").unwrap());
    let outcome = in_time(wrong.dial(&tcp("echo.invalid", 7))).await;
    assert!(matches!(outcome, Err(DialError::Socks(SocksError::AuthRefused(1)))), "{outcome:?}");

    let outcome = in_time(through(proxy).dial(&tcp("echo.invalid", 7))).await;
    assert!(matches!(outcome, Err(DialError::Socks(SocksError::NoAcceptableMethod))));
}

#[tokio::test]
async fn a_target_that_the_proxy_does_not_reach_is_told_as_such() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let target = socket.local_addr().unwrap();
    let server = Server { user: None, name: "dead.invalid", target }.start().await;
    let dial = through(Proxy::new("127.0.0.1", server.port()));
    for (host, refusal) in
        [("dead.invalid", Refusal::ConnectionRefused), ("other.invalid", Refusal::HostUnreachable)]
    {
        match in_time(dial.dial(&tcp(host, 7))).await {
            Err(DialError::Socks(error)) => {
                assert_eq!(error, SocksError::Refused(refusal));
                assert_eq!((error.blame(), error.retry()), (Blame::Target, Retry::Later));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_name_too_long_never_reaches_the_proxy() {
    let dial = through(Proxy::new("127.0.0.1", 1));
    let outcome = in_time(dial.dial(&tcp(&"x".repeat(256), 7))).await;
    assert!(matches!(outcome, Err(DialError::Socks(SocksError::HostLen(256)))), "{outcome:?}");
}

/// Says `script` to whoever connects and then nothing, and returns how a dial through that ends,
/// with what a stream still holds.
async fn dial_through_script(script: &'static [u8]) -> Result<Vec<u8>, DialError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(script).await.unwrap();
        stream.shutdown().await.unwrap();
        // To close with octets unread would take back what was said.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    });
    let outcome = in_time(through(Proxy::new("127.0.0.1", port)).dial(&tcp("name", 7))).await;
    let held = match outcome {
        Ok(mut stream) => {
            let mut held = Vec::new();
            in_time(stream.read_to_end(&mut held)).await.unwrap();
            Ok(held)
        }
        Err(error) => Err(error),
    };
    in_time(proxy).await.unwrap();
    held
}

#[tokio::test]
async fn what_the_target_says_first_is_left_in_the_stream() {
    // All of it in one segment, the target's greeting with the proxy's reply.
    let held = dial_through_script(b"\x05\x00\x05\x00\x00\x01\x7f\0\0\x01\0\x01greeting").await;
    assert_eq!(held.unwrap(), b"greeting");
    let held = dial_through_script(b"\x05\x00\x05\x00\x00\x03\x00\0\x01greeting").await;
    assert_eq!(held.unwrap(), b"greeting");
}

#[tokio::test]
async fn a_proxy_that_leaves_early_is_told_from_one_that_refuses() {
    for (script, expected) in [
        (b"".as_slice(), SocksError::Closed),
        (b"\x05", SocksError::Closed),
        (b"\x05\x00\x05\x00\x00\x03\x05abc", SocksError::Closed),
        // Some say no more than that.
        (b"\x05\x00\x05\x02", SocksError::Refused(Refusal::NotAllowed)),
        (b"HTTP/1.1 400 Bad Request\r\n", SocksError::Version(b'H')),
    ] {
        match dial_through_script(script).await {
            Err(DialError::Socks(error)) => assert_eq!(error, expected),
            other => panic!("{script:?}: {other:?}"),
        }
    }
}

/// 37:dial:connect-timeout.
#[tokio::test]
async fn a_silent_proxy_costs_the_timeout_and_is_hung_up_on() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect_timeout = Duration::from_hours(1);
    let proxy = Some(Proxy::new("127.0.0.1", port));
    let start = Instant::now();
    let dialling =
        tokio::spawn(async move { Dial { connect_timeout, proxy }.dial(&tcp("name", 7)).await });
    let (mut stream, _) = in_time(listener.accept()).await.unwrap();
    let mut methods = [0; 3];
    in_time(stream.read_exact(&mut methods)).await.unwrap();
    assert_eq!(methods, [5, 1, 0]);
    // From here on the hour passes as soon as nobody has anything to do.
    tokio::time::pause();
    match dialling.await.unwrap() {
        Err(DialError::Timeout(time)) => assert_eq!(time, connect_timeout),
        other => panic!("{other:?}"),
    }
    let took = start.elapsed();
    assert!((connect_timeout..connect_timeout + DEADLINE).contains(&took), "{took:?}");
    assert_eq!(stream.read(&mut methods).await.unwrap(), 0);
}

#[tokio::test]
async fn a_dial_that_is_dropped_hangs_up() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dial = through(Proxy::new("127.0.0.1", port));
    let endpoint = tcp("name", 7);
    let mut stream = tokio::select! {
        outcome = dial.dial(&endpoint) => panic!("{outcome:?}"),
        accepted = in_time(listener.accept()) => accepted.unwrap().0,
    };
    let mut said = Vec::new();
    // Whether it had said something or not.
    in_time(stream.read_to_end(&mut said)).await.unwrap();
    assert!(said.is_empty() || said == [5, 1, 0]);
}

#[test]
fn never_shows_a_password() {
    let proxy = Proxy::new("proxy", 1080).with_credentials("user", "password").unwrap();
    let shown = format!("{:?}", through(proxy));
    assert!(shown.contains("proxy") && shown.contains("1080") && shown.contains("user"));
    assert!(!shown.contains("password"), "{shown}");
}
