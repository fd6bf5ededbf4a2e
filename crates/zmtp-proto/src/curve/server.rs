//! The server's half of the CURVE handshake.
//!
//! | in              | on       | sends   | becomes          |
//! |-----------------|----------|---------|------------------|
//! | (start)         |          |         | `AwaitHello`     |
//! | `AwaitHello`    | HELLO    | WELCOME | `AwaitInitiate`  |
//! | `AwaitInitiate` | INITIATE |         | `Vouched`        |
//! | `Vouched`       | a yes    | READY   | `Session`        |
//!
//! Between WELCOME and INITIATE the server holds the client's transient key, two nonces and a
//! reference to the cookie key. Its own transient secret is with the client, in the cookie.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::command::put_command;
use crate::curve::boxes::BoxKey;
use crate::curve::cookie::{COOKIE_LEN, CookieKey};
use crate::curve::error::CurveError;
use crate::curve::key::{KeyPair, PublicKey, SecretKey};
use crate::curve::message::{Received, Sent, Session};
use crate::curve::nonce::{self, Random};
use crate::curve::seen::{SeenHellos, Sight};
use crate::curve::{HELLO_LEN, INITIATE_LEN_MIN, WELCOME_LEN};

/// What an acceptor needs to be a CURVE server. For one connection: its random octets must not be
/// used twice.
#[derive(Debug)]
pub struct CurveServer {
    keys: Arc<KeyPair>,
    cookie_key: Arc<CookieKey>,
    chance: Zeroizing<[u8; Self::CHANCE_LEN]>,
    seen: Option<Arc<SeenHellos>>,
}

impl CurveServer {
    /// Number of random octets that one connection needs.
    pub const CHANCE_LEN: usize = 64;

    /// Makes a server that is known by `keys`. The cookie key is shared by the connections of a
    /// server ([`CookieKeys`](crate::curve::CookieKeys)); `chance` is random, for this connection
    /// alone.
    #[must_use]
    pub fn new(
        keys: Arc<KeyPair>,
        cookie_key: Arc<CookieKey>,
        chance: [u8; Self::CHANCE_LEN],
    ) -> Self {
        Self { keys, cookie_key, chance: Zeroizing::new(chance), seen: None }
    }

    /// Refuses a HELLO that is in `seen`, and notes those that are good.
    #[must_use]
    pub fn with_seen(self, seen: Arc<SeenHellos>) -> Self {
        Self { seen: Some(seen), ..self }
    }

    /// Takes the body of HELLO and appends WELCOME.
    // spec: 26:curve:hello-size, 26:curve:hello-version, 26:curve:hello-padding,
    //       26:curve:hello-box, 26:curve:bounded-before-vouch
    pub(crate) fn hello(
        self,
        body: &[u8],
        out: &mut BytesMut,
    ) -> Result<AwaitInitiate, CurveError> {
        let hello = Hello::parse(body)?;
        // spec: 26:curve:hello-once
        if self.seen.as_ref().is_some_and(|seen| seen.look(&hello.client) == Sight::Again) {
            return Err(CurveError::SeenBefore);
        }
        let key = BoxKey::shared(&hello.client, &self.keys.secret)?;
        let mut received = Received::default();
        received.check(hello.counter)?;
        let mut zeros = BytesMut::with_capacity(64);
        key.open(&nonce::short(nonce::HELLO, hello.counter), hello.signature, &mut zeros)?;
        if !bool::from(zeros.as_ref().ct_eq(&[0; 64])) {
            return Err(CurveError::Padding);
        }
        received.note(hello.counter);
        if let Some(seen) = &self.seen {
            seen.note(&hello.client);
        }
        let cookie_random = self.put_welcome(&key, &hello.client, out);
        let Self { keys, cookie_key, .. } = self;
        let client = hello.client;
        Ok(AwaitInitiate { keys, cookie_key, cookie_random, client, received })
    }

    /// Appends WELCOME, and returns by what its cookie is known again.
    // spec: 26:curve:welcome-box, 26:curve:transient-keys, 26:curve:long-nonces
    fn put_welcome(&self, key: &BoxKey, client: &PublicKey, out: &mut BytesMut) -> Random {
        let (secret, welcome_random, cookie_random) = split(&self.chance);
        let transient = KeyPair::from_secret(SecretKey::from_octets(secret));
        let mut cookie = BytesMut::with_capacity(COOKIE_LEN);
        self.cookie_key.seal(&cookie_random, client, &transient.secret, &mut cookie);
        let mut data = BytesMut::with_capacity(WELCOME_LEN);
        data.extend_from_slice(&welcome_random);
        let parts = [&transient.public.as_octets()[..], &cookie];
        key.seal(&nonce::long(nonce::WELCOME, &welcome_random), &parts, &mut data);
        put_command("WELCOME", &data, out);
        cookie_random
    }
}

/// The fields of a HELLO, of the right lengths and with a version that we speak.
struct Hello<'b> {
    client: PublicKey,
    counter: u64,
    signature: &'b [u8],
}

