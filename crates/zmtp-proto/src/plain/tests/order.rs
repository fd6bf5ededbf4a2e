//! Every sequence of up to three commands, against a server and against a client.

use crate::clock::start;
use crate::error::ConnectionError;
use crate::greeting::{Greeting, SecurityRole, Version};
use crate::mechanism::Mechanism;
use crate::pair::{End, Seen, plain_client, router};
use crate::security::ServerSecurity;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Hello,
    Welcome,
    Initiate,
    Ready,
    Error,
    Message,
    Ping,
}

use Said::{Error, Hello, Initiate, Message, Ping, Ready, Welcome};

const ALL: [Said; 7] = [Hello, Welcome, Initiate, Ready, Error, Message, Ping];

impl Said {
    fn octets(self) -> &'static [u8] {
        match self {
            Hello => b"\x04\x13\x05HELLO\x05admin\x06secret",
            Welcome => b"\x04\x08\x07WELCOME",
            Initiate => b"\x04\x1f\x08INITIATE\x0bSocket-Type\0\0\0\x06DEALER",
            Ready => b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06ROUTER",
            Error => b"\x04\x0a\x05ERROR\x03400",
            Message => b"\x00\x02hi",
            Ping => b"\x04\x07\x04PING\0\0",
        }
    }
}

fn sequences() -> Vec<Vec<Said>> {
    let mut all = vec![vec![]];
    let mut longest = all.clone();
    for _ in 0..3 {
        longest = longest
            .iter()
            .flat_map(|said: &Vec<Said>| ALL.map(|next| [&said[..], &[next]].concat()))
            .collect();
        all.extend(longest.clone());
    }
    all
}

/// Returns how many of `said` were taken; a server that lets in whoever asks.
fn taken(mut end: End, said: &[Said]) -> (usize, End) {
    let mechanism = Mechanism::PLAIN;
    // A zero from a server is legal as well.
    let security_role = SecurityRole::Client;
    let greeting = Greeting { version: Version::V3_1, mechanism, security_role };
    end.feed(&greeting.to_octets(), start());
    let _ = end.sent();
    for (at, next) in said.iter().enumerate() {
        end.feed(next.octets(), start());
        match end.seen.last() {
            Some(Seen::Credentials(_)) if at == 0 && end.failed.is_none() => {
                end.connection.welcome().unwrap();
            }
            Some(Seen::Introduced(_)) if at == 1 && end.failed.is_none() => {
                end.connection.accept(&router(), start()).unwrap();
            }
            _ => {}
        }
        if end.failed.is_some() {
            return (at, end);
        }
    }
    (said.len(), end)
}

/// Tries all sequences; `right` is the one that makes a connection, after which there is traffic.
fn only_this_order_passes(right: [Said; 2], fresh: impl Fn() -> End) {
    for said in sequences() {
        let expected = match said[..] {
            [first, ..] if first != right[0] => 0,
            [_, second, ..] if second != right[1] => 1,
            [_, _, third] if !matches!(third, Message | Ping) => match third {
                // Unknown in traffic, and therefore ignored.
                Hello | Welcome | Initiate => 3,
                Ready | Error | Message | Ping => 2,
            },
            _ => said.len(),
        };
        let (count, mut end) = taken(fresh(), &said);
        assert_eq!(count, expected, "{said:?}: {:?}", end.failed);
        let messages = end.seen.iter().filter(|seen| matches!(seen, Seen::Message(_))).count();
        assert_eq!(messages > 0, said[..] == [right[0], right[1], Message], "{said:?}");
        if count < said.len() {
            let after = end.connection.handle_input(right[0].octets(), start()).unwrap_err();
            assert_eq!(after, ConnectionError::Closed);
        }
    }
}

/// 24:plain:order, 24:plain:client-never-errors.
#[test]
fn a_server_takes_each_command_in_its_place_alone() {
    only_this_order_passes([Hello, Initiate], || End::acceptor(ServerSecurity::Plain));
}

/// 24:plain:order.
#[test]
fn a_client_takes_each_command_in_its_place_alone() {
    only_this_order_passes([Welcome, Ready], || End::connector(plain_client()));
}

/// 24:plain:order.
#[test]
fn a_command_in_a_message_frame_is_no_command() {
    for (right, fresh) in [
        ([Hello, Initiate], (|| End::acceptor(ServerSecurity::Plain)) as fn() -> End),
        ([Welcome, Ready], || End::connector(plain_client())),
    ] {
        for before in 0..2 {
            let (_, mut end) = taken(fresh(), &right[..before]);
            let mut octets = right[before].octets().to_vec();
            octets[0] = 0;
            let refused = end.refuses(&octets);
            assert!(matches!(refused, ConnectionError::Unexpected { .. }), "{refused}");
        }
    }
}
