//! Security mechanisms as listeners and dialling sockets are given them.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;
use zmtp_proto::curve::{
    CookieKeys, CurveClient, CurveServer, KeyPair, PublicKey, SecretKey, SeenHellos,
};
use zmtp_proto::{ClientSecurity, Mechanism, PlainCredentials, PlainError, ServerSecurity};

use crate::net::authenticator::Admittance;
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
    pub fn new(keys: impl Into<Arc<KeyPair>>) -> Self {
        Self { keys: keys.into(), cookies: Arc::default(), seen: Arc::default() }
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

impl From<KeyPair> for CurveIdentity {
    fn from(keys: KeyPair) -> Self {
        Self::new(keys)
    }
}

impl From<Arc<KeyPair>> for CurveIdentity {
    fn from(keys: Arc<KeyPair>) -> Self {
        Self::new(keys)
    }
}

/// A mechanism that is set in a way in which it cannot work. The caller's fault, and found before
/// anything starts.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecurityError {
    /// Nobody judges who comes, so nobody would be let in.
    #[error("{0} lets nobody in unless an Admittance says whom")]
    Unjudged(Mechanism),
    /// Who judges lets nobody in under this mechanism: a list of keys without CURVE, or of users
    /// without PLAIN.
    #[error("the Admittance is for {wanted}, and the mechanism is {set}")]
    OtherMechanism {
        /// Under which it lets somebody in.
        wanted: Mechanism,
        /// Which is set.
        set: Mechanism,
    },
    /// The public key of a pair is not the one that belongs to its secret key.
    #[error("the public key does not belong to the secret one")]
    KeysDiffer,
    /// A user name or a password that cannot be sent.
    #[error(transparent)]
    Credentials(#[from] PlainError),
}

impl ListenSecurity {
    pub(crate) fn mechanism(&self) -> Mechanism {
        match self {
            Self::Null => Mechanism::NULL,
            Self::Plain => Mechanism::PLAIN,
            Self::Curve(_) => Mechanism::CURVE,
        }
    }

    /// Checks that somebody can come in.
    // spec: mux:security:checked-first
    pub(crate) fn validate(&self, admittance: &Admittance) -> Result<(), SecurityError> {
        let set = self.mechanism();
        match (self, admittance) {
            (Self::Plain | Self::Curve(_), Admittance::Usual) => {
                return Err(SecurityError::Unjudged(set));
            }
            (_, Admittance::By(judge)) => match judge.mechanism() {
                Some(wanted) if wanted != set => {
                    return Err(SecurityError::OtherMechanism { wanted, set });
                }
                Some(_) | None => {}
            },
            (_, Admittance::Usual | Admittance::Everybody) => {}
        }
        match self {
            Self::Curve(identity) => fit(&identity.keys),
            Self::Null | Self::Plain => Ok(()),
        }
    }

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
    /// Checks that it can be used.
    // spec: mux:security:checked-first
    pub(crate) fn validate(&self) -> Result<(), SecurityError> {
        match self {
            Self::Curve { keys, .. } => fit(keys),
            Self::Null | Self::Plain(_) => Ok(()),
        }
    }

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

/// Checks that the halves of a pair belong together: both can be set.
fn fit(keys: &KeyPair) -> Result<(), SecurityError> {
    let same = KeyPair::from_secret(SecretKey::from_octets(*keys.secret.as_octets()));
    if same.public == keys.public { Ok(()) } else { Err(SecurityError::KeysDiffer) }
}

/// Makes a new pair of keys.
///
/// # Errors
///
/// The system has no random octets to give.
pub fn generate_keys() -> io::Result<KeyPair> {
    Ok(KeyPair::from_secret(SecretKey::from_octets(draw()?)))
}
