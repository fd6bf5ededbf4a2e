//! Endpoints: where to listen and where to dial.
//!
//! ```text
//! tcp://HOST:PORT     HOST is a name, an IPv4 address, an IPv6 address in brackets or, to
//!                     listen, `*` for every IPv4 interface; PORT is a number or, to listen,
//!                     0 or `*` for any that is free
//! ipc://PATH          a Unix domain socket
//! ipc://@NAME         one in Linux's abstract name space
//! inproc://NAME       another handle in this process
//! ```

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use thiserror::Error;

/// A place to listen or to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A TCP port.
    Tcp {
        /// A name or an address; IPv6 without its brackets; `*` for every IPv4 interface.
        host: String,
        /// The port; 0 for any that is free.
        port: u16,
    },
    /// A Unix domain socket at a path.
    IpcPath(String),
    /// A Unix domain socket in Linux's abstract name space.
    IpcAbstract(String),
    /// A name in this process: octets move through memory, and nothing else differs.
    Inproc(String),
}

/// Why a text is no endpoint. Each says what is allowed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// Another scheme, or none.
    #[error("an endpoint begins with tcp://, ipc:// or inproc://")]
    Scheme,
    /// No host.
    #[error("a tcp endpoint is tcp://HOST:PORT, with HOST a name, an address, or *")]
    Host,
    /// An IPv6 address without brackets, or brackets around something else.
    #[error("an IPv6 address stands in brackets, as in tcp://[::1]:5555")]
    Brackets,
    /// No port, or not a number up to 65535.
    #[error("a port is a number from 0 to 65535, or * for any that is free")]
    Port,
    /// No path.
    #[error("an ipc endpoint is ipc://PATH or, on Linux, ipc://@NAME")]
    Path,
    /// A path longer than the system allows.
    #[error("an ipc path has at most {} octets", PATH_LEN_MAX)]
    PathTooLong,
    /// No name.
    #[error("an inproc endpoint is inproc://NAME")]
    Name,
    /// Abstract names are Linux's own.
    #[error("abstract names, as in ipc://@NAME, are for Linux only")]
    AbstractUnsupported,
}

impl Endpoint {
    /// Returns the addresses to listen on or to dial, resolving a name; empty for ipc
    /// and inproc.
    ///
    /// Blocks while the system resolves a name.
    ///
    /// # Errors
    ///
    /// The name cannot be resolved; try again later.
    pub fn addresses(&self) -> std::io::Result<Vec<SocketAddr>> {
        match self {
            Self::Tcp { host, port } if host == ANY_HOST => {
                Ok(vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), *port)])
            }
            Self::Tcp { host, port } => {
                Ok(std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), *port))?.collect())
            }
            Self::IpcPath(_) | Self::IpcAbstract(_) | Self::Inproc(_) => Ok(Vec::new()),
        }
    }

    /// Tells whether only processes of this machine can reach it.
    ///
    /// # Errors
    ///
    /// The host name cannot be resolved.
    pub fn is_local(&self) -> std::io::Result<bool> {
        Ok(self.addresses()?.iter().all(|address| address.ip().to_canonical().is_loopback()))
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp { host: address.ip().to_string(), port: address.port() }
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if let Some(rest) = text.strip_prefix("tcp://") {
            return tcp(rest);
        }
        match text.strip_prefix("inproc://") {
            Some("") => return Err(EndpointError::Name),
            Some(name) => return Ok(Self::Inproc(name.to_owned())),
            None => {}
        }
        let path = text.strip_prefix("ipc://").ok_or(EndpointError::Scheme)?;
        match path.strip_prefix('@') {
            _ if path.len() > PATH_LEN_MAX => Err(EndpointError::PathTooLong),
            _ if path.is_empty() || path == "@" || path.contains('\0') => Err(EndpointError::Path),
            None => Ok(Self::IpcPath(path.to_owned())),
            Some(name) if cfg!(target_os = "linux") => Ok(Self::IpcAbstract(name.to_owned())),
            Some(_) => Err(EndpointError::AbstractUnsupported),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::IpcPath(path) => write!(f, "ipc://{path}"),
            Self::IpcAbstract(name) => write!(f, "ipc://@{name}"),
            Self::Inproc(name) => write!(f, "inproc://{name}"),
        }
    }
}

