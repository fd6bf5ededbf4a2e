//! What subscribers and dishes tell publishers and radios, over whole connections.

use super::*;
use crate::greeting::Version;
use crate::pair::{curve_client, curve_server, plain_client};
use crate::pairing::TellError;
use crate::subscription::{Group, Membership, NoGroups, Subscription};

/// Sockets of these types, in this version, under each mechanism.
fn each_mechanism(connector: SocketType, acceptor: SocketType, version: Version) -> Vec<Pair> {
    let settings = Settings { version, ..quiet() };
    [
        (ClientSecurity::Null, ServerSecurity::Null),
        (plain_client(), ServerSecurity::Plain),
        (curve_client(), curve_server()),
    ]
    .into_iter()
    .map(|(client, server)| {
        let mut pair = Pair::with(ClientSecurity::Null, server, settings);
        let connection = Connection::connector(Local::new(connector), client, settings, pair.now);
        pair.connector = End::new(connection);
        pair.step();
        if let Some(Seen::Credentials(_)) = pair.acceptor.seen.last() {
            pair.acceptor.connection.welcome().unwrap();
            pair.step();
        }
        pair.acceptor.connection.accept(&Local::new(acceptor), pair.now).unwrap();
        pair.step();
        assert_eq!(pair.connector.seen, [Seen::Established(acceptor)]);
        pair.acceptor.seen.clear();
        pair.connector.seen.clear();
        pair
    })
    .collect()
}

const VERSIONS: [Version; 2] = [Version::V3_0, Version::V3_1];

fn news() -> [Subscription; 2] {
    [Subscription::Subscribe("news".into()), Subscription::Cancel("news".into())]
}

fn chess() -> [Membership; 2] {
    let group = Group::new(b"chess").unwrap();
    [Membership::Join(group.clone()), Membership::Leave(group)]
}

/// 37:subscription:command-form, 23:subscription:message-form, 37:subscription:both-forms-taken.
#[test]
fn a_publisher_hears_what_a_subscriber_wants_whoever_dialled() {
    for version in VERSIONS {
        for mut pair in each_mechanism(SocketType::Sub, SocketType::Xpub, version) {
            for told in news() {
                pair.connector.connection.send_subscription(&told).unwrap();
                pair.step();
                assert_eq!(pair.acceptor.seen.pop(), Some(Seen::Subscription(told)));
            }
        }
        for mut pair in each_mechanism(SocketType::Pub, SocketType::Xsub, version) {
            for told in news() {
                pair.acceptor.connection.send_subscription(&told).unwrap();
                pair.step();
                assert_eq!(pair.connector.seen.pop(), Some(Seen::Subscription(told)));
            }
        }
    }
}

/// 37:subscription:command-form, 23:subscription:message-form.
#[test]
fn the_form_of_a_subscription_is_that_of_the_version() {
    for (version, octets) in
        VERSIONS.into_iter().zip([&b"\x00\x05\x01news"[..], b"\x04\x0e\x09SUBSCRIBEnews"])
    {
        let [mut pair, ..] =
            <[Pair; 3]>::try_from(each_mechanism(SocketType::Sub, SocketType::Pub, version))
                .unwrap_or_else(|_| panic!("three mechanisms"));
        pair.connector.connection.send_subscription(&news()[0]).unwrap();
        assert_eq!(pair.connector.sent(), octets);
    }
}

/// 37:radio:join-leave.
#[test]
fn a_radio_hears_which_groups_a_dish_joins() {
    for mut pair in each_mechanism(SocketType::Dish, SocketType::Radio, Version::V3_1) {
        for told in chess() {
            pair.connector.connection.send_membership(&told).unwrap();
            pair.step();
            assert_eq!(pair.acceptor.seen.pop(), Some(Seen::Membership(told)));
        }
    }
    for mut pair in each_mechanism(SocketType::Dish, SocketType::Radio, Version::V3_0) {
        let refused = pair.connector.connection.send_membership(&chess()[0]);
        assert_eq!(refused, Err(TellError::NoGroups(NoGroups)));
        assert_eq!(pair.connector.sent(), b"");
    }
}

/// 37:subscription:wrong-type.
#[test]
fn who_has_nothing_to_subscribe_to_is_told_so_and_goes_on() {
    for mut pair in each_mechanism(SocketType::Dealer, SocketType::Router, Version::V3_1) {
        let (ours, theirs) = (SocketType::Dealer, SocketType::Router);
        let end = &mut pair.connector.connection;
        let wrong = Err(TellError::WrongType { ours, theirs });
        assert_eq!(end.send_subscription(&news()[0]), wrong);
        assert_eq!(end.send_membership(&chess()[0]), wrong);
        end.send(Message::single(b"hi")).unwrap();
        pair.step();
        assert_eq!(pair.acceptor.seen, [Seen::Message(Message::single(b"hi"))]);
    }
}

#[test]
fn nobody_subscribes_before_the_handshake_is_over() {
    let mut end = End::connector(ClientSecurity::Null);
    let _ = end.sent();
    let early = Err(TellError::Connection(ConnectionError::Closed));
    assert_eq!(end.connection.send_subscription(&news()[0]), early);
    assert_eq!(end.connection.send_membership(&chess()[0]), early);
    assert_eq!(end.sent(), b"");
    assert!(end.connection.poll_timeout().is_some(), "and the handshake goes on");
}
