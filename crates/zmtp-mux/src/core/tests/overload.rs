//! Overload: who is let in, who is held up, and who pays.

use std::time::Duration;

use bytes::Bytes;

use super::{Frames, Mux};
use crate::core::{
    Ageing, BindingKey, DropReason, Flight, MuxLimits, Notices, Origin, Outcome, Pattern, Pause,
    Policy, PoolLimits, Rate, Role, Rule, Rules, Share, Transmit,
};

const BUSY: Outcome = Outcome::Dropped(DropReason::Busy);
const RETURNED: Outcome = Outcome::Returned(DropReason::Busy);

/// A MUX whose services have room for so many messages.
fn with_messages(messages: usize) -> Mux {
    let pool = PoolLimits { octets: 1 << 20, messages };
    let service = Rule { pool, ..Rule::SERVICE };
    Mux::ruled(MuxLimits::default(), Rules { service, ..Rules::default() })
}

/// Sends until a message is not admitted, and returns how many were, and what became of that one.
fn fill(mux: &mut Mux, from: BindingKey, to: &[u8]) -> (usize, Outcome) {
    for count in 0..100_000 {
        let outcome = mux.send(from, &[to, b"x"]);
        if outcome != Outcome::Admitted {
            return (count, outcome);
        }
    }
    panic!("without end");
}

fn is_paused(mux: &mut Mux, key: BindingKey) -> bool {
    let now = mux.now;
    mux.core.poll_pause(key, now) != Pause::Read
}

/// mux:overload:threshold.
#[test]
fn nobody_takes_more_than_is_still_free_and_the_next_finds_room() {
    let mut mux = with_messages(1200);
    let _engine = mux.service(b"engine");
    mux.notices = Notices::Taken;
    let clients = [(); 5].map(|()| mux.client().0);
    let taken = clients.map(|client| fill(&mut mux, client, b"engine").0);
    // Beside what is on its way (a quarter), each takes half of what its forerunners left.
    assert_eq!(taken.iter().map(|_| ()).count(), 5);
    assert!((700..=800).contains(&taken[0]), "{taken:?}");
    for pair in taken.windows(2).skip(1) {
        assert!(pair[1] > 0 && pair[1].abs_diff(pair[0] / 2) <= 1, "{taken:?}");
    }
    assert!(taken.iter().sum::<usize>() < 1200, "{taken:?}");
    assert_eq!(mux.queued(), taken.iter().sum::<usize>() as u64);
}

/// mux:overload:congested-pairs, mux:overload:round-robin.
#[test]
fn who_comes_late_is_served_as_soon_as_who_has_much_waiting() {
    let mut mux = Mux::new();
    let engine = mux.service(b"engine");
    mux.notices = Notices::Taken;
    let (greedy, modest) = (mux.client().0, mux.client().0);
    let large = vec![b'g'; 60_000];
    for _ in 0..100 {
        assert_eq!(mux.send(greedy, &[b"engine", &large]), Outcome::Admitted);
    }
    for _ in 0..3 {
        assert_eq!(mux.send(modest, &[b"engine", b"m"]), Outcome::Admitted);
    }
    let got = mux.receive(engine);
    let last = got.iter().rposition(|frames| frames[1] == b"m").unwrap();
    assert!(last < 12, "served behind {last} of the greedy one's");
    assert_eq!(got.len(), 103);
}

/// mux:overload:congested-pairs, mux:overload:round-robin.
#[test]
fn who_comes_late_waits_for_few_when_the_kernel_is_full() {
    let mut mux = Mux::with(MuxLimits { unsent_mark: 4096, ..MuxLimits::default() });
    let engine = mux.service(b"engine");
    let (greedy, modest) = (mux.client().0, mux.client().0);
    let mut flight = Flight::default();
    assert_eq!(mux.send(greedy, &[b"engine", b"g"]), Outcome::Admitted);
    assert_eq!(mux.core.poll_transmit(engine, 0, &mut flight), Transmit::Write);
    mux.core.handle_full(engine);
    for _ in 0..1000 {
        assert_eq!(mux.send(greedy, &[b"engine", &[b'g'; 100]]), Outcome::Admitted);
    }
    assert_eq!(mux.send(modest, &[b"engine", b"m"]), Outcome::Admitted);
    // The kernel takes what it is given again.
    let first = flight.next().len();
    flight.advance(first);
    assert_eq!(mux.core.poll_transmit(engine, first, &mut flight), Transmit::Write);
    let taken = flight.next();
    assert!(taken.len() < 4500, "{} octets first in, first out", taken.len());
    assert!(taken.windows(3).any(|octets| octets == b"\0\x01m"), "the late one's is among them");
}

