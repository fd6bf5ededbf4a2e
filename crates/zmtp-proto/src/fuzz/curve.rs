//! CURVE against an adversary that holds valid keys.
//!
//! The input is a script for it ([`adversary`]). Three judge what comes of that: the
//! [`reference`](mod@reference) says what the attacked side must see in the octets that it was sent,
//! the [`stage`] that nothing comes after an error, and the [`listener`] opens whatever it says.
//! Boxes are made and opened here by the primitives alone, and not by the code under attack.

mod adversary;
mod boxes;
mod listener;
mod parallel;
mod reference;
mod stage;

use adversary::{Adversary, Conduct};
use listener::Listener;
use stage::{Faith, Stage};

use super::script::{Cuts, Script};
use crate::curve::PublicKey;
use crate::limits::Limits;
use crate::metadata::Metadata;

/// A CURVE server lets in who has proven its keys, and delivers what was sealed for it in order.
///
/// The first octet is the seed of the cuts.
pub fn curve_server(data: &[u8]) {
    let _ = play(Role::Client, data);
}

/// A CURVE client talks to who has the server's key, and delivers what was sealed for it in order.
///
/// The first octet is the seed of the cuts.
pub fn curve_client(data: &[u8]) {
    let _ = play(Role::Server, data);
}

/// Whom the adversary plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Client,
    Server,
}

/// What the attacked side tells its owner.
#[derive(Debug, PartialEq)]
enum Seen {
    /// A peer is there: a client with its permanent key, or the server.
    Peer(Option<PublicKey>, Metadata),
    /// A message, encoded.
    Message(Vec<u8>),
}

fn limits() -> Limits {
    Limits {
        message_len_max: 4096,
        message_frames_max: 8,
        command_len_max: 512,
        initiate_len_max: 257 + 512,
        ..Limits::default()
    }
}

/// Plays a script, and returns what the attacked side saw.
fn play(role: Role, data: &[u8]) -> Vec<Seen> {
    let Some((&seed, script)) = data.split_first() else { return Vec::new() };
    let (mut script, mut cuts) = (Script(script), Cuts::from(seed));
    let (mut adversary, mut stage) = (Adversary::new(role, 0), Stage::new(role, 0));
    let mut listener = Listener::new(role, 0);
    let (mut stream, mut said) = (Vec::new(), Vec::new());
    listener.hear(&stage.sent());
    for _ in 0..STEPS_MAX {
        let Some(&first) = script.0.first() else { break };
        let octets = adversary.step(&mut script);
        stage.feed(&octets, &mut cuts);
        stream.extend_from_slice(&octets);
        if first & SPEAKS != 0 && stage.say(&octets) {
            said.push(octets);
        }
        listener.hear(&stage.sent());
        if role == Role::Client && !listener.cookie.is_empty() {
            adversary.cookie.clone_from(&listener.cookie);
        }
        if stage.faith == Faith::Broken {
            break;
        }
    }
    let (expected, broken) = reference::judge(role, &stream, &listener.cookie);
    assert_eq!(stage.seen, expected);
    assert_eq!(stage.faith == Faith::Broken, broken);
    assert_eq!(listener.messages, said);
    if adversary.conduct == Conduct::Honest && adversary.stage >= 3 {
        assert!(!expected.is_empty(), "an honest peer was not let in");
    }
    if broken {
        // Closed for good: the next that is right is too late.
        stage.feed(&adversary.step(&mut Script(&[0])), &mut cuts);
        assert_eq!(stage.seen, expected);
        assert!(!stage.say(b"too late") && stage.sent().is_empty());
    }
    expected
}

/// Steps of a script at most, so that a long one does not take long.
const STEPS_MAX: usize = 64;

/// In the first octet of a step: the attacked side sends a message as well.
const SPEAKS: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise the adversary would knock at a door that is never opened.
    #[test]
    fn an_honest_script_gets_as_far_as_messages_however_cut() {
        let script = b"\0\0\0\x80\0\0\x01a\0\x01\x01\x01b\0\0\0\x01c";
        for role in [Role::Client, Role::Server] {
            for seed in 0..=u8::MAX {
                let seen = play(role, &[&[seed], &script[..]].concat());
                assert!(matches!(seen[0], Seen::Peer(..)));
                let messages = [b"\0\x01a".to_vec(), b"\x01\x01b\0\x01c".to_vec()];
                assert_eq!(seen[1..], messages.map(Seen::Message));
            }
        }
    }
}
