//! A peer that holds valid keys and keeps to the protocol only as far as its script says.
//!
//! | step | it sends                                              |
//! |------|-------------------------------------------------------|
//! | 0-3  | what an honest peer would send next                   |
//! | 4    | that with one octet changed                           |
//! | 5, 6 | that cut short or made longer, and framed accordingly |
//! | 7    | the front of its octets                               |
//! | 8    | nothing, but keeps it for later                       |
//! | 9    | something that it has made before                     |
//! | 10   | something of a parallel connection                    |
//! | 11   | a frame in the clear                                  |
//! | 12   | octets as they come                                   |
//! | 13-15 | a command in boxes that open, with hostile content   |

use super::Role;
use super::boxes::{KEYS, frame, long, seal, short};
use super::parallel::PARALLEL;
use crate::fuzz::script::Script;
use crate::greeting::{Greeting, SecurityRole, Version};
use crate::mechanism::Mechanism;

pub(super) struct Adversary {
    role: Role,
    /// Which of the client's transient keys it uses.
    transient: usize,
    /// Which of the server's transient keys it uses, or was offered.
    offered: usize,
    /// How many of its commands were made in order, the greeting first.
    pub(super) stage: usize,
    /// The last nonce that it used.
    nonce: u64,
    /// What it has made, sent or not.
    made: Vec<Vec<u8>>,
    /// The cookie that it was given; as server, the one that it gives.
    pub(super) cookie: Vec<u8>,
    /// Whether it has done nothing yet that an honest peer would not do.
    pub(super) conduct: Conduct,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conduct {
    Honest,
    Hostile,
}

impl Adversary {
    pub(super) fn new(role: Role, offered: usize) -> Self {
        Self {
            role,
            transient: 0,
            offered,
            stage: 0,
            nonce: 0,
            made: Vec::new(),
            cookie: vec![9; 96],
            conduct: Conduct::Honest,
        }
    }

    /// Returns the octets of the next step.
    pub(super) fn step(&mut self, script: &mut Script<'_>) -> Vec<u8> {
        let step = script.octet() % 16;
        if step > 3 {
            self.conduct = Conduct::Hostile;
        }
        let octets = match step {
            0..=8 => self.honest(script),
            9 => self.made.get(usize::from(script.octet())).cloned().unwrap_or_default(),
            10 => PARALLEL.octets(self.role, script.octet()),
            11 => frame(script.octet(), &script.payload()),
            12 => script.payload(),
            _ => self.hostile(script),
        };
        match step {
            4 => changed(octets, script),
            5 => {
                let len = usize::from(script.octet());
                reframed(&octets, |body| body.truncate(body.len().saturating_sub(len)))
            }
            6 => reframed(&octets, |body| body.extend(script.payload())),
            7 => octets[..usize::from(script.octet()).min(octets.len())].to_vec(),
            8 => Vec::new(),
            _ => octets,
        }
    }

    /// Makes what comes next.
    fn honest(&mut self, script: &mut Script<'_>) -> Vec<u8> {
        let octets = match (self.role, self.stage) {
            (_, 0) => self.greeting(),
            (Role::Client, 1) => self.hello(0, [1, 0], &[0; 64]),
            (Role::Client, 2) => {
                let cookie = self.cookie.clone();
                let how = Initiate { offered: self.offered, ..Initiate::from_octets(0, 0) };
                self.initiate(&how, &cookie, METADATA_OF_CLIENT)
            }
            (Role::Server, 1) => self.welcome(&[1; 16], KEYS.offered[self.offered].as_octets()),
            (Role::Server, 2) => self.ready(self.offered, METADATA_OF_SERVER),
            _ => {
                let more = u8::from(script.octet() & 1 == 1);
                self.message(4 * (script.octet() & 1), more, &script.payload())
            }
        };
        self.stage += 1;
        self.made.push(octets.clone());
        octets
    }

    /// Makes something that opens, and that an honest peer would not send.
    fn hostile(&mut self, script: &mut Script<'_>) -> Vec<u8> {
        let kind = script.octet();
        let before = self.nonce;
        if kind & 0x80 != 0 {
            self.nonce = arbitrary_nonce(self.nonce, script);
        }
        let octets = match (self.role, kind & 3) {
            (Role::Client, 0) => {
                let zeros = [0; 64];
                let (version, choice) = ([script.octet(), script.octet()], script.octet());
                let content = if choice & 2 == 0 { &zeros } else { script.take(64) };
                let version = if choice & 4 == 0 { [1, 0] } else { version };
                self.transient = usize::from(choice & 1);
                self.hello(self.transient, version, content)
            }
            (Role::Client, 1) => {
                let how = Initiate::from_octets(script.octet(), script.octet());
                let cookie = match script.octet() % 4 {
                    0 => PARALLEL.cookie.clone(),
                    1 => script.take(96).to_vec(),
                    _ => self.cookie.clone(),
                };
                self.initiate(&how, &cookie, &script.payload())
            }
            (Role::Server, 0) => {
                self.offered = usize::from(kind >> 2 & 1);
                let mut offered = KEYS.offered[self.offered].as_octets().to_vec();
                match kind >> 3 & 3 {
                    0 => offered[31] |= 0x80,
                    1 => offered = vec![0; 32],
                    2 => offered = script.payload(),
                    _ => self.cookie = script.payload(),
                }
                self.welcome(&[script.octet(); 16], &offered)
            }
            (Role::Server, 1) => self.ready(usize::from(kind >> 2 & 1), &script.payload()),
            _ => {
                let (outer, inner) = (script.octet(), script.octet());
                let inner = if kind & 4 == 0 { inner % 4 } else { inner };
                let outer = if kind & 8 == 0 { 0 } else { outer };
                self.message(outer, inner, &script.payload())
            }
        };
        if kind & 0x40 != 0 {
            // Back to where an honest peer would be.
            self.nonce = before;
        }
        if kind & 0x20 != 0 {
            self.stage += 1;
        }
        self.made.push(octets.clone());
        octets
    }

