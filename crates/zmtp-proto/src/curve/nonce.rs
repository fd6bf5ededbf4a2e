//! Nonces: 24 octets of which the first say what they are for.
//!
//! A short nonce is a prefix of 16 octets and a counter that each side raises with every box; a
//! long one is a prefix of 8 octets and 16 random ones.

/// The nonce of one box.
pub(crate) type Nonce = [u8; 24];

pub(crate) const HELLO: &[u8; 16] = b"CurveZMQHELLO---";
pub(crate) const INITIATE: &[u8; 16] = b"CurveZMQINITIATE";
pub(crate) const READY: &[u8; 16] = b"CurveZMQREADY---";
// spec: 26:curve:message-prefixes
pub(crate) const MESSAGE_OF_CLIENT: &[u8; 16] = b"CurveZMQMESSAGEC";
pub(crate) const MESSAGE_OF_SERVER: &[u8; 16] = b"CurveZMQMESSAGES";
pub(crate) const WELCOME: [u8; 8] = *b"WELCOME-";
pub(crate) const COOKIE: [u8; 8] = *b"COOKIE--";
pub(crate) const VOUCH: [u8; 8] = *b"VOUCH---";

/// Random octets of a long nonce.
pub(crate) type Random = [u8; 16];

pub(crate) fn short(prefix: &[u8; 16], counter: u64) -> Nonce {
    let mut nonce = [0; 24];
    let (head, tail) = nonce.split_at_mut(16);
    head.copy_from_slice(prefix);
    tail.copy_from_slice(&counter.to_be_bytes());
    nonce
}

pub(crate) fn long(prefix: [u8; 8], random: &Random) -> Nonce {
    let mut nonce = [0; 24];
    let (head, tail) = nonce.split_at_mut(8);
    head.copy_from_slice(&prefix);
    tail.copy_from_slice(random);
    nonce
}
