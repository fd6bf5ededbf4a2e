//! A SOCKS 5 proxy: where it is, who we are to it, and the conversation over a socket.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;
use zeroize::Zeroize;

use super::{DialError, tcp};
use crate::net::socks::{Credentials, CredentialsError, Outbox, Socks, SocksError, Target};

/// A SOCKS 5 proxy. It is given the names of targets unresolved.
///
/// Its user and password go to it in the clear: SOCKS has no other way.
#[derive(Clone, Debug)]
pub struct Proxy {
    host: String,
    port: u16,
    credentials: Option<Credentials>,
}

impl Proxy {
    /// A proxy at `host`, a name or an address, that asks for no password.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port, credentials: None }
    }

    /// Gives it a user and a password, for the case that it asks for them. Our copies are
    /// overwritten when dropped, and `Debug` does not show the password.
    ///
    /// # Errors
    ///
    /// One of them is empty or has more than 255 octets.
    pub fn with_credentials(
        self,
        user: impl AsRef<[u8]>,
        password: impl AsRef<[u8]>,
    ) -> Result<Self, CredentialsError> {
        let credentials = Credentials::new(user.as_ref(), password.as_ref())?;
        Ok(Self { credentials: Some(credentials), ..self })
    }

    /// Connects to `host`, which the proxy resolves.
    // spec: 37:dial:socks5
    pub(super) async fn connect(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<TcpStream, DialError> {
        // First, so that a name too long is told without a connection.
        let target = Target::new(host, port)?;
        let mut stream = tcp::connect(&self.host, self.port, deadline).await?;
        self.negotiate(&mut stream, target).await?;
        Ok(stream)
    }

    async fn negotiate(&self, stream: &mut TcpStream, target: Target) -> Result<(), DialError> {
        let mut outbox = Outbox::default();
        let mut inbox = Vec::new();
        let mut socks = Socks::start(target, self.credentials.clone(), &mut outbox);
        while socks.wanted() > 0 {
            stream.write_all(&outbox).await?;
            outbox.zeroize();
            inbox.clear();
            // Not an octet more: what follows the proxy's last is the target's.
            let mut turn = (&mut *stream).take(u64::from(socks.wanted()));
            if turn.read_buf(&mut inbox).await? == 0 {
                return Err(SocksError::Closed.into());
            }
            socks = socks.handle(&mut inbox.as_slice(), &mut outbox)?;
        }
        Ok(())
    }
}