    fn greeting(&self) -> Vec<u8> {
        let security_role = match self.role {
            Role::Client => SecurityRole::Client,
            Role::Server => SecurityRole::Server,
        };
        let version = Version::V3_1;
        Greeting { version, mechanism: Mechanism::CURVE, security_role }.to_octets().to_vec()
    }

    fn hello(&mut self, transient: usize, version: [u8; 2], content: &[u8]) -> Vec<u8> {
        let nonce = self.next_nonce();
        let boxed = seal(&KEYS.hello[transient], short("CurveZMQHELLO---", nonce), content);
        let public = KEYS.transient[transient].as_octets();
        let parts: [&[u8]; 6] =
            [b"\x05HELLO", &version, &[0; 72], public, &nonce.to_be_bytes(), &boxed];
        frame(4, &parts.concat())
    }

    fn initiate(&mut self, how: &Initiate, cookie: &[u8], metadata: &[u8]) -> Vec<u8> {
        let nonce = self.next_nonce();
        let key = &KEYS.vouch[how.permanent][how.offered];
        let said = [&KEYS.transient[how.vouched].as_octets()[..], &how.server].concat();
        let vouch = seal(key, long("VOUCH---", &[2; 16]), &said);
        let clear = [&how.named[..], &[2; 16], &vouch, metadata].concat();
        let key = &KEYS.session[how.transient][how.offered];
        let boxed = seal(key, short("CurveZMQINITIATE", nonce), &clear);
        frame(4, &[b"\x08INITIATE", cookie, &nonce.to_be_bytes(), &boxed].concat())
    }

    fn welcome(&mut self, random: &[u8], offered: &[u8]) -> Vec<u8> {
        let clear = [offered, &self.cookie].concat();
        let boxed = seal(&KEYS.hello[0], long("WELCOME-", random), &clear);
        frame(4, &[b"\x07WELCOME", random, &boxed].concat())
    }

    fn ready(&mut self, offered: usize, metadata: &[u8]) -> Vec<u8> {
        let nonce = self.next_nonce();
        let key = &KEYS.session[0][offered];
        let boxed = seal(key, short("CurveZMQREADY---", nonce), metadata);
        frame(4, &[&b"\x05READY"[..], &nonce.to_be_bytes(), &boxed].concat())
    }

    fn message(&mut self, outer: u8, inner: u8, payload: &[u8]) -> Vec<u8> {
        let nonce = self.next_nonce();
        let prefix = match self.role {
            Role::Client => "CurveZMQMESSAGEC",
            Role::Server => "CurveZMQMESSAGES",
        };
        let key = &KEYS.session[self.transient][self.offered];
        let boxed = seal(key, short(prefix, nonce), &[&[inner], payload].concat());
        frame(outer, &[&b"\x07MESSAGE"[..], &nonce.to_be_bytes(), &boxed].concat())
    }

    fn next_nonce(&mut self) -> u64 {
        self.nonce = self.nonce.wrapping_add(1);
        self.nonce
    }
}

/// With what an INITIATE is made: indices of keys, and the octets that name two of them.
struct Initiate {
    transient: usize,
    offered: usize,
    permanent: usize,
    /// The transient key in the vouch.
    vouched: usize,
    /// The server's permanent key in the vouch.
    server: [u8; 32],
    /// The client's permanent key, as it names itself.
    named: [u8; 32],
}

impl Initiate {
    /// Each bit makes one thing wrong, or merely different.
    fn from_octets(keys: u8, names: u8) -> Self {
        let bit = |place: u8| usize::from(keys >> place & 1);
        let mut client = *KEYS.permanent[bit(2) ^ usize::from(names & 1)].as_octets();
        if names & 2 != 0 {
            client[31] |= 0x80;
        }
        if names & 4 != 0 {
            client = [0; 32];
        }
        let mut server = *KEYS.server.public.as_octets();
        if names & 8 != 0 {
            server[usize::from(names >> 4)] ^= 1;
        }
        Self {
            transient: bit(0),
            offered: bit(1),
            permanent: bit(2),
            vouched: bit(3),
            server,
            named: client,
        }
    }
}

fn arbitrary_nonce(last: u64, script: &mut Script<'_>) -> u64 {
    match script.octet() {
        0 => u64::MAX,
        1 => u64::MAX - 1,
        2 => last.wrapping_sub(1),
        3 => last.wrapping_sub(2),
        octet => last.wrapping_add(1 << (octet % 64)),
    }
}

fn changed(mut octets: Vec<u8>, script: &mut Script<'_>) -> Vec<u8> {
    let at = usize::from(u16::from_be_bytes([script.octet(), script.octet()]));
    let len = octets.len();
    octets[at % len] ^= script.octet().max(1);
    octets
}

/// Changes the body of a frame, or the octets of a greeting.
fn reframed(octets: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let header_len = match octets[0] {
        0xFF => 0,
        flags if flags & 2 == 0 => 2,
        _ => 9,
    };
    let mut body = octets[header_len..].to_vec();
    change(&mut body);
    if header_len == 0 { body } else { frame(octets[0], &body) }
}

pub(super) const METADATA_OF_CLIENT: &[u8] = b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0";

pub(super) const METADATA_OF_SERVER: &[u8] = b"\x0bSocket-Type\0\0\0\x06ROUTER\x08Identity\0\0\0\0";
