//! SOCKS 5, the client's side (RFC 1928), with user and password (RFC 1929). No socket in it.
//!
//! | in                  | on                     | send          | becomes             |
//! |---------------------|------------------------|---------------|---------------------|
//! | (start)             |                        | methods       | `AwaitVersion`      |
//! | `AwaitVersion`      | `05`                   |               | `AwaitMethod`       |
//! | `AwaitMethod`       | `00`                   | request       | `AwaitReplyVersion` |
//! | `AwaitMethod`       | `02`, if offered       | user, password | `AwaitAuthVersion` |
//! | `AwaitAuthVersion`  | `01`                   |               | `AwaitAuthStatus`   |
//! | `AwaitAuthStatus`   | `00`                   | request       | `AwaitReplyVersion` |
//! | `AwaitReplyVersion` | `05`                   |               | `AwaitReplyCode`    |
//! | `AwaitReplyCode`    | `00`                   |               | `AwaitReserved`     |
//! | `AwaitReserved`     | `00`                   |               | `AwaitAddressKind`  |
//! | `AwaitAddressKind`  | `01` or `04`           |               | `AwaitAddress`      |
//! | `AwaitAddressKind`  | `03`                   |               | `AwaitAddressLen`   |
//! | `AwaitAddressLen`   | any octet              |               | `AwaitAddress`      |
//! | `AwaitAddress`      | an octet, not the last |               | `AwaitAddress`      |
//! | `AwaitAddress`      | the last octet         |               | `Connected`         |
//! | any but `Connected` | all the rest           |               | `Err(..)`           |
//!
//! A state for each octet: nothing is collected, so nothing can grow, and what a proxy does wrong
//! is told at the octet that is wrong. The address that the proxy connects from is skipped. What
//! follows it is the target's, and never taken.

#![expect(clippy::unused_self, reason = "a transition consumes its state, whatever is in it")]

mod error;
mod field;
#[cfg(test)]
mod tests;

use zeroize::Zeroizing;

pub use error::{Blame, Refusal, SocksError};
pub use field::CredentialsError;
pub(crate) use field::{Credentials, Target};

/// Octets on their way to the proxy; the password may be among them.
pub(crate) type Outbox = Zeroizing<Vec<u8>>;

/// A connection through a proxy in the making. Each state is named after the octet it waits for.
#[derive(Debug)]
pub(crate) enum Socks {
    AwaitVersion(AwaitVersion),
    AwaitMethod(AwaitMethod),
    AwaitAuthVersion(AwaitAuthVersion),
    AwaitAuthStatus(AwaitAuthStatus),
    AwaitReplyVersion(AwaitReplyVersion),
    AwaitReplyCode(AwaitReplyCode),
    AwaitReserved(AwaitReserved),
    AwaitAddressKind(AwaitAddressKind),
    AwaitAddressLen(AwaitAddressLen),
    AwaitAddress(AwaitAddress),
    /// All that follows is between us and the target.
    Connected,
}

/// Our methods are on their way; the version of the answer has not arrived.
#[derive(Debug)]
pub(crate) struct AwaitVersion {
    target: Target,
    credentials: Option<Credentials>,
}

/// The method that the proxy chooses has not arrived.
#[derive(Debug)]
pub(crate) struct AwaitMethod {
    target: Target,
    /// Offered exactly if they are here.
    credentials: Option<Credentials>,
}

/// User and password are on their way; the version of the answer has not arrived.
#[derive(Debug)]
pub(crate) struct AwaitAuthVersion {
    target: Target,
}

/// Whether user and password are right has not arrived.
#[derive(Debug)]
pub(crate) struct AwaitAuthStatus {
    target: Target,
}

/// The request is on its way; the version of the reply has not arrived.
#[derive(Debug)]
pub(crate) struct AwaitReplyVersion;

/// How the request came out has not arrived.
#[derive(Debug)]
pub(crate) struct AwaitReplyCode;

/// It came out well; the octet without a meaning has not arrived.
#[derive(Debug)]
pub(crate) struct AwaitReserved;

