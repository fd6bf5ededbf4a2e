//! What a [`Client`](crate::Client) and a [`Service`](crate::Service) have in common: how they find
//! their MUX, and how that is told from any other ROUTER.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use zmtp_proto::curve::{KeyPair, PublicKey};
use zmtp_proto::{DecodeError, Identity, PlainCredentials, Property, Reconnect};

use crate::core::PeerInfo;
use crate::net::dealer::{Dealer, DealerError, DealerOptions, LinkEvent};
use crate::net::endpoint::Endpoint;
use crate::net::security::{DialSecurity, SecurityError};

/// Why a client or a service was not connected.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name is none. The caller's fault.
    #[error("this is no name: a name has 1 to 255 octets, the first not zero")]
    Name(#[source] Option<DecodeError>),
    /// There is no connection; [`DealerError::retry`] says whether to try again.
    #[error(transparent)]
    Dealer(#[from] DealerError),
    /// The MUX closed the connection of a service during the handshake, without a word. As a rule
    /// another live service holds the name; or the MUX is too busy, about to end, or wants another
    /// mechanism or key. The wire does not tell which. Try again later, or with [`ServiceBuilder::start`](crate::ServiceBuilder::start),
    /// which waits for the name.
    #[error(
        "closed by the MUX during the handshake: another service may hold the name, or the key of \
         the server is another"
    )]
    LetGo,
    /// It answers, and is no MUX, but a plain ROUTER, say. Whoever wants to talk to that takes a
    /// [`Dealer`].
    #[error("the peer is no MUX")]
    NotAMux,
    /// The MUX took a service for a client: its listener there is one for clients, at which a name
    /// makes no service. Dial the one for services.
    #[error("the MUX takes us for a client here: this is a listener for clients")]
    NotAService,
}

/// How an end dials.
#[derive(Clone, Debug)]
pub(crate) struct Dialling {
    pub(crate) endpoint: Endpoint,
    pub(crate) options: DealerOptions,
    name: Option<Bytes>,
    /// What is wrong with the mechanism, to be said when it is to be used.
    fault: Option<SecurityError>,
}

impl Dialling {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        let options = DealerOptions {
            // spec: mux:client:opts-in
            // Never an error: the name is one that may be sent.
            metadata: Property::new(X_MUX, "1").into_iter().collect(),
            reconnect: Reconnect::Backoff {
                first: Duration::from_millis(100),
                max: Duration::from_secs(5),
            },
            ..DealerOptions::default()
        };
        Self { endpoint, options, name: None, fault: None }
    }

    pub(crate) fn name(&mut self, name: &[u8]) {
        self.name = Some(Bytes::copy_from_slice(name));
    }

    pub(crate) fn curve(&mut self, server: PublicKey, keys: Arc<KeyPair>) {
        self.options.security = DialSecurity::Curve { server, keys };
        self.fault = None;
    }

    pub(crate) fn plain(&mut self, user: &[u8], password: &[u8]) {
        match PlainCredentials::new(user, password) {
            Ok(credentials) => {
                self.options.security = DialSecurity::Plain(credentials);
                self.fault = None;
            }
            Err(error) => self.fault = Some(error.into()),
        }
    }

    /// Checks what was said.
    // spec: mux:security:checked-first
    fn validate(mut self) -> Result<Self, ConnectError> {
        if let Some(fault) = self.fault {
            return Err(DealerError::Security(fault).into());
        }
        if let Some(name) = self.name.take() {
            let identity = Identity::new(name).map_err(|error| ConnectError::Name(Some(error)))?;
            if identity.is_anonymous() {
                return Err(ConnectError::Name(None));
            }
            self.options.identity = identity;
        }
        Ok(self)
    }

    /// Dials once, and returns the MUX that it finds.
    // spec: mux:client:mux-only, mux:service:name-held
    pub(crate) async fn connect(self) -> Result<(Dealer, Arc<PeerInfo>), ConnectError> {
        let Self { endpoint, options, .. } = self.validate()?;
        let dealer = Dealer::connect_with(&endpoint, &options).await?;
        loop {
            if let LinkEvent::Up(peer) = dealer.event().await? {
                return if is_mux(&peer) { Ok((dealer, peer)) } else { Err(ConnectError::NotAMux) };
            }
        }
    }

    /// Dials in the background.
    pub(crate) fn start(self) -> Result<Dealer, ConnectError> {
        let Self { endpoint, options, .. } = self.validate()?;
        Ok(Dealer::start(endpoint, options)?)
    }
}

/// The methods of both builders that say how an end dials.
macro_rules! dialling_methods {
    () => {
        /// Encrypts, and shows the MUX that it holds these keys. Nobody but the holder of `server`
        /// is taken for the MUX. Another instance of a service with the same keys takes its name
        /// over at once; the first takes it back when it dials again, so stop it before.
        pub fn curve_client(
            mut self,
            server: zmtp_proto::curve::PublicKey,
            keys: impl Into<std::sync::Arc<zmtp_proto::curve::KeyPair>>,
        ) -> Self {
            self.dialling.curve(server, keys.into());
            self
        }

        /// Shows a user name and a password, in clear text. Another instance of a service of the
        /// same user takes its name over at once, as under [`curve_client`](Self::curve_client). If
        /// they cannot be sent,
        /// [`connect`](Self::connect) and [`start`](Self::start) say so.
        pub fn plain(mut self, user: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Self {
            self.dialling.plain(user.as_ref(), password.as_ref());
            self
        }

        /// Comes back after an end as this says; after 100 ms to 5 s unless told otherwise. A MUX that
        /// [ends in order](crate::Mux::end) says when itself, up to 10 s later.
        pub fn reconnect(mut self, policy: zmtp_proto::Reconnect) -> Self {
            self.dialling.options.reconnect = policy;
            self
        }

        /// Uses these limits, version and heartbeat on its connection.
        pub fn settings(mut self, settings: zmtp_proto::Settings) -> Self {
            self.dialling.options.settings = settings;
            self
        }

        /// Dials with this timeout and proxy.
        pub fn dial(mut self, dial: crate::net::dial::Dial) -> Self {
            self.dialling.options.dial = dial;
            self
        }
    };
}
pub(crate) use dialling_methods;

/// Tells whether a peer speaks our protocol.
pub(crate) fn is_mux(peer: &PeerInfo) -> bool {
    peer.metadata.get(X_MUX) == Some(b"1")
}

/// Returns which holder of its name a service is by this connection; `None` if it is no service
/// there.
// spec: mux:service:generation, mux:service:taken-for-one
pub(crate) fn generation(peer: &PeerInfo) -> Option<u64> {
    std::str::from_utf8(peer.metadata.get("X-Mux-Generation")?).ok()?.parse().ok()
}

/// The property of MUX/1.
const X_MUX: &str = "X-Mux";
