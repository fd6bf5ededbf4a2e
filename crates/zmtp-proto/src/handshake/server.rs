//! The half of a handshake that the side which was dialled plays.

use bytes::{Bytes, BytesMut};

use super::{Answer, Handshake, Peer, Told, expect, refused};
use crate::curve;
use crate::error::ConnectionError;
use crate::greeting::Version;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::plain::{self, PlainCredentials};
use crate::security::Credentials;

/// What a server waits for.
#[derive(Debug)]
pub(crate) enum Server {
    NullReady,
    PlainHello,
    /// With the user name that was accepted.
    PlainInitiate(Bytes),
    CurveHello(Box<curve::CurveServer>),
    CurveInitiate(curve::AwaitInitiate),
}

impl Server {
    pub(super) fn command_len_max(&self, limits: &Limits) -> usize {
        match self {
            Self::NullReady | Self::PlainInitiate(_) => limits.command_len_max,
            Self::PlainHello => plain::HELLO_LEN_MAX,
            Self::CurveHello(_) => curve::HELLO_LEN,
            Self::CurveInitiate(_) => limits.initiate_len_max,
        }
    }

    // spec: 24:plain:order, 26:curve:order, 26:curve:state-before-keys, 26:curve:silent-close
    pub(super) fn handle(
        self,
        version: Version,
        body: &[u8],
        limits: &Limits,
        out: &mut BytesMut,
    ) -> Result<(Handshake, Told), ConnectionError> {
        let (credentials, metadata, answer) = match self {
            Self::NullReady => {
                refused(body, limits)?;
                let data = expect(body, "READY", limits)?;
                (Credentials::None, Bytes::copy_from_slice(data), Answer::Clear)
            }
            // spec: 24:plain:credentials-at-hello
            Self::PlainHello => {
                let credentials = PlainCredentials::parse(expect(body, "HELLO", limits)?)?;
                let next = Handshake::Judging(version, credentials.user().clone());
                return Ok((next, Told::Credentials(credentials)));
            }
            Self::PlainInitiate(user) => {
                let data = expect(body, "INITIATE", limits)?;
                (Credentials::Plain { user }, Bytes::copy_from_slice(data), Answer::Clear)
            }
            Self::CurveHello(server) => {
                expect(body, "HELLO", limits)?;
                let next = Self::CurveInitiate(server.hello(body, out)?);
                return Ok((Handshake::Server(version, next), Told::Nothing));
            }
            Self::CurveInitiate(state) => {
                expect(body, "INITIATE", limits)?;
                let (metadata, vouched) = state.initiate(body)?;
                (Credentials::Curve(vouched.permanent), metadata, Answer::Curve(vouched))
            }
        };
        let peer = Peer::new(version, credentials, Metadata::parse(metadata, limits)?)?;
        Ok((Handshake::Deciding(peer, answer), Told::Nothing))
    }
}