/// The kind of the address has not arrived.
#[derive(Debug)]
pub(crate) struct AwaitAddressKind;

/// The address is a name, whose length has not arrived.
#[derive(Debug)]
pub(crate) struct AwaitAddressLen;

/// Address and port have not all arrived.
#[derive(Debug)]
pub(crate) struct AwaitAddress {
    /// Octets of both that are still to come. Invariant: never 0.
    left: u16,
}

impl Socks {
    /// Begins: appends to `outbox` what is sent first.
    pub(crate) fn start(
        target: Target,
        credentials: Option<Credentials>,
        outbox: &mut Outbox,
    ) -> Self {
        // So that it never moves, and leaves no password behind where it was.
        outbox.reserve(OUTBOX_LEN_MAX);
        let methods: &[u8] = match &credentials {
            None => &[VERSION, 1, NO_AUTHENTICATION],
            Some(_) => &[VERSION, 2, NO_AUTHENTICATION, USER_PASSWORD],
        };
        outbox.extend_from_slice(methods);
        Self::AwaitVersion(AwaitVersion { target, credentials })
    }

    /// Takes off the front of `input` what the proxy says, appending to `outbox` what must be
    /// sent. Whatever is left in `input` when it is connected comes from the target.
    ///
    /// Consumes the state: after an error there is none left to misuse.
    ///
    /// # Errors
    ///
    /// The proxy refused, or speaks something else; see [`SocksError`] for what next.
    pub(crate) fn handle(self, input: &mut &[u8], outbox: &mut Outbox) -> Result<Self, SocksError> {
        let mut state = self;
        while state.wanted() > 0
            && let Some((octet, rest)) = input.split_first()
        {
            *input = rest;
            state = state.handle_octet(*octet, outbox)?;
        }
        Ok(state)
    }

    /// Returns how many octets the proxy has yet to say at least before it waits for us or hands
    /// over to the target: to read more could take octets of the target's. 0 when connected.
    pub(crate) fn wanted(&self) -> u16 {
        match self {
            Self::AwaitVersion(_) | Self::AwaitAuthVersion(_) => 2,
            Self::AwaitMethod(_) | Self::AwaitAuthStatus(_) => 1,
            // The shortest address is a name without any octets: its length, and the port.
            Self::AwaitReplyVersion(_) => 7,
            Self::AwaitReplyCode(_) => 6,
            Self::AwaitReserved(_) => 5,
            Self::AwaitAddressKind(_) => 4,
            Self::AwaitAddressLen(_) => 3,
            Self::AwaitAddress(state) => state.left,
            Self::Connected => 0,
        }
    }

    fn handle_octet(self, octet: u8, outbox: &mut Outbox) -> Result<Self, SocksError> {
        match self {
            Self::AwaitVersion(state) => state.handle(octet),
            Self::AwaitMethod(state) => state.handle(octet, outbox),
            Self::AwaitAuthVersion(state) => state.handle(octet),
            Self::AwaitAuthStatus(state) => state.handle(octet, outbox),
            Self::AwaitReplyVersion(state) => state.handle(octet),
            Self::AwaitReplyCode(state) => state.handle(octet),
            Self::AwaitReserved(state) => state.handle(octet),
            Self::AwaitAddressKind(state) => state.handle(octet),
            Self::AwaitAddressLen(state) => Ok(state.handle(octet)),
            Self::AwaitAddress(state) => Ok(state.handle()),
            Self::Connected => Ok(Self::Connected),
        }
    }
}

impl AwaitVersion {
    fn handle(self, octet: u8) -> Result<Socks, SocksError> {
        let Self { target, credentials } = self;
        match octet {
            VERSION => Ok(Socks::AwaitMethod(AwaitMethod { target, credentials })),
            _ => Err(SocksError::Version(octet)),
        }
    }
}

