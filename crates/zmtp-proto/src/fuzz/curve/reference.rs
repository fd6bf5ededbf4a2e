//! What a peer of this crate must make of a stream, read off the protocol without any hurry.
//!
//! It sees the whole stream at once, and takes for granted that nobody opens or makes a box
//! without a key of [`KEYS`](super::boxes::KEYS).

use bytes::Bytes;

use super::boxes::{KEYS, Key, index_of, is_weak, long, open, short};
use super::{Role, Seen, limits};
use crate::command::Command;
use crate::curve::PublicKey;
use crate::greeting::{Greeting, SecurityRole};
use crate::mechanism::Mechanism;
use crate::metadata::Metadata;
use crate::socket_type::SocketType;

/// Returns what the side that plays against `adversary` sees in `stream`, and whether it is
/// broken by it. `cookie` is what it gave to a client, if it did.
pub(super) fn judge(adversary: Role, stream: &[u8], cookie: &[u8]) -> (Vec<Seen>, bool) {
    let mut reader = Reader { stream, seen: Vec::new(), last: 0 };
    let broken = match adversary {
        Role::Client => reader.server(cookie),
        Role::Server => reader.client(),
    };
    (reader.seen, broken.is_err())
}

struct Reader<'s> {
    stream: &'s [u8],
    seen: Vec<Seen>,
    /// The last nonce that was in a box.
    last: u64,
}

/// The stream is broken.
#[derive(Debug)]
struct Broken;

/// `None` where the stream ends in the middle of something that may yet be right.
type Step<T> = Result<Option<T>, Broken>;

impl<'s> Reader<'s> {
    fn server(&mut self, cookie: &[u8]) -> Step<()> {
        let Some(greeting) = self.greeting()? else { return Ok(None) };
        if greeting.security_role == SecurityRole::Server {
            return Err(Broken);
        }
        let Some(hello) = self.command(200)? else { return Ok(None) };
        let transient = self.hello(hello).ok_or(Broken)?;
        let Some(initiate) = self.command(257 + limits().command_len_max)? else {
            return Ok(None);
        };
        let (permanent, metadata) = self.initiate(initiate, transient, cookie).ok_or(Broken)?;
        self.introduced(&metadata, Some(permanent))?;
        let which = index_of(&KEYS.transient, transient).unwrap();
        self.traffic(&KEYS.session[which][0], "CurveZMQMESSAGEC")
    }

    fn client(&mut self) -> Step<()> {
        if self.greeting()?.is_none() {
            return Ok(None);
        }
        let Some(welcome) = self.command(262)? else { return Ok(None) };
        let offered = Self::welcome(welcome).ok_or(Broken)?;
        let Some(ready) = self.command(30 + limits().command_len_max)? else { return Ok(None) };
        // Whoever offers a key without holding it can say no more.
        let which = index_of(&KEYS.offered, &offered).ok_or(Broken)?;
        let key = &KEYS.session[0][which];
        let metadata = self.ready(ready, key).ok_or(Broken)?;
        self.introduced(&metadata, None)?;
        self.traffic(key, "CurveZMQMESSAGES")
    }

    fn greeting(&mut self) -> Step<Greeting> {
        let Some(greeting) = Greeting::parse(self.stream).map_err(|_| Broken)? else {
            return Ok(None);
        };
        self.stream = &self.stream[64..];
        if greeting.mechanism != Mechanism::CURVE {
            return Err(Broken);
        }
        Ok(Some(greeting))
    }

