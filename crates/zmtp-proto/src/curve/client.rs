//! The client's half of the CURVE handshake.
//!
//! | in             | on      | sends    | becomes        |
//! |----------------|---------|----------|----------------|
//! | (start)        |         | HELLO    | `AwaitWelcome` |
//! | `AwaitWelcome` | WELCOME | INITIATE | `AwaitReady`   |
//! | `AwaitReady`   | READY   |          | `Session`      |
//!
//! A client never sends ERROR: whatever does not fit, it closes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use zeroize::Zeroizing;

use crate::command::put_command;
use crate::curve::boxes::BoxKey;
use crate::curve::cookie::COOKIE_LEN;
use crate::curve::error::CurveError;
use crate::curve::key::{KeyPair, PublicKey, SecretKey};
use crate::curve::message::{Received, Sent, Session};
use crate::curve::nonce::{self, Random};
use crate::curve::{HELLO_LEN, READY_LEN_MIN, WELCOME_LEN};

/// What a connector needs to be a CURVE client. For one connection: its random octets must not be
/// used twice.
#[derive(Debug)]
pub struct CurveClient {
    server: PublicKey,
    keys: Arc<KeyPair>,
    transient: KeyPair,
    vouch_random: Random,
}

impl CurveClient {
    /// Number of random octets that one connection needs.
    pub const CHANCE_LEN: usize = 48;

    /// Makes a client that knows `server` and is known by `keys`. `chance` is random, for this
    /// connection alone.
    // spec: 26:curve:transient-keys
    #[must_use]
    pub fn new(server: PublicKey, keys: Arc<KeyPair>, chance: [u8; Self::CHANCE_LEN]) -> Self {
        let chance = Zeroizing::new(chance);
        let (secret, vouch_random) = split(&chance);
        let transient = KeyPair::from_secret(SecretKey::from_octets(secret));
        Self { server, keys, transient, vouch_random }
    }

    /// Appends HELLO.
    // spec: 26:curve:hello-size, 26:curve:hello-version, 26:curve:hello-padding,
    //       26:curve:hello-box
    pub(crate) fn start(self, out: &mut BytesMut) -> Result<AwaitWelcome, CurveError> {
        let to_server = BoxKey::shared(&self.server, &self.transient.secret)?;
        let mut sent = Sent::default();
        let counter = sent.next()?;
        let mut data = BytesMut::with_capacity(HELLO_LEN);
        data.extend_from_slice(&[1, 0]);
        data.extend_from_slice(&[0; 72]);
        data.extend_from_slice(self.transient.public.as_octets());
        data.extend_from_slice(&counter.to_be_bytes());
        to_server.seal(&nonce::short(nonce::HELLO, counter), &[&[0; 64]], &mut data);
        put_command("HELLO", &data, out);
        Ok(AwaitWelcome { client: self, to_server, sent })
    }
}

/// HELLO is sent.
#[derive(Debug)]
pub(crate) struct AwaitWelcome {
    client: CurveClient,
    to_server: BoxKey,
    sent: Sent,
}

impl AwaitWelcome {
    /// Takes the body of WELCOME and appends INITIATE with our metadata.
    // spec: 26:curve:welcome-size, 26:curve:welcome-box
    pub(crate) fn welcome(
        self,
        body: &[u8],
        metadata: &[u8],
        out: &mut BytesMut,
    ) -> Result<AwaitReady, CurveError> {
        let Self { client, to_server, mut sent } = self;
        let wrong_length =
            CurveError::Length { command: "WELCOME", len: body.len(), wanted: WELCOME_LEN };
        if body.len() != WELCOME_LEN {
            return Err(wrong_length);
        }
        let (random, boxed) =
            body.get(8..).and_then(<[u8]>::split_first_chunk).ok_or(wrong_length)?;
        let mut opened = BytesMut::with_capacity(PublicKey::LEN + COOKIE_LEN);
        to_server.open(&nonce::long(nonce::WELCOME, random), boxed, &mut opened)?;
        let (server_transient, cookie) = opened.split_first_chunk().ok_or(wrong_length)?;
        let server_transient = PublicKey::from_octets(*server_transient);
        let key = BoxKey::shared(&server_transient, &client.transient.secret)?;

        // The cookie goes back as it came.
        let counter = sent.next()?;
        let mut data = BytesMut::from(cookie);
        data.extend_from_slice(&counter.to_be_bytes());
        let vouch = vouch(&client, &server_transient)?;
        let parts = [&client.keys.public.as_octets()[..], &vouch, metadata];
        key.seal(&nonce::short(nonce::INITIATE, counter), &parts, &mut data);
        put_command("INITIATE", &data, out);
        Ok(AwaitReady { key, sent })
    }
}

/// Says, in a box that only the holder of our permanent key can make, that the transient key is
/// ours and meant for this server.
// spec: 26:curve:vouch-both-halves
fn vouch(client: &CurveClient, server_transient: &PublicKey) -> Result<BytesMut, CurveError> {
    let key = BoxKey::shared(server_transient, &client.keys.secret)?;
    let mut vouch = BytesMut::from(&client.vouch_random[..]);
    let parts = [&client.transient.public.as_octets()[..], client.server.as_octets()];
    key.seal(&nonce::long(nonce::VOUCH, &client.vouch_random), &parts, &mut vouch);
    Ok(vouch)
}

/// INITIATE is sent.
#[derive(Debug)]
pub(crate) struct AwaitReady {
    key: BoxKey,
    sent: Sent,
}

impl AwaitReady {
    /// Takes the body of READY and returns the server's metadata.
    // spec: 26:curve:ready
    pub(crate) fn ready(self, body: &[u8]) -> Result<(Bytes, Session), CurveError> {
        let wrong_length =
            CurveError::Length { command: "READY", len: body.len(), wanted: READY_LEN_MIN };
        if body.len() < READY_LEN_MIN {
            return Err(wrong_length);
        }
        let (counter, boxed) =
            body.get(6..).and_then(<[u8]>::split_first_chunk).ok_or(wrong_length)?;
        let counter = u64::from_be_bytes(*counter);
        let mut received = Received::default();
        received.check(counter)?;
        let mut metadata = BytesMut::with_capacity(boxed.len());
        self.key.open(&nonce::short(nonce::READY, counter), boxed, &mut metadata)?;
        received.note(counter);
        let Self { key, sent } = self;
        Ok((metadata.freeze(), Session::of_client(key, sent, received)))
    }
}

fn split(chance: &[u8; CurveClient::CHANCE_LEN]) -> ([u8; 32], Random) {
    let mut parts = ([0; 32], [0; 16]);
    for (to, from) in parts.0.iter_mut().chain(&mut parts.1).zip(chance) {
        *to = *from;
    }
    parts
}
