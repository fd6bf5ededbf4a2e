//! What a client fills in: credentials and the target, checked before they are needed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use thiserror::Error;
use zeroize::Zeroizing;

use super::{AUTH_VERSION, KIND_IPV4, KIND_IPV6, KIND_NAME, Outbox, SocksError};

/// `field = LEN 1*255OCTET`, as it goes over the wire; overwritten when dropped.
#[derive(Clone)]
struct Field(Zeroizing<Vec<u8>>);

impl Field {
    /// Returns `None` for octets too few or too many.
    fn new(octets: &[u8]) -> Option<Self> {
        let len = u8::try_from(octets.len()).ok().filter(|len| *len > 0)?;
        // Reserved at once: a vector that grows leaves its octets behind.
        let mut field = Zeroizing::new(Vec::with_capacity(octets.len().saturating_add(1)));
        field.push(len);
        field.extend_from_slice(octets);
        Some(Self(field))
    }

    fn octets(&self) -> &[u8] {
        self.0.get(1..).unwrap_or_default()
    }
}

/// A user and a password. Overwritten when dropped, and the password is never shown.
#[derive(Clone)]
pub(crate) struct Credentials {
    user: Field,
    password: Field,
}

/// Why user and password are none: the caller's fault.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The user is empty or too long.
    #[error("a user has 1 to 255 octets, this one has {0}")]
    UserLen(usize),
    /// The password is empty or too long.
    #[error("a password has 1 to 255 octets, this one has {0}")]
    PasswordLen(usize),
}

impl Credentials {
    pub(crate) fn new(user: &[u8], password: &[u8]) -> Result<Self, CredentialsError> {
        Ok(Self {
            user: Field::new(user).ok_or(CredentialsError::UserLen(user.len()))?,
            password: Field::new(password).ok_or(CredentialsError::PasswordLen(password.len()))?,
        })
    }

    /// Appends `auth = %x01 user password`.
    pub(super) fn put(&self, outbox: &mut Outbox) {
        outbox.push(AUTH_VERSION);
        outbox.extend_from_slice(&self.user.0);
        outbox.extend_from_slice(&self.password.0);
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user", &format_args!("{}", self.user.octets().escape_ascii()))
            .finish_non_exhaustive()
    }
}

/// Where the proxy shall connect to.
#[derive(Clone)]
pub(crate) struct Target(Host, u16);

#[derive(Clone)]
enum Host {
    /// The proxy resolves it.
    Name(Field),
    Address(IpAddr),
}

impl Target {
    /// # Errors
    ///
    /// A name is empty or has more than 255 octets.
    pub(crate) fn new(host: &str, port: u16) -> Result<Self, SocksError> {
        let host = match host.parse() {
            Ok(address) => Host::Address(address),
            Err(_) => {
                Host::Name(Field::new(host.as_bytes()).ok_or(SocksError::HostLen(host.len()))?)
            }
        };
        Ok(Self(host, port))
    }

    /// Appends `target = %x01 4OCTET port / %x03 name port / %x04 16OCTET port`.
    pub(super) fn put(&self, outbox: &mut Outbox) {
        match &self.0 {
            Host::Name(name) => {
                outbox.push(KIND_NAME);
                outbox.extend_from_slice(&name.0);
            }
            Host::Address(IpAddr::V4(address)) => {
                outbox.push(KIND_IPV4);
                outbox.extend_from_slice(&address.octets());
            }
            Host::Address(IpAddr::V6(address)) => {
                outbox.push(KIND_IPV6);
                outbox.extend_from_slice(&address.octets());
            }
        }
        outbox.extend_from_slice(&self.1.to_be_bytes());
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Host::Name(name) => write!(f, "Target({}:{})", name.octets().escape_ascii(), self.1),
            Host::Address(address) => write!(f, "Target({})", SocketAddr::new(*address, self.1)),
        }
    }
}