    /// Takes a frame: its flags without LONG, and its body. Calls `fits` as soon as its length is
    /// known, with what has arrived of its body.
    fn frame(&mut self, fits: impl Fn(u8, u64, &[u8]) -> bool) -> Step<&'s [u8]> {
        let Some((&flags, rest)) = self.stream.split_first() else { return Ok(None) };
        if ![0, 1, 2, 3, 4, 6].contains(&flags) {
            return Err(Broken);
        }
        let size_len = if flags & 2 == 0 { 1 } else { 8 };
        let Some((size, rest)) = rest.split_at_checked(size_len) else { return Ok(None) };
        let len = size.iter().fold(0_u64, |len, octet| len << 8 | u64::from(*octet));
        if len >= 1 << 63 || !fits(flags & !2, len, rest) {
            return Err(Broken);
        }
        let Some((body, rest)) = rest.split_at_checked(usize::try_from(len).unwrap()) else {
            return Ok(None);
        };
        self.stream = rest;
        Ok(Some(body))
    }

    fn command(&mut self, len_max: usize) -> Step<&'s [u8]> {
        self.frame(|flags, len, _| flags == 4 && len <= len_max as u64)
    }

    /// Returns the client's transient key.
    fn hello<'b>(&mut self, body: &'b [u8]) -> Option<&'b [u8]> {
        let head = [&b"\x05HELLO\x01\x00"[..], &[0; 72]].concat();
        let rest = body.strip_prefix(head.as_slice()).filter(|rest| rest.len() == 120)?;
        let (transient, rest) = rest.split_at(32);
        let (nonce, boxed) = self.nonce(rest)?;
        let key = &KEYS.hello[index_of(&KEYS.transient, transient)?];
        let clear = open(key, short("CurveZMQHELLO---", nonce), boxed)?;
        self.last = nonce;
        (clear == [0; 64]).then_some(transient)
    }

    fn initiate(
        &mut self,
        body: &[u8],
        transient: &[u8],
        cookie: &[u8],
    ) -> Option<(PublicKey, Vec<u8>)> {
        let rest = body.strip_prefix(b"\x08INITIATE").filter(|rest| rest.len() >= 248)?;
        let rest = rest.strip_prefix(cookie)?;
        let (nonce, boxed) = self.nonce(rest)?;
        let which = index_of(&KEYS.transient, transient)?;
        let clear = open(&KEYS.session[which][0], short("CurveZMQINITIATE", nonce), boxed)?;
        self.last = nonce;
        let (permanent, rest) = clear.split_first_chunk::<32>()?;
        let (vouch, metadata) = rest.split_at(96);
        let (random, vouch) = vouch.split_at(16);
        let key = &KEYS.vouch[index_of(&KEYS.permanent, permanent)?][0];
        let said = open(key, long("VOUCH---", random), vouch)?;
        let expected = [transient, KEYS.server.public.as_octets()].concat();
        (said == expected).then(|| (PublicKey::from_octets(*permanent), metadata.to_vec()))
    }

    /// Returns the server's transient key.
    fn welcome(body: &[u8]) -> Option<Vec<u8>> {
        let rest = body.strip_prefix(b"\x07WELCOME").filter(|rest| rest.len() == 160)?;
        let (random, boxed) = rest.split_at(16);
        let clear = open(&KEYS.hello[0], long("WELCOME-", random), boxed)?;
        let offered = clear[..32].to_vec();
        // A key with which there is no secret is refused.
        (!is_weak(&offered)).then_some(offered)
    }

    fn ready(&mut self, body: &[u8], key: &Key) -> Option<Vec<u8>> {
        let rest = body.strip_prefix(b"\x05READY").filter(|rest| rest.len() >= 24)?;
        let (nonce, boxed) = self.nonce(rest)?;
        let metadata = open(key, short("CurveZMQREADY---", nonce), boxed)?;
        self.last = nonce;
        Some(metadata)
    }

    fn introduced(&mut self, metadata: &[u8], permanent: Option<PublicKey>) -> Result<(), Broken> {
        let octets = Bytes::copy_from_slice(metadata);
        let parsed = Metadata::parse(octets, &limits()).map_err(|_| Broken)?;
        let socket_type = parsed.socket_type().map_err(|_| Broken)?;
        parsed.identity(socket_type).map_err(|_| Broken)?;
        let ours = if permanent.is_some() { SocketType::Router } else { SocketType::Dealer };
        let fits = ours.talks_to(socket_type);
        // A server shows a client to its application before it compares the types.
        if fits || permanent.is_some() {
            self.seen.push(Seen::Peer(permanent, parsed));
        }
        if fits { Ok(()) } else { Err(Broken) }
    }

    fn traffic(&mut self, key: &Key, prefix: &str) -> Step<()> {
        let limits = limits();
        let (mut message, mut frames) = (Vec::new(), 0);
        loop {
            let held = message.len() as u64;
            let Some(body) = self.frame(|flags, len, begun| {
                flags != 1
                    && len >= 33
                    // What is short enough may be a command, which is no part of the message.
                    && (len - 33 <= limits.command_len_max as u64
                        || len - 33 + held <= limits.message_len_max as u64)
                    && begun.iter().zip(b"\x07MESSAGE").all(|(one, other)| one == other)
            })?
            else {
                return Ok(None);
            };
            let (nonce, boxed) = self.nonce(&body[8..]).ok_or(Broken)?;
            let clear = open(key, short(prefix, nonce), boxed).ok_or(Broken)?;
            self.last = nonce;
            let (&flags, payload) = clear.split_first().ok_or(Broken)?;
            match flags {
                2 => command(payload)?,
                0 | 1 => {
                    frames += 1;
                    message.extend_from_slice(&super::boxes::frame(flags, payload));
                    if message.len() > limits.message_len_max || frames > limits.message_frames_max
                    {
                        return Err(Broken);
                    }
                }
                _ => return Err(Broken),
            }
            if flags == 0 {
                self.seen.push(Seen::Message(std::mem::take(&mut message)));
                frames = 0;
            }
        }
    }

    /// Takes a nonce that is above the one before it off the front.
    fn nonce<'b>(&self, octets: &'b [u8]) -> Option<(u64, &'b [u8])> {
        let (nonce, rest) = octets.split_first_chunk()?;
        let nonce = u64::from_be_bytes(*nonce);
        (nonce > self.last).then_some((nonce, rest))
    }
}

fn command(body: &[u8]) -> Result<(), Broken> {
    if body.len() > limits().command_len_max {
        return Err(Broken);
    }
    match Command::parse(body, &limits()) {
        Ok(Command::Ready(_) | Command::Error { .. }) | Err(_) => Err(Broken),
        Ok(_) => Ok(()),
    }
}
