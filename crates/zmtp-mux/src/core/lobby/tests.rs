use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::*;
use crate::core::rate::Rate;

const SECOND: Duration = Duration::from_secs(1);

#[expect(clippy::disallowed_methods, reason = "only differences of it count")]
fn start() -> Instant {
    Instant::now()
}

/// Somebody from this address, on a listener for services, where no place is reserved for others.
fn from(address: IpAddr) -> Newcomer {
    let (listener, cost) = (ListenerRole::Services, HandshakeCost::Cheap);
    Newcomer { address: Some(address), listener, cost }
}

fn ip(last: u8) -> Newcomer {
    from(IpAddr::from([192, 0, 2, last]))
}

fn loopback() -> Vec<Prefix> {
    vec![Prefix::LOOPBACK_V4, Prefix::LOOPBACK_V6]
}

fn lobby() -> Lobby {
    let limits =
        MuxLimits { connections: 6, connections_per_ip: 4, handshakes: 3, ..MuxLimits::default() };
    Lobby::new(limits, loopback())
}

fn enter(lobby: &mut Lobby, newcomer: Newcomer) -> (Ticket, Option<Ticket>) {
    match lobby.enter(newcomer, start()) {
        Entry::Entered { ticket, evicted } => (ticket, evicted),
        Entry::Refused => panic!("refused"),
    }
}

/// mux:limit:connections, mux:limit:connections-per-ip.
#[test]
fn refuses_what_is_too_many_in_all_or_from_one_address() {
    let mut lobby = lobby();
    let tickets: Vec<_> = (0..4).map(|_| enter(&mut lobby, ip(1)).0).collect();
    assert_eq!(lobby.enter(ip(1), start()), Entry::Refused);
    enter(&mut lobby, ip(2));
    enter(&mut lobby, ip(2));
    assert_eq!(lobby.enter(ip(3), start()), Entry::Refused);
    lobby.leave(tickets[0]);
    enter(&mut lobby, ip(1));
    let counters = lobby.counters();
    assert_eq!((counters.refused_per_ip, counters.refused_connections), (1, 1));
}

/// mux:limit:exempt-addresses.
#[test]
fn exempt_addresses_and_ipc_know_no_limit_per_address() {
    let exempt = [
        from(IpAddr::from([127, 0, 0, 9])),
        from(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        from("::ffff:127.0.0.1".parse().unwrap()),
        Newcomer { address: None, ..ip(1) },
    ];
    for newcomer in exempt {
        let mut lobby = lobby();
        for _ in 0..6 {
            enter(&mut lobby, newcomer);
        }
    }
    let none = |limits| Lobby::new(limits, Vec::new());
    for (number, newcomer) in exempt.into_iter().enumerate() {
        let mut lobby = none(MuxLimits { connections_per_ip: 2, ..MuxLimits::default() });
        for _ in 0..2 {
            enter(&mut lobby, newcomer);
        }
        let is_ip = number < 3;
        assert_eq!(lobby.enter(newcomer, start()) == Entry::Refused, is_ip, "{newcomer:?}");
        assert_eq!(lobby.counters().refused_per_ip, u64::from(is_ip));
    }
}

/// mux:limit:service-places.
#[test]
fn the_last_sixteenth_of_the_places_is_for_services() {
    for (connections, part, reserved) in [(64, 16, 4), (64, 2, 32), (64, 0, 0), (15, 16, 0)] {
        let limits = MuxLimits { connections, service_places_part: part, ..MuxLimits::default() };
        for other in [ListenerRole::Clients, ListenerRole::Any] {
            let mut lobby = Lobby::new(limits.clone(), loopback());
            let other = Newcomer { listener: other, ..ip(1) };
            let tickets: Vec<_> =
                (reserved..connections).map(|_| enter(&mut lobby, other).0).collect();
            for _ in 0..2 {
                assert_eq!(lobby.enter(other, start()), Entry::Refused);
            }
            let counters = *lobby.counters();
            let refused = (counters.refused_reserved, counters.refused_connections);
            assert_eq!(refused, if reserved == 0 { (0, 2) } else { (2, 0) });
            for _ in 0..reserved {
                enter(&mut lobby, ip(2));
            }
            assert_eq!(lobby.enter(ip(2), start()), Entry::Refused);
            assert_eq!(lobby.counters().refused_connections, refused.1 + 1);
            lobby.leave(tickets[0]);
            assert_eq!(lobby.enter(other, start()) == Entry::Refused, reserved > 0);
        }
    }
}

/// mux:limit:handshakes-per-ip.
#[test]
fn an_address_begins_so_many_costly_handshakes_in_a_second() {
    let limits =
        MuxLimits { handshakes_per_ip: Rate { per_second: 4, burst: 6 }, ..MuxLimits::default() };
    let mut lobby = Lobby::new(limits.clone(), loopback());
    let begin = start();
    let costly = |newcomer| Newcomer { cost: HandshakeCost::PublicKeys, ..newcomer };
    // Ten attempts a second for ten seconds: the burst, and four in each second.
    let entered = (0..100)
        .filter(|tenth| lobby.enter(costly(ip(1)), begin + SECOND / 10 * *tenth) != Entry::Refused)
        .count();
    assert_eq!(entered, 6 + 4 * 99 / 10);
    assert_eq!(lobby.counters().refused_rate, 100 - entered as u64);
    let end = begin + SECOND / 10 * 99;
    for newcomer in [ip(1), costly(from(IpAddr::from([127, 0, 0, 1])))] {
        for _ in 0..20 {
            assert_ne!(lobby.enter(newcomer, end), Entry::Refused, "{newcomer:?}");
        }
    }
    assert_ne!(lobby.enter(costly(ip(2)), end), Entry::Refused);
}

/// mux:limit:handshake-eviction.
#[test]
fn the_oldest_handshake_of_the_largest_crowd_makes_way() {
    let mut lobby = lobby();
    let (first, _) = enter(&mut lobby, ip(1));
    let (second, _) = enter(&mut lobby, ip(2));
    let (third, none) = enter(&mut lobby, ip(2));
    assert_eq!(none, None);
    let (_, evicted) = enter(&mut lobby, ip(3));
    assert_eq!(evicted, Some(second));
    assert_eq!(lobby.introduce(second), Err(Evicted));
    assert_eq!(lobby.introduce(third), Ok(()));
    assert_eq!(lobby.count(), (4, 2));
    lobby.leave(second);
    lobby.leave(first);
    assert_eq!(lobby.count(), (2, 1));
    assert_eq!(lobby.ranks.len(), 1, "only the last address has an unfinished handshake");
    assert_eq!(lobby.counters().handshakes_evicted, 1);
}

#[test]
fn ten_thousand_silent_connections_leave_the_newest_places() {
    let mut lobby = Lobby::new(MuxLimits::default(), loopback());
    let local = from(IpAddr::from([127, 0, 0, 1]));
    for _ in 0..10_000 {
        enter(&mut lobby, local);
    }
    assert_eq!(lobby.count(), (10_000, 1024));
    let (speaks, _) = enter(&mut lobby, local);
    assert_eq!(lobby.introduce(speaks), Ok(()));
}