impl<'b> Hello<'b> {
    fn parse(body: &'b [u8]) -> Result<Self, CurveError> {
        let wrong_length =
            CurveError::Length { command: "HELLO", len: body.len(), wanted: HELLO_LEN };
        if body.len() != HELLO_LEN {
            return Err(wrong_length);
        }
        let fields = body.get(6..).ok_or(wrong_length)?;
        let (&[major, minor], rest) = fields.split_first_chunk().ok_or(wrong_length)?;
        if (major, minor) != (1, 0) {
            return Err(CurveError::Version { major, minor });
        }
        let (padding, rest) = rest.split_first_chunk::<72>().ok_or(wrong_length)?;
        if padding.iter().any(|&octet| octet != 0) {
            return Err(CurveError::Padding);
        }
        let (client, rest) = rest.split_first_chunk().ok_or(wrong_length)?;
        let (counter, signature) = rest.split_first_chunk().ok_or(wrong_length)?;
        let client = PublicKey::from_octets(*client);
        Ok(Self { client, counter: u64::from_be_bytes(*counter), signature })
    }
}

/// WELCOME is sent.
#[derive(Debug)]
pub(crate) struct AwaitInitiate {
    keys: Arc<KeyPair>,
    cookie_key: Arc<CookieKey>,
    /// Of the cookie that this very connection was given.
    cookie_random: Random,
    client: PublicKey,
    received: Received,
}

impl AwaitInitiate {
    /// Takes the body of INITIATE and returns the client's metadata.
    // spec: 26:curve:initiate-size, 26:curve:initiate-box
    pub(crate) fn initiate(self, body: &[u8]) -> Result<(Bytes, Vouched), CurveError> {
        let Self { keys, cookie_key, cookie_random, client, mut received } = self;
        let wrong_length =
            CurveError::Length { command: "INITIATE", len: body.len(), wanted: INITIATE_LEN_MIN };
        if body.len() < INITIATE_LEN_MIN {
            return Err(wrong_length);
        }
        let fields = body.get(9..).ok_or(wrong_length)?;
        let (cookie, rest) = fields.split_first_chunk::<COOKIE_LEN>().ok_or(wrong_length)?;
        let (counter, boxed) = rest.split_first_chunk().ok_or(wrong_length)?;
        let counter = u64::from_be_bytes(*counter);
        received.check(counter)?;
        let secret = cookie_key.open(cookie, &cookie_random, &client)?;
        let key = BoxKey::shared(&client, &secret)?;
        let mut opened = BytesMut::with_capacity(boxed.len());
        key.open(&nonce::short(nonce::INITIATE, counter), boxed, &mut opened)?;
        received.note(counter);
        let mut metadata = opened.split_off(PublicKey::LEN.saturating_add(VOUCH_LEN));
        let (permanent, vouch) = opened.split_first_chunk().ok_or(wrong_length)?;
        let permanent = PublicKey::from_octets(*permanent);
        check_vouch(vouch, &BoxKey::shared(&permanent, &secret)?, &client, &keys.public)?;
        // Of its own, so that it does not keep alive what stood before it.
        metadata = BytesMut::from(metadata.as_ref());
        Ok((metadata.freeze(), Vouched { key, received, permanent }))
    }
}

// spec: 26:curve:vouch-both-halves
fn check_vouch(
    vouch: &[u8],
    key: &BoxKey,
    client: &PublicKey,
    server: &PublicKey,
) -> Result<(), CurveError> {
    let (random, boxed) = vouch.split_first_chunk().ok_or(CurveError::Vouch)?;
    let mut opened = BytesMut::with_capacity(VOUCH_LEN);
    key.open(&nonce::long(nonce::VOUCH, random), boxed, &mut opened)
        .map_err(|_| CurveError::Vouch)?;
    let (for_client, for_server) =
        opened.split_at_checked(PublicKey::LEN).ok_or(CurveError::Vouch)?;
    // Both, so that the time does not tell which of them was wrong.
    if client.is(for_client) & server.is(for_server) { Ok(()) } else { Err(CurveError::Vouch) }
}

/// INITIATE is in order: the client holds the permanent key that it names.
#[derive(Debug)]
pub(crate) struct Vouched {
    key: BoxKey,
    received: Received,
    pub(crate) permanent: PublicKey,
}

impl Vouched {
    /// Appends READY with our metadata.
    // spec: 26:curve:ready
    pub(crate) fn ready(self, metadata: &[u8], out: &mut BytesMut) -> Result<Session, CurveError> {
        let Self { key, received, .. } = self;
        let mut sent = Sent::default();
        let counter = sent.next()?;
        let mut data = BytesMut::from(&counter.to_be_bytes()[..]);
        key.seal(&nonce::short(nonce::READY, counter), &[metadata], &mut data);
        put_command("READY", &data, out);
        Ok(Session::of_server(key, sent, received))
    }
}

/// Octets in a vouch.
const VOUCH_LEN: usize = 96;

fn split(chance: &[u8; CurveServer::CHANCE_LEN]) -> ([u8; 32], Random, Random) {
    let mut parts = ([0; 32], [0; 16], [0; 16]);
    let places = parts.0.iter_mut().chain(&mut parts.1).chain(&mut parts.2);
    for (to, from) in places.zip(chance) {
        *to = *from;
    }
    parts
}
