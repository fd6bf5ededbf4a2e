//! Commands of every length, and with every octet replaced by every other.

use super::HELLO_LEN_MAX;
use super::rows::{
    HELLO, INITIATE, READY, WELCOME, client, server, welcomed_client, welcoming_server,
};
use crate::clock::start;
use crate::error::DecodeError;
use crate::frame::{FrameKind, put_header};
use crate::limits::Limits;
use crate::pair::{End, Seen};

/// A command, the longest body that may stand where it does, and who waits for it.
struct Awaited {
    octets: &'static [u8],
    max: usize,
    fresh: fn() -> End,
}

fn all() -> [Awaited; 4] {
    let max = Limits::default().command_len_max;
    [
        Awaited { octets: HELLO, max: HELLO_LEN_MAX, fresh: server },
        // An ERROR could stand there.
        Awaited { octets: WELCOME, max: 262, fresh: client },
        Awaited { octets: INITIATE, max, fresh: welcoming_server },
        Awaited { octets: READY, max, fresh: welcomed_client },
    ]
}

/// 24:plain:whole-body, 24:plain:hello-layout, 24:plain:welcome-empty, 37:command:length-limit.
#[test]
fn a_command_is_neither_shorter_nor_longer_than_what_is_in_it() {
    for Awaited { octets, max, fresh } in all() {
        let good = &octets[2..];
        for len in (0..=max + 1).filter(|&len| len != good.len()) {
            let mut body = good.to_vec();
            body.resize(len, 0);
            let mut frame = Vec::new();
            put_header(FrameKind::Command, len, &mut frame);
            frame.extend(body);
            let refused = fresh().refuses(&frame);
            let too_long = DecodeError::CommandTooLong { len: len as u64, max };
            assert_eq!(refused == too_long.into(), len > max, "{len}: {refused}");
        }
    }
}

/// 24:plain:hello-layout, 24:plain:welcome-empty, 24:plain:metadata.
///
/// PLAIN has no seal: a HELLO with another octet may be one, but then of somebody else.
#[test]
fn with_any_octet_replaced_a_command_is_refused_or_says_something_else() {
    for Awaited { octets, fresh, .. } in all() {
        for at in 0..octets.len() {
            for octet in (0..=u8::MAX).filter(|octet| *octet != octets[at]) {
                let mut damaged = octets.to_vec();
                damaged[at] = octet;
                let same = same_property(octets, &damaged);
                // Behind it what makes up for any length that the damage may announce.
                damaged.extend_from_slice(&[0; 10_000]);
                let mut end = fresh();
                let _ = end.sent();
                let before = end.seen.len();
                end.feed(&damaged, start());
                let right = match end.seen.get(before) {
                    None => end.failed.is_none() || !end.sent().is_empty(),
                    Some(Seen::Credentials(user)) => {
                        let credentials = end.credentials.as_ref().unwrap();
                        user == "admin" && credentials.has_password(b"secret")
                    }
                    Some(_) => !same,
                };
                assert!(!right, "{octet} at {at} of {}", octets.escape_ascii());
            }
        }
    }
}

/// Tells whether the only difference is a letter in the name of the property, which is the same
/// in capitals.
fn same_property(octets: &[u8], damaged: &[u8]) -> bool {
    let name = b"Socket-Type";
    let Some(from) = octets.windows(name.len()).position(|octets| octets == name) else {
        return false;
    };
    let to = from + name.len();
    octets[..from] == damaged[..from]
        && octets[from..to].eq_ignore_ascii_case(&damaged[from..to])
        && octets[to..] == damaged[to..]
}
