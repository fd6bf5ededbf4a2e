//! Security mechanisms as listeners and dialling sockets are given them.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use zmtp_proto::curve::{
    CookieKeys, CurveClient, CurveServer, KeyPair, PublicKey, SecretKey, SeenHellos,
};
use zmtp_proto::{ClientSecurity, PlainCredentials, ServerSecurity};

use crate::net::chance::draw;
use crate::net::clock::now;

/// The mechanism of a listener.
#[derive(Clone, Debug, Default)]
pub enum ListenSecurity {
    /// None.
    #[default]
    Null,
    /// User names and passwords, in clear text: for links that are private already.
    Plain,
    /// Keys and encryption.
    Curve(CurveIdentity),
}

/// The keys of a CURVE server. Clones share the key of its cookies, too, and what they have seen.
#[derive(Clone, Debug)]
pub struct CurveIdentity {
    keys: Arc<KeyPair>,
    cookies: Arc<Mutex<CookieKeys>>,
    seen: Arc<SeenHellos>,
}

impl CurveIdentity {
    /// Makes a server that is known by these keys.
    #[must_use]
    pub fn new(keys: KeyPair) -> Self {
        Self { keys: Arc::new(keys), cookies: Arc::default(), seen: Arc::default() }
    }

    /// Returns the key by which clients know it.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.keys.public
    }

    /// Forgets a cookie key whose time is over.
    // spec: 26:curve:cookie-key-short-lived
    pub(crate) fn forget_old_cookies(&self) {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).forget_old(now());
    }
}

impl ListenSecurity {
    /// Returns what one connection needs.
    ///
    /// # Errors
    ///
    /// The system has no random octets to give.
    pub(crate) fn server(&self) -> io::Result<ServerSecurity> {
        Ok(match self {
            Self::Null => ServerSecurity::Null,
            Self::Plain => ServerSecurity::Plain,
            Self::Curve(CurveIdentity { keys, cookies, seen }) => {
                let cookie =
                    cookies.lock().unwrap_or_else(PoisonError::into_inner).current(now(), draw)?;
                let server =
                    CurveServer::new(Arc::clone(keys), cookie, draw()?).with_seen(Arc::clone(seen));
                ServerSecurity::Curve(Box::new(server))
            }
        })
    }
}

/// The mechanism of a socket that dials.
#[derive(Clone, Debug, Default)]
pub enum DialSecurity {
    /// None.
    #[default]
    Null,
    /// A user name and a password, in clear text: for links that are private already.
    Plain(PlainCredentials),
    /// Keys and encryption.
    Curve {
        /// The server, which nobody else can then pretend to be.
        server: PublicKey,
        /// Our own keys, by which the server knows us.
        keys: Arc<KeyPair>,
    },
}

impl DialSecurity {
    /// Returns what one connection needs.
    ///
    /// # Errors
    ///
    /// The system has no random octets to give.
    pub(crate) fn client(&self) -> io::Result<ClientSecurity> {
        Ok(match self {
            Self::Null => ClientSecurity::Null,
            Self::Plain(credentials) => ClientSecurity::Plain(credentials.clone()),
            Self::Curve { server, keys } => {
                let client = CurveClient::new(*server, Arc::clone(keys), draw()?);
                ClientSecurity::Curve(Box::new(client))
            }
        })
    }
}

/// Makes a new pair of keys.
///
/// # Errors
///
/// The system has no random octets to give.
pub fn generate_keys() -> io::Result<KeyPair> {
    Ok(KeyPair::from_secret(SecretKey::from_octets(draw()?)))
}