/// mux:overload:clients-share.
#[test]
fn who_reads_nothing_does_not_keep_replies_from_who_does() {
    let all = PoolLimits { octets: 1 << 20, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let engine = mux.service(b"engine");
    // Few, so that each might fill the half; and many, which together hold more than is free.
    for count in [3, 100] {
        let frozen: Vec<_> = (0..count).map(|_| mux.client().1).collect();
        for address in frozen.iter().cycle().take(count * 500) {
            let _: Outcome = mux.send(engine, &[address, b"x"]);
        }
        let (_, reader) = mux.client();
        assert_eq!(mux.send(engine, &[&reader, b"x"]), Outcome::Admitted, "beside {count}");
    }
}

/// mux:overload:clients-share.
#[test]
fn connections_of_one_address_that_read_nothing_leave_half_to_another() {
    let all = PoolLimits { octets: 1 << 20, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let engine = mux.service(b"engine");
    mux.share = Share::At(Origin::of(Some("10.0.0.1".parse().unwrap())));
    let frozen = [(); 100].map(|()| mux.client());
    for (_, address) in frozen.iter().cycle().take(5000) {
        let _: Outcome = mux.send(engine, &[address, &[b'x'; 2000]]);
    }
    mux.share = Share::Own;
    let (_, reader) = mux.client();
    assert_eq!(mux.send(engine, &[&reader, &vec![b'x'; 250_000]]), Outcome::Admitted);
    // What they had is free when they go.
    for (key, _) in frozen {
        mux.close(key);
    }
    let (_, late) = mux.client();
    assert_eq!(mux.send(engine, &[&late, &vec![b'x'; 250_000]]), Outcome::Admitted);
}

/// mux:overload:clients-share.
#[test]
fn large_replies_that_one_source_does_not_read_leave_room_to_another() {
    let all = PoolLimits { octets: 64 << 20, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let engine = mux.service(b"engine");
    mux.share = Share::At(Origin::of(Some("10.0.0.1".parse().unwrap())));
    let frozen = [(); 3].map(|()| mux.client().1);
    let large = vec![b'x'; (16 << 20) - 100];
    let outcomes = frozen.map(|address| mux.send(engine, &[&address, &large]));
    assert_eq!(outcomes, [Outcome::Admitted, BUSY, BUSY]);
    mux.share = Share::Own;
    let (_, reader) = mux.client();
    assert_eq!(mux.send(engine, &[&reader, &large[..8 << 20]]), Outcome::Admitted);
}

/// mux:return:share.
#[test]
fn returns_that_one_source_does_not_read_leave_room_to_another() {
    for role in [Role::Client, Role::Service] {
        let all = PoolLimits { octets: 1 << 20, messages: 10_000 };
        let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
        let engine = mux.service(b"engine");
        mux.notices = Notices::Taken;
        mux.share = Share::At(Origin::of(Some("10.0.0.1".parse().unwrap())));
        let rogues: Vec<_> = (0..50_u8)
            .map(|number| match role {
                Role::Client => mux.client().0,
                Role::Service => mux.service(&[b'r', number]),
            })
            .collect();
        for &rogue in rogues.iter().cycle().take(5000) {
            let outcome = mux.send(rogue, &[b"nobody", &[b'x'; 900]]);
            if outcome == Outcome::Parked {
                let _: Pause = mux.core.poll_pause(rogue, mux.now);
            }
        }
        mux.share = Share::Own;
        let (polite, _) = mux.client();
        let unknown = Outcome::Returned(DropReason::Unknown);
        assert_eq!(mux.send(polite, &[b"nobody", &[b'x'; 900]]), unknown, "{role:?}");
        assert_eq!(mux.send(polite, &[b"engine", &[b'x'; 10_000]]), Outcome::Admitted, "{role:?}");
        assert_eq!(mux.receive(engine).len(), 1);
    }
}

/// mux:overload:clients-half.
#[test]
fn replies_that_nobody_reads_leave_half_of_all_room_to_requests() {
    let all = PoolLimits { octets: 1 << 20, messages: 1000 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let engine = mux.service(b"engine");
    let frozen = [(); 40].map(|()| mux.client().1);
    let mut admitted = 0;
    for address in frozen.iter().cycle().take(2000) {
        admitted += usize::from(mux.send(engine, &[address, b"x"]) == Outcome::Admitted);
    }
    assert!(admitted <= 500, "{admitted}");
    let (client, _) = mux.client();
    assert!(fill(&mut mux, client, b"engine").0 > 0);
}

/// mux:overload:services-eighth.
#[test]
fn requests_leave_an_eighth_of_all_room_to_replies() {
    let all = PoolLimits { octets: 1 << 20, messages: 800 };
    let mut mux = Mux::with(MuxLimits { global_pool: all, ..MuxLimits::default() });
    let names: Vec<Vec<u8>> = (0..60).map(|number: u8| vec![b'n', number]).collect();
    let services: Vec<_> = names.iter().map(|name| mux.service(name)).collect();
    mux.notices = Notices::Taken;
    let mut admitted = 0;
    for _ in 0..60 {
        let (client, _) = mux.client();
        admitted += names.iter().map(|name| fill(&mut mux, client, name).0).sum::<usize>();
    }
    assert!((500..=700).contains(&admitted), "{admitted}");
    mux.notices = Notices::NotTaken;
    let (_, address) = mux.client();
    assert_eq!(mux.send(services[0], &[&address, b"reply"]), Outcome::Admitted);
}

/// mux:overload:block-clients-only, mux:overload:pauses-clients-only.
#[test]
fn a_stock_client_is_held_up_until_there_is_room() {
    let mut mux = with_messages(8);
    let engine = mux.service(b"engine");
    let (client, _) = mux.client();
    let (admitted, outcome) = fill(&mut mux, client, b"engine");
    assert_eq!(outcome, Outcome::Parked);
    assert!(is_paused(&mut mux, client));
    assert_eq!(mux.queued(), admitted as u64 + 1, "what is parked is queued");
    let _ = mux.woken();
    assert_eq!(mux.receive(engine).len(), admitted + 1);
    assert!(mux.woken().contains(&client));
    assert!(!is_paused(&mut mux, client));
    assert_eq!((mux.queued(), mux.dropped(DropReason::Busy)), (0, 0));
}

/// mux:overload:block-clients-only.
#[test]
fn those_who_wait_for_room_get_it_in_their_order_and_none_is_forgotten() {
    const CLIENTS: u8 = 200;
    let pool = PoolLimits { octets: 1 << 20, messages: 4 };
    let service = Rule { pool, block_timeout: Duration::ZERO, ..Rule::SERVICE };
    let mut mux = Mux::ruled(MuxLimits::default(), Rules { service, ..Rules::default() });
    let engine = mux.service(b"engine");
    let clients: Vec<_> = (0..CLIENTS).map(|_| mux.client().0).collect();
    for (number, client) in (0..).zip(&clients) {
        let _ = mux.send(*client, &[b"engine", &[number]]);
    }
    assert_eq!(mux.queued(), u64::from(CLIENTS));
    let mut got = Vec::new();
    while mux.queued() > 0 {
        let read = mux.receive(engine);
        assert!(!read.is_empty(), "{} wait, and nobody is let in", mux.queued());
        got.extend(read.iter().map(|frames| frames[1][0]));
    }
    assert_eq!(got, (0..CLIENTS).collect::<Vec<_>>());
}

/// mux:overload:stall.
#[test]
fn a_stuck_service_costs_a_stock_client_one_second_for_the_episode() {
    let mut mux = with_messages(8);
    let engine = mux.service(b"engine");
    let (client, _) = mux.client();
    let (other, _) = mux.client();
    let (_, outcome) = fill(&mut mux, client, b"engine");
    assert_eq!(outcome, Outcome::Parked);
    mux.now += Duration::from_millis(999);
    assert!(is_paused(&mut mux, client));
    mux.now += Duration::from_millis(1);
    assert!(!is_paused(&mut mux, client));
    assert_eq!((mux.dropped(DropReason::Busy), mux.core.counters().stalls), (1, 1));
    // From now on nothing of its waits; whoever has no part in it is let in.
    let outcomes = [(); 10].map(|()| mux.send(client, &[b"engine", b"x"]));
    assert_eq!(outcomes, [BUSY; 10]);
    assert_eq!(mux.send(other, &[b"engine", b"x"]), Outcome::Admitted);
    // The episode is over when half is gone.
    assert!(!mux.receive(engine).is_empty());
    let (_, outcome) = fill(&mut mux, client, b"engine");
    assert_eq!(outcome, Outcome::Parked);
}

/// mux:overload:self-never-blocks, mux:overload:block-clients-only.
#[test]
fn neither_a_service_nor_a_message_to_oneself_is_held_up() {
    let mut mux = with_messages(8);
    let engine = mux.service(b"engine");
    let source = mux.service(b"source");
    assert_eq!(fill(&mut mux, source, b"engine").1, BUSY);
    assert!(!is_paused(&mut mux, source));
    assert_eq!(fill(&mut mux, engine, b"engine").1, BUSY);
    let pool = PoolLimits { octets: 1 << 20, messages: 8 };
    let rule = Rule { pool, ..Rule::SERVICE };
    let mut mux = Mux::ruled(MuxLimits::default(), Rules { client: rule, ..Rules::default() });
    let (client, own) = mux.client();
    assert_eq!(fill(&mut mux, client, &own).1, BUSY);
}

/// mux:overload:policies.
#[test]
fn without_room_the_policy_of_the_destination_decides() {
    let pattern = |text: &'static str| Pattern::new(Bytes::from_static(text.as_bytes())).unwrap();
    let pool = PoolLimits { octets: 1 << 20, messages: 8 };
    let rule = |policy| Rule { policy, pool, ..Rule::SERVICE };
    let names = vec![
        (pattern("newest"), rule(Policy::DropNewest)),
        (pattern("oldest"), rule(Policy::DropOldest)),
    ];
    let mut mux = Mux::ruled(MuxLimits::default(), Rules { names, ..Rules::default() });
    let (newest, oldest) = (mux.service(b"newest"), mux.service(b"oldest"));
    let (client, _) = mux.client();
    assert_eq!(fill(&mut mux, client, b"newest").1, BUSY);
    for number in 0..50_u8 {
        assert_eq!(mux.send(client, &[b"oldest", &[number]]), Outcome::Admitted);
    }
    let last = |got: Vec<Frames>| got.last().map(|frames| frames[1].clone());
    let got = mux.receive(oldest);
    assert!(got.len() < 9 && got.is_sorted_by_key(|frames| frames[1].clone()));
    assert_eq!(last(got), Some(vec![49]));
    assert!(mux.receive(newest).len() < 9);
    assert!(mux.dropped(DropReason::Busy) > 40);
    assert_eq!((mux.queued(), mux.core.queued_octets()), (0, 0));
}

/// mux:overload:max-age.
#[test]
fn what_waits_too_long_comes_back_as_expired() {
    let rule = Rule {
        max_age: Some(Duration::from_secs(5)),
        pool: PoolLimits { octets: 4000, messages: 100 },
        ..Rule::SERVICE
    };
    let mut mux = Mux::ruled(MuxLimits::default(), Rules { service: rule, ..Rules::default() });
    let engine = mux.service(b"engine");
    mux.notices = Notices::Taken;
    let (client, _) = mux.client();
    for _ in 0..60 {
        let _ = mux.send(client, &[b"engine", b"x"]);
    }
    let queued = mux.queued();
    let now = mux.now + Duration::from_secs(5);
    assert_eq!(mux.core.handle_expiry(engine, now), Ageing::Something);
    assert_eq!(mux.queued(), queued, "not yet");
    let later = now + Duration::from_millis(1);
    assert_eq!(mux.core.handle_expiry(engine, later), Ageing::Nothing);
    let expired = mux.core.counters().returned_for(DropReason::Expired);
    assert!(expired > 0 && mux.queued() == queued - expired, "{expired} of {queued}");
    let got = mux.receive(client);
    assert_eq!(got.iter().filter(|frames| frames[1][5] == 3).count() as u64, expired);
}

/// mux:overload:refusal-tokens, mux:overload:pauses-clients-only.
#[test]
fn a_client_that_is_refused_without_end_is_not_read_for_a_while() {
    let refusals = Rate { burst: 10, per_second: 10 };
    let mut mux = Mux::with(MuxLimits { refusals, ..MuxLimits::default() });
    let (client, _) = mux.client();
    let service = mux.service(b"engine");
    for _ in 0..10 {
        assert!(!is_paused(&mut mux, client));
        let _ = mux.send(client, &[b"nobody", b"x"]);
        let _ = mux.send(service, &[b"nobody", b"x"]);
    }
    assert!(is_paused(&mut mux, client));
    assert!(!is_paused(&mut mux, service));
    mux.now += Duration::from_millis(100);
    assert!(!is_paused(&mut mux, client));
}

/// mux:overload:unread-returns.
#[test]
fn a_client_that_does_not_read_its_returns_is_not_read() {
    let mut mux = Mux::with(MuxLimits { returns_unread: 5, ..MuxLimits::default() });
    mux.notices = Notices::Taken;
    let (client, _) = mux.client();
    let service = mux.service(b"engine");
    for _ in 0..6 {
        assert!(!is_paused(&mut mux, client));
        let _ = mux.send(client, &[b"nobody", b"x"]);
        let _ = mux.send(service, &[b"nobody", b"x"]);
    }
    assert!(is_paused(&mut mux, client));
    assert!(!is_paused(&mut mux, service));
    assert_eq!(mux.receive(client).len(), 6);
    assert!(!is_paused(&mut mux, client));
}

/// mux:overload:policies.
#[test]
fn a_service_that_takes_notices_is_told_that_its_client_has_no_room() {
    let pool = PoolLimits { octets: 1 << 20, messages: 8 };
    let client = Rule { pool, ..Rule::CLIENT };
    let mut mux = Mux::ruled(MuxLimits::default(), Rules { client, ..Rules::default() });
    let (_frozen, address) = mux.client();
    mux.notices = Notices::Taken;
    let engine = mux.service(b"engine");
    assert_eq!(fill(&mut mux, engine, &address).1, RETURNED);
    assert!(!is_paused(&mut mux, engine));
    assert_eq!(mux.receive(engine).len(), 1);
}
