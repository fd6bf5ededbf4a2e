//! What honest peers say, and a step off it, as the inputs from which a fuzzer begins.
//!
//! They stand in `fuzz/corpus`, and the test sees to it that these are what it says there. With
//! `SEEDS=write` in the environment it writes them anew.

use std::fs;
use std::path::Path;

use bytes::BytesMut;

use crate::command::put_command;
use crate::greeting::{Greeting, SecurityRole, Version};
use crate::mechanism::Mechanism;
use crate::plain::PlainCredentials;

#[test]
fn the_seeds_of_the_corpora_are_what_honest_peers_say() {
    for (seed, cuts) in [("whole", 0), ("cut", 7)] {
        check("plain_server", seed, &[&[cuts], &plain(SecurityRole::Client)[..]].concat());
        check("plain_client", seed, &[&[cuts], &plain(SecurityRole::Server)[..]].concat());
        for (target, name, script) in curve() {
            check(target, &format!("{name}-{seed}"), &[&[cuts], script].concat());
        }
        for limits in [0x3F, 0x2A] {
            let name = format!("{seed}-{limits:02x}");
            check("decoder_diff", &name, &[&[cuts, limits], TRAFFIC].concat());
        }
    }
    check("subscription", "steps", SUBSCRIPTIONS);
    check("subscription", "limits", b"\x02\x03\x04\0\x03abc\0\x04abcd\0\x01a\0\x01b\x02\x01a");
    check("z85", "text", b"HelloWorld");
    check("z85", "octets", &[0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b]);
    check("z85", "key", b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
    check("z85", "overflow", b"00000%nSc100000#####");
    check("z85", "character", b"HelloWor~d");
}

fn check(target: &str, name: &str, octets: &[u8]) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let seed = corpus.join(format!("seed-{name}"));
    if std::env::var("SEEDS").is_ok_and(|what| what == "write") {
        fs::create_dir_all(&corpus).unwrap();
        fs::write(&seed, octets).unwrap();
    }
    assert_eq!(fs::read(&seed).unwrap(), octets, "{}", seed.display());
}

/// What an honest side of this role says under PLAIN.
fn plain(security_role: SecurityRole) -> Vec<u8> {
    let mechanism = Mechanism::PLAIN;
    let greeting = Greeting { version: Version::V3_1, mechanism, security_role };
    let mut out = BytesMut::from(&greeting.to_octets()[..]);
    match security_role {
        SecurityRole::Client => {
            PlainCredentials::new("admin", "secret").unwrap().put_hello(&mut out);
            put_command("INITIATE", b"\x0bSocket-Type\0\0\0\x06DEALER", &mut out);
        }
        SecurityRole::Server => {
            put_command("WELCOME", &[], &mut out);
            put_command("READY", b"\x0bSocket-Type\0\0\0\x06ROUTER", &mut out);
        }
    }
    out.extend_from_slice(TRAFFIC);
    out.to_vec()
}

/// Scripts of the adversary: see the steps in `curve/adversary.rs`.
fn curve() -> Vec<(&'static str, &'static str, &'static [u8])> {
    let both: [(_, &[u8]); 14] = [
        ("honest", b"\0\0\0\0\0\0\x05hello\0\x01\x01\x01a\0\0\0\x02bc"),
        ("spoken", b"\0\0\0\x80\0\0\x01a\x80\0\0\x01b"),
        ("large", b"\0\0\0\0\x01\0\xDC\0\0\0\xE0"),
        ("changed", b"\0\0\x04\0\x90\x01"),
        ("short", b"\0\0\x05\x01"),
        ("long", b"\0\0\x06\x01x"),
        ("stopped", b"\0\0\x07\x50"),
        ("reordered", b"\0\x08\0\x09\x01"),
        ("repeated", b"\0\0\0\0\0\0\x01a\x09\x03"),
        ("parallel", b"\0\0\x0A\x02"),
        ("clear", b"\0\0\0\x0B\0\x03abc"),
        ("raw", b"\0\0\0\x0C\x03abc"),
        ("nonce", b"\0\0\0\x0D\x82\x05\0\0\x01a\x0D\x82\0\0\0\x01z\0\0\0\0"),
        ("ping", b"\0\0\0\x0D\x02\0\x02\x09\x04PING\0\0cc\0\0\0\0"),
    ];
    let of_client: [(_, &[u8]); 7] = [
        ("cookie", b"\0\0\x0D\x01\0\0\0\x16\x0bSocket-Type\0\0\0\x06DEALER"),
        (
            "transient",
            b"\0\x0D\x20\0\0\x01\x0D\x21\x09\0\x02\x16\x0bSocket-Type\0\0\0\x06DEALER\0\0\x01a",
        ),
        ("vouch-client", b"\0\0\x0D\x01\x08\0\x02\x16\x0bSocket-Type\0\0\0\x06DEALER"),
        ("vouch-server", b"\0\0\x0D\x01\0\x08\x02\x16\x0bSocket-Type\0\0\0\x06DEALER"),
        ("vouch-other", b"\0\0\x0D\x01\0\x01\x02\x16\x0bSocket-Type\0\0\0\x06DEALER"),
        ("top-bit", b"\0\0\x0D\x21\0\x02\x02\x16\x0bSocket-Type\0\0\0\x06DEALER\0\0\x01a"),
        ("weak", b"\0\0\x0D\x01\0\x04\x02\x16\x0bSocket-Type\0\0\0\x06DEALER"),
    ];
    let of_server: [(_, &[u8]); 4] = [
        ("offered", b"\0\x0D\x24\0\0\0"),
        ("weak", b"\0\x0D\x08\0"),
        ("weak-one", WEAK_ONE),
        ("metadata", b"\0\0\x0D\x21\x16\x0bSocket-Type\0\0\0\x06ROUTER\0\0\0\x01a"),
    ];
    let both = ["curve_server", "curve_client"]
        .into_iter()
        .flat_map(|target| both.map(|(name, script)| (target, name, script)));
    both.chain(of_client.map(|(name, script)| ("curve_server", name, script)))
        .chain(of_server.map(|(name, script)| ("curve_client", name, script)))
        .collect()
}

/// Messages of one frame and of more, a PING between two frames, commands of each kind, and the
/// long form of a short frame.
const TRAFFIC: &[u8] = b"\x00\x02hi\x01\x01a\x04\x09\x04PING\0\x0actx\x00\x01b\x04\x05\x04PONG\
    \x04\x0c\x09SUBSCRIBEab\x04\x06\x04JOINg\x03\0\0\0\0\0\0\0\x01x\x02\0\0\0\0\0\0\0\0";

/// Each step: what, a topic with its length, and for a group a body.
const SUBSCRIPTIONS: &[u8] = b"\x07\x20\xFF\0\x02ab\0\x01a\0\0\x05\x03abc\x02\x01a\x05\x01a\
    \x03\x02gr\x04body\x03\x02g\0\x01x\x04\x02\x01t\x04\x02\x00t\x04\x01\x07\0\x02ab\x02\x02ab";

/// A server that offers the point 1, with the bit that means nothing.
const WEAK_ONE: &[u8] = b"\0\x0D\x34\x20\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\x80\x05";
