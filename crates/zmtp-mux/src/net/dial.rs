//! Dialling: from an endpoint to a connected stream, straight or through a SOCKS 5 proxy.
//!
//! ```text
//! name ──► addresses ──► race of attempts ──► (proxy: SOCKS 5, names the target) ──► Stream
//! └───────────────────────── within one connect_timeout ─────────────────────────┘
//! ```

mod proxy;
mod race;
mod tcp;
#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use thiserror::Error;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};

pub use self::proxy::Proxy;
use crate::net::clock::after;
use crate::net::endpoint::Endpoint;
use crate::net::inproc;
use crate::net::socks::SocksError;
use crate::net::stream::Stream;

/// How endpoints are dialled.
#[derive(Clone, Debug)]
pub struct Dial {
    /// The time for all of it: resolving a name, every address that it has, and the proxy's
    /// answers. 5 seconds by default.
    pub connect_timeout: Duration,
    /// Through which TCP endpoints are reached; by default none. ipc and inproc never need one.
    pub proxy: Option<Proxy>,
}

/// Why an endpoint could not be dialled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// Nobody answered in time. Temporary as a rule: retry.
    #[error("no connection within {0:?}")]
    Timeout(Duration),
    /// The endpoint's name, or the proxy's, has no address now. Wrong, or temporary: retry, since
    /// it is resolved anew.
    #[error("name not resolved: {0}")]
    Resolve(#[source] io::Error),
    /// No address could be connected to, or the proxy's stream broke; of several failures the
    /// last. Temporary as a rule: retry.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The proxy did not connect us; [`SocksError::retry`] says whether to retry.
    #[error(transparent)]
    Socks(#[from] SocksError),
}

impl Default for Dial {
    fn default() -> Self {
        Self { connect_timeout: CONNECT_TIMEOUT, proxy: None }
    }
}

impl Dial {
    /// Dials `endpoint` once.
    ///
    /// # Errors
    ///
    /// It cannot be reached, or not in time; see [`DialError`] for what next.
    ///
    /// # Cancel safety
    ///
    /// When dropped, every connection in the making is closed when the runtime next comes to it,
    /// and nothing else has happened. A name that the system is resolving occupies a thread of the
    /// runtime's until it is done.
    // spec: 37:dial:connect-timeout
    pub(crate) async fn dial(&self, endpoint: &Endpoint) -> Result<Stream, DialError> {
        let deadline = after(self.connect_timeout);
        match timeout_at(deadline, self.dial_until(endpoint, deadline)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DialError::Timeout(self.connect_timeout)),
        }
    }

    /// Dials, sharing the time until `deadline`, which the caller watches.
    async fn dial_until(
        &self,
        endpoint: &Endpoint,
        deadline: Instant,
    ) -> Result<Stream, DialError> {
        match (endpoint, &self.proxy) {
            (Endpoint::Tcp { host, port }, None) => {
                tcp::connect(host, *port, deadline).await.map(Stream::Tcp)
            }
            (Endpoint::Tcp { host, port }, Some(proxy)) => {
                proxy.connect(host, *port, deadline).await.map(Stream::Tcp)
            }
            (Endpoint::IpcPath(path), _) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
            (Endpoint::IpcAbstract(name), _) => Ok(Stream::Unix(dial_abstract(name).await?)),
            (Endpoint::Inproc(name), _) => Ok(Stream::Inproc(inproc::connect(name).await?)),
        }
    }
}

/// Dials a name in Linux's abstract name space, which tokio tells by its first octet.
#[cfg(target_os = "linux")]
async fn dial_abstract(name: &str) -> io::Result<UnixStream> {
    UnixStream::connect(format!("\0{name}")).await
}

#[cfg(not(target_os = "linux"))]
async fn dial_abstract(_: &str) -> io::Result<UnixStream> {
    Err(io::ErrorKind::Unsupported.into())
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
