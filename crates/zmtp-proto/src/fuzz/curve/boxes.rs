//! Boxes as an adversary makes them: with the primitives alone, and keys computed once.

use std::sync::{Arc, LazyLock};

use dryoc::classic::crypto_box::{
    crypto_box_beforenm, crypto_box_detached_afternm_inplace,
    crypto_box_open_detached_afternm_inplace,
};

use crate::curve::{CookieKey, KeyPair, PublicKey, SecretKey};

pub(super) type Key = [u8; 32];

/// All keys of the play. To multiply points is slow, so it is done once for all runs.
pub(super) struct Keys {
    pub(super) server: Arc<KeyPair>,
    pub(super) client: Arc<KeyPair>,
    pub(super) cookie: Arc<CookieKey>,
    /// Permanent keys that a client can prove, the honest one first.
    pub(super) permanent: [PublicKey; 2],
    /// Transient keys of the client, the honest one first.
    pub(super) transient: [PublicKey; 2],
    /// Transient keys of the server: of the connection, and of a parallel one.
    pub(super) offered: [PublicKey; 2],
    /// Between each of `transient` and the server's permanent key.
    pub(super) hello: [Key; 2],
    /// Between each of `transient` and each of `offered`.
    pub(super) session: [[Key; 2]; 2],
    /// Between each of `permanent` and each of `offered`.
    pub(super) vouch: [[Key; 2]; 2],
}

pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let pair = |octet| KeyPair::from_secret(SecretKey::from_octets([octet; 32]));
    let (server, offered) = (pair(1), [pair(OFFERED[0]), pair(OFFERED[1])]);
    let (permanent, transient) = ([pair(2), pair(6)], [pair(TRANSIENT), pair(7)]);
    let with = |theirs: &KeyPair, ours: &KeyPair| {
        crypto_box_beforenm(theirs.public.as_octets(), ours.secret.as_octets()).unwrap()
    };
    let table = |ours: &[KeyPair; 2]| {
        [0, 1].map(|row| [0, 1].map(|column| with(&offered[column], &ours[row])))
    };
    Keys {
        hello: [0, 1].map(|row| with(&server, &transient[row])),
        session: table(&transient),
        vouch: table(&permanent),
        permanent: permanent.each_ref().map(|pair| pair.public),
        transient: transient.each_ref().map(|pair| pair.public),
        offered: offered.map(|pair| pair.public),
        client: Arc::new(pair(2)),
        server: Arc::new(server),
        cookie: Arc::new(CookieKey::from_octets([4; 32])),
    }
});

/// Returns which of `known` stands for the same point as `octets`: the top bit has no meaning in
/// a multiplication.
pub(super) fn index_of(known: &[PublicKey; 2], octets: &[u8]) -> Option<usize> {
    let mut plain: Key = octets.try_into().unwrap();
    plain[31] &= 0x7F;
    known.iter().position(|key| *key.as_octets() == plain)
}

/// Tells whether `octets` stand for one of the few points with which nobody shares a secret.
pub(super) fn is_weak(octets: &[u8]) -> bool {
    crypto_box_beforenm(octets.try_into().unwrap(), &[TRANSIENT; 32]).is_err()
}

/// Returns a box of `clear`.
pub(super) fn seal(key: &Key, nonce: [u8; 24], clear: &[u8]) -> Vec<u8> {
    let mut boxed = [&[0; 16], clear].concat();
    let (mac, data) = boxed.split_first_chunk_mut().unwrap();
    crypto_box_detached_afternm_inplace(data, mac, &nonce, key);
    boxed
}

/// Returns what is in a box.
pub(super) fn open(key: &Key, nonce: [u8; 24], boxed: &[u8]) -> Option<Vec<u8>> {
    let (mac, data) = boxed.split_first_chunk()?;
    let mut clear = data.to_vec();
    crypto_box_open_detached_afternm_inplace(&mut clear, mac, &nonce, key).ok()?;
    Some(clear)
}

/// `prefix` and a counter.
pub(super) fn short(prefix: &str, counter: u64) -> [u8; 24] {
    [prefix.as_bytes(), &counter.to_be_bytes()].concat().try_into().unwrap()
}

/// `prefix` and 16 random octets.
pub(super) fn long(prefix: &str, random: &[u8]) -> [u8; 24] {
    [prefix.as_bytes(), random].concat().try_into().unwrap()
}

/// Returns a frame in its shortest form with these flags, right or wrong.
pub(super) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    match u8::try_from(body.len()) {
        Ok(len) => [&[flags & !2, len], body].concat(),
        Err(_) => [&[flags | 2][..], &(body.len() as u64).to_be_bytes(), body].concat(),
    }
}

/// The server's secret halves of [`Keys::offered`], 32 times each octet.
pub(super) const OFFERED: [u8; 2] = [5, 8];

/// The client's secret half of the first of [`Keys::transient`].
pub(super) const TRANSIENT: u8 = 3;
