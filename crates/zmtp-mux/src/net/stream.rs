//! Streams and what accepts them: TCP, Unix domain sockets, and memory.

mod half;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::FileTypeExt;
use std::pin::Pin;
use std::task::{Context, Poll};

#[cfg(any(target_os = "android", target_os = "linux"))]
use socket2::SockRef;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::net::authenticator::PeerAddress;
use crate::net::endpoint::Endpoint;
use crate::net::inproc::{self, Inproc};

pub(crate) use self::half::Half;

/// A connected byte stream.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Inproc(Inproc),
}

/// A stream on its way to the runtime that will serve it.
#[derive(Debug)]
pub(crate) enum Detached {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
    /// Which is no runtime's.
    Inproc(Inproc),
}

impl Stream {
    /// Returns where the peer is, or who.
    pub(crate) fn peer_address(&self) -> PeerAddress {
        match self {
            Self::Tcp(stream) => stream.peer_addr().map_or(PeerAddress::Unknown, |address| {
                PeerAddress::Ip(address.ip().to_canonical())
            }),
            Self::Unix(stream) => stream.peer_cred().map_or(PeerAddress::Unknown, |peer| {
                PeerAddress::Ipc { uid: peer.uid(), gid: peer.gid() }
            }),
            Self::Inproc(_) => PeerAddress::Inproc,
        }
    }

    /// Has the system take no more than it can send soon: what it has taken, no source can overtake.
    /// Nothing where it cannot be told.
    // spec: mux:overload:unsent-mark
    pub(crate) fn limit_unsent(&self, octets: usize) {
        #[cfg(any(target_os = "android", target_os = "linux"))]
        if let Self::Tcp(stream) = self {
            // It fails only on a connection that is broken already, as reading will tell.
            let octets = u32::try_from(octets).unwrap_or(u32::MAX);
            let _ = SockRef::from(stream).set_tcp_notsent_lowat(octets);
        }
        #[cfg(not(any(target_os = "android", target_os = "linux")))]
        let _ = octets;
    }

    /// Takes the stream away from this runtime.
    pub(crate) fn detach(self) -> io::Result<Detached> {
        match self {
            Self::Tcp(stream) => stream.into_std().map(Detached::Tcp),
            Self::Unix(stream) => stream.into_std().map(Detached::Unix),
            Self::Inproc(stream) => Ok(Detached::Inproc(stream)),
        }
    }
}

impl Detached {
    /// Gives the stream to the runtime that this is called on.
    pub(crate) fn attach(self) -> io::Result<Stream> {
        match self {
            Self::Tcp(stream) => TcpStream::from_std(stream).map(Stream::Tcp),
            Self::Unix(stream) => UnixStream::from_std(stream).map(Stream::Unix),
            Self::Inproc(stream) => Ok(Stream::Inproc(stream)),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Inproc(stream) => Pin::new(stream.split().0).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, octets),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, octets),
            Self::Inproc(stream) => Pin::new(stream.split().1).poll_write(cx, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            Self::Inproc(stream) => Pin::new(stream.split().1).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Inproc(stream) => Pin::new(stream.split().1).poll_shutdown(cx),
        }
    }
}

/// What accepts streams. Its path, if it has one, is removed with it.
#[derive(Debug)]
pub(crate) enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "held to be dropped")] Option<SocketPath>),
    Inproc(inproc::Listener),
}

/// The path of a listening socket, removed when it listens no more.
#[derive(Debug)]
pub(crate) struct SocketPath(String);

impl Drop for SocketPath {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(path = self.0, %error, "socket not removed");
        }
    }
}

impl Acceptor {
    /// Listens on `endpoint`, and returns where that is.
    pub(crate) fn bind(endpoint: &Endpoint) -> io::Result<(Self, Endpoint)> {
        match endpoint {
            Endpoint::Tcp { .. } => {
                let listener = bind_tcp(&endpoint.addresses()?)?;
                let address = listener.local_addr()?;
                Ok((Self::Tcp(TcpListener::from_std(listener)?), address.into()))
            }
            Endpoint::IpcPath(path) => {
                let listener = bind_path(path)?;
                let path = SocketPath(path.clone());
                Ok((Self::Unix(listener, Some(path)), endpoint.clone()))
            }
            Endpoint::IpcAbstract(name) => {
                let listener = bind_abstract(name)?;
                listener.set_nonblocking(true)?;
                Ok((Self::Unix(UnixListener::from_std(listener)?, None), endpoint.clone()))
            }
            Endpoint::Inproc(name) => {
                Ok((Self::Inproc(inproc::Listener::bind(name)?), endpoint.clone()))
            }
        }
    }

    /// Waits for the next stream, and returns its peer's address if it has one.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no stream is lost.
    pub(crate) async fn accept(&mut self) -> io::Result<(Stream, Option<IpAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // It fails only on a connection that is broken already, as reading will tell.
                let _ = stream.set_nodelay(true);
                Ok((Stream::Tcp(stream), Some(address.ip())))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), None))
            }
            Self::Inproc(listener) => Ok((Stream::Inproc(listener.accept().await?), None)),
        }
    }
}

/// Listens on the first address that can be had.
fn bind_tcp(addresses: &[SocketAddr]) -> io::Result<std::net::TcpListener> {
    let mut failure = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match bind_address(*address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn bind_address(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `[::]` is every interface of both families.
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Listens at `path`. A socket that nobody listens on any more is replaced, as libzmq does; a file
/// that is no socket never is, though to connect to it is refused as well.
fn bind_path(path: &str) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            match std::os::unix::net::UnixStream::connect(path) {
                Err(refused)
                    if refused.kind() == io::ErrorKind::ConnectionRefused
                        && std::fs::symlink_metadata(path)?.file_type().is_socket() =>
                {
                    std::fs::remove_file(path)?;
                    UnixListener::bind(path)
                }
                _ => Err(error),
            }
        }
        outcome => outcome,
    }
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &str) -> io::Result<std::os::unix::net::SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    std::os::unix::net::SocketAddr::from_abstract_name(name)
}

#[cfg(target_os = "linux")]
fn bind_abstract(name: &str) -> io::Result<std::os::unix::net::UnixListener> {
    std::os::unix::net::UnixListener::bind_addr(&abstract_address(name)?)
}

#[cfg(not(target_os = "linux"))]
fn bind_abstract(_: &str) -> io::Result<std::os::unix::net::UnixListener> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Connections that the system keeps until they are accepted.
const BACKLOG: i32 = 1024;
