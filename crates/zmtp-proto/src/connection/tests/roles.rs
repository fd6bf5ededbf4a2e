//! Mechanisms and roles: who can talk to whom at all.

use super::*;
use crate::greeting::SecurityRole;
use crate::mechanism::Mechanism;
use crate::pair::{curve_client, curve_server, plain_client};

fn clients() -> [(Mechanism, fn() -> ClientSecurity); 3] {
    [
        (Mechanism::NULL, || ClientSecurity::Null),
        (Mechanism::PLAIN, plain_client),
        (Mechanism::CURVE, curve_client),
    ]
}

fn servers() -> [(Mechanism, fn() -> ServerSecurity); 3] {
    [
        (Mechanism::NULL, || ServerSecurity::Null),
        (Mechanism::PLAIN, || ServerSecurity::Plain),
        (Mechanism::CURVE, curve_server),
    ]
}

/// 37:auth:mechanisms-match, 37:auth:one-mechanism.
#[test]
fn only_sides_of_the_same_mechanism_come_together() {
    for (ours, client) in clients() {
        for (theirs, server) in servers() {
            let mut pair = Pair::with(client(), server(), quiet());
            if ours == theirs {
                pair.establish();
                continue;
            }
            let (to_acceptor, to_connector) = (pair.connector.sent(), pair.acceptor.sent());
            for (end, greeting) in
                [(&mut pair.acceptor, to_acceptor), (&mut pair.connector, to_connector)]
            {
                assert_eq!(greeting.len(), Greeting::LEN);
                let ConnectionError::MechanismMismatch { ours, theirs } = end.refuses(&greeting)
                else {
                    panic!("no mismatch")
                };
                assert_ne!(ours, theirs);
                assert_eq!(greeting[12..32], *theirs.as_field());
            }
        }
    }
}

/// 37:topology:server-announced, 37:topology:roles-configured, 37:topology:null-has-no-roles.
#[test]
fn whoever_is_the_server_of_a_mechanism_says_so() {
    for (mechanism, client) in clients() {
        let greeting = End::connector(client()).sent();
        let security_role = SecurityRole::Client;
        let expected = Greeting { version: Version::V3_1, mechanism, security_role };
        assert_eq!(greeting, expected.to_octets());
        assert_eq!(greeting[32], 0);
    }
    for (mechanism, server) in servers() {
        let as_server = u8::from(mechanism != Mechanism::NULL);
        assert_eq!(End::acceptor(server()).sent()[32], as_server, "{mechanism:?}");
    }
}

/// 37:topology:server-announced.
#[test]
fn a_client_takes_a_server_that_does_not_say_so() {
    for (mechanism, client) in clients() {
        let mut end = End::connector(client());
        let _ = end.sent();
        let security_role = SecurityRole::Client;
        let greeting = Greeting { version: Version::V3_1, mechanism, security_role };
        end.feed(&greeting.to_octets(), start());
        assert_eq!(end.failed, None, "{mechanism:?}");
        assert_ne!(end.sent(), b"", "the client goes on, as it speaks first");
    }
}

/// 37:topology:role-conflict.
#[test]
fn two_servers_part_at_the_greeting() {
    for (mechanism, server) in servers() {
        let (mut one, mut other) = (End::acceptor(server()), End::acceptor(server()));
        let greeting = other.sent();
        if mechanism == Mechanism::NULL {
            one.feed(&greeting, start());
            assert_eq!(one.failed, None);
        } else {
            assert_eq!(one.refuses(&greeting), ConnectionError::RoleConflict);
        }
    }
}

/// 37:topology:role-conflict.
#[test]
fn two_clients_part_at_hello() {
    for client in [plain_client as fn() -> ClientSecurity, curve_client] {
        let (mut one, mut other) = (End::connector(client()), End::connector(client()));
        let greeting = other.sent();
        other.feed(&one.sent(), start());
        one.feed(&greeting, start());
        let hello = other.sent();
        assert_eq!(hello[3..8], *b"HELLO");
        let (got, state) = (Unexpected::Command(CommandName::new(b"HELLO")), Phase::Handshake);
        assert_eq!(one.refuses(&hello), ConnectionError::Unexpected { got, state });
    }
}

/// 37:version:per-connection, 37:version:downgrade-to-3-0.
#[test]
fn both_follow_the_lower_version_under_each_mechanism() {
    let versions = [Version::V3_0, Version::V3_1];
    for (client, server) in clients().into_iter().zip(servers()) {
        for (ours, theirs) in versions.iter().flat_map(|a| versions.map(|b| (*a, b))) {
            let mut pair = Pair::with(client.1(), server.1(), quiet());
            let settings = Settings { version: ours, ..quiet() };
            pair.connector.connection =
                Connection::connector(dealer(), client.1(), settings, pair.now);
            let settings = Settings { version: theirs, ..quiet() };
            pair.acceptor.connection = Connection::acceptor(server.1(), settings, pair.now);
            pair.establish();
            for end in [&pair.connector, &pair.acceptor] {
                assert_eq!(end.peer.as_ref().unwrap().version, ours.min(theirs));
            }
        }
    }
}
