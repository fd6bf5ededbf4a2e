//! What the attacked side says, opened and checked: it is honest whatever it hears.

use super::Role;
use super::adversary::{METADATA_OF_CLIENT, METADATA_OF_SERVER};
use super::boxes::{KEYS, Key, long, open, short};

pub(super) struct Listener {
    /// Whom the adversary plays.
    role: Role,
    /// Which of its keys the server offers.
    offered: usize,
    /// How many of its commands were heard, the greeting first.
    stage: usize,
    /// The last nonce heard.
    nonce: u64,
    /// Between the two, once both transient keys are known.
    key: Option<&'static Key>,
    /// The client's transient key, as far as the server has answered it.
    transient: usize,
    /// The cookie in the last WELCOME or INITIATE; empty before.
    pub(super) cookie: Vec<u8>,
    /// Bodies of the messages heard.
    pub(super) messages: Vec<Vec<u8>>,
}

impl Listener {
    pub(super) fn new(role: Role, offered: usize) -> Self {
        let (cookie, messages) = (Vec::new(), Vec::new());
        Self { role, offered, stage: 0, nonce: 0, key: None, transient: 0, cookie, messages }
    }

    /// Hears whole commands.
    pub(super) fn hear(&mut self, mut octets: &[u8]) {
        if self.stage == 0 && !octets.is_empty() {
            assert_eq!(octets[..12], [0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 1]);
            assert_eq!(octets[12..20], *b"CURVE\0\0\0");
            assert_eq!(octets[32], u8::from(self.role == Role::Client));
            octets = &octets[64..];
            self.stage = 1;
        }
        while let [flags, rest @ ..] = octets {
            let size_len = if flags & 2 == 0 { 1 } else { 8 };
            let (size, rest) = rest.split_at(size_len);
            let len = size.iter().fold(0, |len, octet| len << 8 | usize::from(*octet));
            let (body, rest) = rest.split_at(len);
            octets = rest;
            if body.starts_with(b"\x05ERROR") {
                // In the clear, of a server only, and before anything is in the open.
                assert!(self.role == Role::Client && self.stage == 2);
                continue;
            }
            assert_eq!(flags & !2, if self.stage < 3 { 4 } else { 0 });
            match (self.role, self.stage) {
                (Role::Client, 1) => self.welcome(body),
                (Role::Client, 2) => self.ready(body),
                (Role::Server, 1) => self.hello(body),
                (Role::Server, 2) => self.initiate(body),
                _ => self.message(body),
            }
            self.stage += 1;
        }
    }

    fn welcome(&mut self, body: &[u8]) {
        let (random, boxed) = body.strip_prefix(b"\x07WELCOME").unwrap().split_at(16);
        let nonce = long("WELCOME-", random);
        let (transient, clear) = (0..2)
            .find_map(|which| Some((which, open(&KEYS.hello[which], nonce, boxed)?)))
            .unwrap();
        assert_eq!(clear.len(), 128);
        assert!(clear.starts_with(KEYS.offered[self.offered].as_octets()));
        self.transient = transient;
        self.cookie = clear[32..].to_vec();
    }

    fn ready(&mut self, body: &[u8]) {
        let key = &KEYS.session[self.transient][self.offered];
        let boxed = self.numbered(body.strip_prefix(b"\x05READY").unwrap());
        let metadata = open(key, short("CurveZMQREADY---", self.nonce), boxed);
        assert_eq!(metadata.as_deref(), Some(METADATA_OF_SERVER));
        self.key = Some(key);
    }

    fn hello(&mut self, body: &[u8]) {
        let head = [&b"\x05HELLO\x01\0"[..], &[0; 72], KEYS.transient[0].as_octets()].concat();
        let boxed = self.numbered(body.strip_prefix(head.as_slice()).unwrap());
        let clear = open(&KEYS.hello[0], short("CurveZMQHELLO---", self.nonce), boxed);
        assert_eq!(clear, Some(vec![0; 64]));
    }

    fn initiate(&mut self, body: &[u8]) {
        let (cookie, rest) = body.strip_prefix(b"\x08INITIATE").unwrap().split_at(96);
        self.cookie = cookie.to_vec();
        let boxed = self.numbered(rest);
        let nonce = short("CurveZMQINITIATE", self.nonce);
        let opened =
            (0..2).find_map(|which| Some((which, open(&KEYS.session[0][which], nonce, boxed)?)));
        // It is for a key that was offered, and that perhaps nobody holds.
        let Some((which, clear)) = opened else { return };
        self.key = Some(&KEYS.session[0][which]);
        let rest = clear.strip_prefix(KEYS.permanent[0].as_octets()).unwrap();
        let (vouch, metadata) = rest.split_at(96);
        let (random, vouch) = vouch.split_at(16);
        let vouched = open(&KEYS.vouch[0][which], long("VOUCH---", random), vouch).unwrap();
        let expected = [KEYS.transient[0], KEYS.server.public].map(|key| *key.as_octets());
        assert_eq!(vouched, expected.concat());
        assert_eq!(metadata, METADATA_OF_CLIENT);
    }

    fn message(&mut self, body: &[u8]) {
        let boxed = self.numbered(body.strip_prefix(b"\x07MESSAGE").unwrap());
        let prefix = match self.role {
            Role::Client => "CurveZMQMESSAGES",
            Role::Server => "CurveZMQMESSAGEC",
        };
        let clear = open(self.key.unwrap(), short(prefix, self.nonce), boxed).unwrap();
        match clear.split_first().unwrap() {
            (0, payload) => self.messages.push(payload.to_vec()),
            (flags, payload) => assert!(*flags == 2 && payload.starts_with(b"\x04PONG")),
        }
    }

    /// Takes off the nonce, which is one above the last.
    fn numbered<'b>(&mut self, octets: &'b [u8]) -> &'b [u8] {
        let (nonce, rest) = octets.split_first_chunk().unwrap();
        self.nonce += 1;
        assert_eq!(u64::from_be_bytes(*nonce), self.nonce);
        rest
    }
}