impl AwaitMethod {
    fn handle(self, octet: u8, outbox: &mut Outbox) -> Result<Socks, SocksError> {
        match (octet, self.credentials) {
            (NO_AUTHENTICATION, _) => Ok(request(&self.target, outbox)),
            (USER_PASSWORD, Some(credentials)) => {
                credentials.put(outbox);
                Ok(Socks::AwaitAuthVersion(AwaitAuthVersion { target: self.target }))
            }
            (NONE_ACCEPTABLE, _) => Err(SocksError::NoAcceptableMethod),
            _ => Err(SocksError::MethodNotOffered(octet)),
        }
    }
}

impl AwaitAuthVersion {
    fn handle(self, octet: u8) -> Result<Socks, SocksError> {
        match octet {
            AUTH_VERSION => Ok(Socks::AwaitAuthStatus(AwaitAuthStatus { target: self.target })),
            _ => Err(SocksError::AuthVersion(octet)),
        }
    }
}

impl AwaitAuthStatus {
    fn handle(self, octet: u8, outbox: &mut Outbox) -> Result<Socks, SocksError> {
        match octet {
            SUCCESS => Ok(request(&self.target, outbox)),
            _ => Err(SocksError::AuthRefused(octet)),
        }
    }
}

/// Asks for `target`.
fn request(target: &Target, outbox: &mut Outbox) -> Socks {
    outbox.extend_from_slice(&[VERSION, CONNECT, RESERVED]);
    target.put(outbox);
    Socks::AwaitReplyVersion(AwaitReplyVersion)
}

impl AwaitReplyVersion {
    fn handle(self, octet: u8) -> Result<Socks, SocksError> {
        match octet {
            VERSION => Ok(Socks::AwaitReplyCode(AwaitReplyCode)),
            _ => Err(SocksError::Version(octet)),
        }
    }
}

impl AwaitReplyCode {
    fn handle(self, octet: u8) -> Result<Socks, SocksError> {
        match octet {
            SUCCESS => Ok(Socks::AwaitReserved(AwaitReserved)),
            _ => Err(SocksError::Refused(Refusal::from_wire(octet))),
        }
    }
}

impl AwaitReserved {
    fn handle(self, octet: u8) -> Result<Socks, SocksError> {
        match octet {
            RESERVED => Ok(Socks::AwaitAddressKind(AwaitAddressKind)),
            _ => Err(SocksError::Reserved(octet)),
        }
    }
}

impl AwaitAddressKind {
    fn handle(self, octet: u8) -> Result<Socks, SocksError> {
        match octet {
            KIND_IPV4 => Ok(Socks::AwaitAddress(AwaitAddress { left: 4 + PORT_LEN })),
            KIND_IPV6 => Ok(Socks::AwaitAddress(AwaitAddress { left: 16 + PORT_LEN })),
            KIND_NAME => Ok(Socks::AwaitAddressLen(AwaitAddressLen)),
            _ => Err(SocksError::AddressKind(octet)),
        }
    }
}

impl AwaitAddressLen {
    fn handle(self, octet: u8) -> Socks {
        Socks::AwaitAddress(AwaitAddress { left: u16::from(octet).saturating_add(PORT_LEN) })
    }
}

impl AwaitAddress {
    fn handle(self) -> Socks {
        match self.left.saturating_sub(1) {
            0 => Socks::Connected,
            left => Socks::AwaitAddress(Self { left }),
        }
    }
}

const VERSION: u8 = 5;
/// That of the exchange of user and password, which counts for itself.
const AUTH_VERSION: u8 = 1;
const NO_AUTHENTICATION: u8 = 0;
const USER_PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xFF;
const CONNECT: u8 = 1;
const RESERVED: u8 = 0;
const SUCCESS: u8 = 0;
const KIND_IPV4: u8 = 1;
const KIND_NAME: u8 = 3;
const KIND_IPV6: u8 = 4;
const PORT_LEN: u16 = 2;

/// The longest that we ever say: methods, user and password, request for a name.
const OUTBOX_LEN_MAX: usize = 4 + (1 + 2 * 256) + (4 + 256 + 2);
