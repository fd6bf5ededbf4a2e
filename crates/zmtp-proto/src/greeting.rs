//! The greeting: the first 64 octets of either side.
//!
//! ```text
//! offset  0        1-8      9     10     11     12-31      32         33-63
//!         FF       padding  7F    major  minor  mechanism  as-server  filler
//!         signature               version       20 octets  0 or 1     ignored
//! ```

use std::fmt;

use nom::Parser;
use nom::bytes::streaming::take;
use nom::combinator::{map, map_res};
use nom::number::streaming::u8;

use crate::error::{ConnectionError, DecodeError};
use crate::mechanism::Mechanism;
use crate::parse::{Parsed, finish};

/// A ZMTP version that we speak, the lower of ours and the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// RFC 23: no heartbeats of our own, subscriptions as messages.
    V3_0,
    /// RFC 37. Peers that announce something higher get this.
    V3_1,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V3_0 => "3.0",
            Self::V3_1 => "3.1",
        })
    }
}

/// Which part a side claims in the security mechanism. Without meaning under NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityRole {
    /// The as-server octet is 0. libzmq sends this in both roles.
    Client,
    /// The as-server octet is 1.
    Server,
}

/// What a side says of itself before anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The version, as far as we follow it.
    pub version: Version,
    /// The one security mechanism that this side uses.
    pub mechanism: Mechanism,
    /// Its part in that mechanism.
    pub security_role: SecurityRole,
}

impl Greeting {
    /// Octets in a greeting.
    pub const LEN: usize = 64;

    /// Our greeting under NULL.
    pub const NULL: Self = Self {
        version: Version::V3_1,
        mechanism: Mechanism::NULL,
        security_role: SecurityRole::Client,
    };

    /// Takes a greeting off the front of `input`; `Ok(None)` while it is too short.
    ///
    /// Each octet is judged as soon as it is there: an HTTP client is refused at its first.
    ///
    /// # Errors
    ///
    /// The peer is no ZMTP 3 speaker.
    pub fn parse(input: &[u8]) -> Result<Option<Self>, DecodeError> {
        Ok(finish(greeting(input))?.map(|(_, greeting)| greeting))
    }

    /// Returns the octets of this greeting.
    // spec: 37:greeting:layout, 37:version:padding-zero
    #[must_use]
    pub fn to_octets(&self) -> [u8; Self::LEN] {
        let mut octets = [0; Self::LEN];
        let (signature, rest) = octets.split_at_mut(10);
        signature.copy_from_slice(&[0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F]);
        let (version, rest) = rest.split_at_mut(2);
        version.copy_from_slice(match self.version {
            Version::V3_0 => &[3, 0],
            Version::V3_1 => &[3, 1],
        });
        let (mechanism, rest) = rest.split_at_mut(Mechanism::FIELD_LEN);
        mechanism.copy_from_slice(self.mechanism.as_field());
        if let Some(as_server) = rest.first_mut() {
            *as_server = u8::from(self.security_role == SecurityRole::Server);
        }
        octets
    }

    /// Decides whether a side that sent `self` and one that sent `theirs` can go on.
    ///
    /// # Errors
    ///
    /// [`ConnectionError::MechanismMismatch`], or [`ConnectionError::RoleConflict`] when both
    /// claim to be the server. Two clients are not a conflict that can be seen here, since
    /// libzmq sends 0 in both roles.
    pub fn agree(&self, theirs: &Self) -> Result<(), ConnectionError> {
        // spec: 37:auth:mechanisms-match, 37:auth:one-mechanism
        if self.mechanism != theirs.mechanism {
            let (ours, theirs) = (self.mechanism, theirs.mechanism);
            return Err(ConnectionError::MechanismMismatch { ours, theirs });
        }
        // spec: 37:topology:null-has-no-roles, 37:topology:role-conflict
        if self.mechanism != Mechanism::NULL
            && (self.security_role, theirs.security_role)
                == (SecurityRole::Server, SecurityRole::Server)
        {
            return Err(ConnectionError::RoleConflict);
        }
        Ok(())
    }
}

/// `greeting = signature version mechanism as-server filler`
fn greeting(input: &[u8]) -> Parsed<'_, Greeting> {
    map(
        (signature, version, mechanism, as_server, filler),
        |((), version, mechanism, security_role, ())| Greeting {
            version,
            mechanism,
            security_role,
        },
    )
    .parse(input)
}

/// `signature = %xFF 8OCTET %x7F`, whose middle has no meaning.
// spec: 37:version:padding-ignored, 37:greeting:signature, 37:greeting:early-refusal
fn signature(input: &[u8]) -> Parsed<'_, ()> {
    map((signature_octet::<0, 0xFF>, take(8_usize), signature_octet::<9, 0x7F>), |_| ())
        .parse(input)
}

fn signature_octet<const OFFSET: u8, const WANTED: u8>(input: &[u8]) -> Parsed<'_, ()> {
    map_res(u8, |octet| match octet {
        _ if octet == WANTED => Ok(()),
        _ => Err(DecodeError::Signature { offset: OFFSET, octet }),
    })
    .parse(input)
}

/// `version = major minor`, both octets; what is above ours counts as ours.
fn version(input: &[u8]) -> Parsed<'_, Version> {
    let (input, major) = map_res(u8, |major| match major {
        // spec: 37:version:older-refused
        0..3 => Err(DecodeError::Version { major }),
        _ => Ok(major),
    })
    .parse(input)?;
    // spec: 37:version:higher-accepted, 37:version:downgrade-to-3-0
    map(u8, |minor| if (major, minor) == (3, 0) { Version::V3_0 } else { Version::V3_1 })
        .parse(input)
}

/// `mechanism = 20mechanism-char`
fn mechanism(input: &[u8]) -> Parsed<'_, Mechanism> {
    map_res(take(Mechanism::FIELD_LEN), Mechanism::from_field).parse(input)
}

/// `as-server = %x00 | %x01`
// spec: 37:greeting:as-server-octet
fn as_server(input: &[u8]) -> Parsed<'_, SecurityRole> {
    map_res(u8, |octet| match octet {
        0 => Ok(SecurityRole::Client),
        1 => Ok(SecurityRole::Server),
        _ => Err(DecodeError::AsServer(octet)),
    })
    .parse(input)
}

/// `filler = 31OCTET`: the grammar says zero, no rule says what a receiver does, so room is left.
// spec: 37:greeting:filler-ignored
fn filler(input: &[u8]) -> Parsed<'_, ()> {
    map(take(31_usize), |_| ()).parse(input)
}

#[cfg(test)]
mod tests;
