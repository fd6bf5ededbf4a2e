//! The half of a handshake that the side which dialled plays.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};

use super::{Handshake, Local, Peer, Security, expect, incompatible};
use crate::command::{put_command, put_error};
use crate::curve::{self, READY_LEN_MIN, WELCOME_LEN};
use crate::error::{ConnectionError, DecodeError};
use crate::greeting::Version;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::plain;
use crate::security::Credentials;

/// What a client waits for.
#[derive(Debug)]
pub(crate) enum Client {
    NullReady,
    PlainWelcome,
    PlainReady,
    CurveWelcome(Box<curve::AwaitWelcome>),
    CurveReady(curve::AwaitReady),
}

impl Client {
    pub(super) fn command_len_max(&self, limits: &Limits) -> usize {
        match self {
            Self::NullReady | Self::PlainReady => limits.command_len_max,
            Self::PlainWelcome => ERROR_LEN_MAX,
            Self::CurveWelcome(_) => WELCOME_LEN.max(ERROR_LEN_MAX),
            Self::CurveReady(_) => READY_LEN_MIN.saturating_add(limits.command_len_max),
        }
    }

    /// Returns the body of a command as it was meant.
    pub(super) fn mend<'b>(&self, body: &'b [u8]) -> Cow<'b, [u8]> {
        match self {
            Self::PlainWelcome | Self::PlainReady => plain::mend_error(body),
            Self::NullReady | Self::CurveWelcome(_) | Self::CurveReady(_) => body.into(),
        }
    }

    // spec: 24:plain:order, 24:plain:welcome-empty, 26:curve:order, 26:curve:state-before-keys
    pub(super) fn handle(
        self,
        version: Version,
        local: Local,
        body: &[u8],
        limits: &Limits,
        out: &mut BytesMut,
    ) -> Result<Handshake, ConnectionError> {
        let next = match self {
            Self::NullReady | Self::PlainReady => {
                let data = expect(body, "READY", limits)?;
                let metadata = Metadata::parse(Bytes::copy_from_slice(data), limits)?;
                return self.done(version, &local, metadata, Security::Clear, out);
            }
            Self::PlainWelcome => {
                if !expect(body, "WELCOME", limits)?.is_empty() {
                    return Err(DecodeError::TrailingOctets.into());
                }
                put_command("INITIATE", &local.metadata(), out);
                Self::PlainReady
            }
            Self::CurveWelcome(state) => {
                expect(body, "WELCOME", limits)?;
                Self::CurveReady(state.welcome(body, &local.metadata(), out)?)
            }
            Self::CurveReady(state) => {
                expect(body, "READY", limits)?;
                let (metadata, session) = state.ready(body)?;
                let metadata = Metadata::parse(metadata, limits)?;
                let security = Security::Curve(Box::new(session));
                return done(version, &local, metadata, security);
            }
        };
        Ok(Handshake::Client(version, local, next))
    }

    /// Ends the handshake of a client that hears in the clear: under NULL it may tell the peer
    /// what is wrong.
    // spec: 24:plain:client-never-errors, 26:curve:client-never-errors
    fn done(
        self,
        version: Version,
        local: &Local,
        metadata: Metadata,
        security: Security,
        out: &mut BytesMut,
    ) -> Result<Handshake, ConnectionError> {
        let outcome = done(version, local, metadata, security);
        if let (Self::NullReady, Err(ConnectionError::Incompatible { .. })) = (&self, &outcome) {
            put_error("incompatible-socket-type", out);
        }
        outcome
    }
}

/// Ends the handshake of a client, if the server's socket fits. Under PLAIN and CURVE the server is
/// not told if it does not.
// spec: 24:plain:client-never-errors, 26:curve:client-never-errors
fn done(
    version: Version,
    local: &Local,
    metadata: Metadata,
    security: Security,
) -> Result<Handshake, ConnectionError> {
    let peer = Peer::new(version, Credentials::None, metadata)?;
    // spec: 37:socket-type:mismatch-error
    if !local.socket_type.talks_to(peer.socket_type) {
        return Err(incompatible(local.socket_type, peer.socket_type));
    }
    Ok(Handshake::Done(peer, local.socket_type, security))
}

/// Octets in the body of the longest ERROR.
const ERROR_LEN_MAX: usize = 262;