fn tcp(rest: &str) -> Result<Endpoint, EndpointError> {
    let (host, port) = rest.rsplit_once(':').ok_or(EndpointError::Port)?;
    let port = match port {
        "*" => 0,
        // `parse` alone would take a sign.
        _ if port.bytes().all(|octet| octet.is_ascii_digit()) => {
            port.parse().map_err(|_| EndpointError::Port)?
        }
        _ => return Err(EndpointError::Port),
    };
    let host = match host.strip_prefix('[').map(|inner| inner.strip_suffix(']')) {
        Some(Some(inner)) if inner.parse::<std::net::Ipv6Addr>().is_ok() => inner,
        Some(_) => return Err(EndpointError::Brackets),
        None if host.contains(':') => return Err(EndpointError::Brackets),
        None if host.is_empty() || host.contains(['/', '?', '#', ' ', '@']) => {
            return Err(EndpointError::Host);
        }
        None => host,
    };
    Ok(Endpoint::Tcp { host: host.to_owned(), port })
}

/// Every IPv4 interface, as libzmq writes it.
const ANY_HOST: &str = "*";

/// Octets that fit into a socket address, with its closing zero, on Linux; macOS has 103.
const PATH_LEN_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_every_form_that_it_writes() {
        for (text, written) in [
            ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"),
            ("tcp://[::1]:5555", "tcp://[::1]:5555"),
            ("tcp://localhost:*", "tcp://localhost:0"),
            ("tcp://*:0", "tcp://*:0"),
            ("ipc:///tmp/a:b", "ipc:///tmp/a:b"),
            ("ipc://relative", "ipc://relative"),
            ("inproc://a name/@:?", "inproc://a name/@:?"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), written);
        }
        #[cfg(target_os = "linux")]
        assert_eq!("ipc://@name".parse::<Endpoint>().unwrap().to_string(), "ipc://@name");
    }

    #[test]
    fn says_what_is_wrong_with_everything_else() {
        let long = format!("ipc:///{}", "x".repeat(108));
        for (text, error) in [
            ("", EndpointError::Scheme),
            ("udp://127.0.0.1:5555", EndpointError::Scheme),
            ("TCP://127.0.0.1:5555", EndpointError::Scheme),
            ("tcp://127.0.0.1", EndpointError::Port),
            ("tcp://127.0.0.1:", EndpointError::Port),
            ("tcp://127.0.0.1:65536", EndpointError::Port),
            ("tcp://127.0.0.1:+5", EndpointError::Port),
            ("tcp://127.0.0.1:-1", EndpointError::Port),
            ("tcp://:5555", EndpointError::Host),
            ("tcp://a/b:5555", EndpointError::Host),
            ("tcp://::1:5555", EndpointError::Brackets),
            ("tcp://[127.0.0.1]:5555", EndpointError::Brackets),
            ("tcp://[::1:5555", EndpointError::Brackets),
            ("ipc://", EndpointError::Path),
            ("ipc://@", EndpointError::Path),
            ("inproc://", EndpointError::Name),
            ("inproc:x", EndpointError::Scheme),
            (&long, EndpointError::PathTooLong),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(error), "{text}");
        }
    }

    /// mux:listen:loopback-unless-open.
    #[test]
    fn tells_what_only_this_machine_can_reach() {
        for (text, local) in [
            ("tcp://127.0.0.1:1", true),
            ("tcp://127.9.9.9:1", true),
            ("tcp://[::1]:1", true),
            ("tcp://[::ffff:127.0.0.1]:1", true),
            ("ipc:///tmp/x", true),
            ("inproc://x", true),
            ("tcp://*:1", false),
            ("tcp://0.0.0.0:1", false),
            ("tcp://[::]:1", false),
            ("tcp://192.0.2.1:1", false),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().is_local().unwrap(), local, "{text}");
        }
    }
}
