use slotmap::SlotMap;

use super::*;
use crate::core::record::{By, Sent};

fn keys<K: slotmap::Key>(count: usize) -> Vec<K> {
    let mut map: SlotMap<K, ()> = SlotMap::with_key();
    (0..count).map(|_| map.insert(())).collect()
}

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn item(source: SourceKey, from: BindingKey, len: usize) -> Item {
    let what = What::Message(Sent { source, from, by: By::Name, messages: 1 });
    let since = Instant::now();
    Item { record: Record { len, what }, head: vec![0; len.min(8)], tail: None, since }
}

fn from(item: &Item) -> BindingKey {
    match item.record.what {
        What::Message(sent) => sent.from,
        What::Return | What::Notice { .. } | What::Hello | What::Sign(_) => panic!("a message"),
    }
}

/// mux:overload:round-robin.
#[test]
fn huge_messages_get_no_more_octets_served_than_small_ones() {
    let (sources, peers) = (keys::<SourceKey>(2), keys::<BindingKey>(2));
    let mut pairs = Pairs::default();
    for _ in 0..64 {
        pairs.push(Line::of(sources[0]), item(sources[0], peers[0], 1 << 20));
    }
    for _ in 0..64 * 1024 {
        pairs.push(Line::of(sources[1]), item(sources[1], peers[1], 1024));
    }
    let mut octets = [0_usize; 2];
    while octets.iter().sum::<usize>() < 100 << 20 {
        let next = pairs.pop().unwrap();
        let who = peers.iter().position(|&peer| peer == from(&next)).unwrap();
        octets[who] += next.record.len;
        let apart = octets[0].abs_diff(octets[1]);
        assert!(apart <= (1 << 20) + 2 * QUANTUM, "{octets:?}");
    }
}

fn flood(pairs: &mut Pairs, source: SourceKey, from: BindingKey) {
    for _ in 0..1000 {
        pairs.push(Line::of(source), item(source, from, 100));
    }
}

/// mux:overload:new-first.
#[test]
fn who_asks_seldom_is_served_before_those_that_flood() {
    let (sources, peers) = (keys::<SourceKey>(12), keys::<BindingKey>(12));
    let mut pairs = Pairs::default();
    for flooding in 0..10 {
        flood(&mut pairs, sources[flooding], peers[flooding]);
    }
    for _ in 0..50 {
        // By then each of the others has had a turn.
        for _ in 0..6 * 10 {
            assert!(peers[..10].contains(&from(&pairs.pop().unwrap())));
        }
        for seldom in [10, 11] {
            pairs.push(Line::of(sources[seldom]), item(sources[seldom], peers[seldom], 100));
        }
        let served = [(); 2].map(|()| from(&pairs.pop().unwrap()));
        assert_eq!(served, [peers[10], peers[11]]);
    }
}

/// mux:overload:new-first, mux:overload:round-robin.
#[test]
fn those_that_are_new_again_and_again_leave_a_fifth_to_who_waits() {
    let (sources, peers) = (keys::<SourceKey>(1001), keys::<BindingKey>(2));
    let mut pairs = Pairs::default();
    flood(&mut pairs, sources[1000], peers[1]);
    pairs.push(Line::of(sources[0]), item(sources[0], peers[0], 100));
    let mut waited = 0;
    for &unknown in &sources[1..1000] {
        pairs.push(Line::of(unknown), item(unknown, peers[0], 100));
        waited += usize::from(from(&pairs.pop().unwrap()) == peers[1]);
    }
    assert!((198..=202).contains(&waited), "{waited}");
}

/// mux:overload:new-first, mux:overload:round-robin.
#[test]
fn who_comes_again_and_again_is_served_no_more_than_who_waits() {
    let (sources, peers) = (keys::<SourceKey>(2), keys::<BindingKey>(2));
    let mut pairs = Pairs::default();
    flood(&mut pairs, sources[0], peers[0]);
    let mut served = [0_usize; 2];
    for _ in 0..1000 {
        let next = from(&pairs.pop().unwrap());
        served[usize::from(next == peers[1])] += 1;
        // A quantum at a time, and the next when that was forgotten if ever.
        if next == peers[0] && pairs.used(sources[1]).messages() == 0 {
            for _ in 0..QUANTUM / 100 {
                pairs.push(Line::of(sources[1]), item(sources[1], peers[1], 100));
            }
        }
    }
    assert!(served[1] <= 500 + QUANTUM / 100, "{served:?}");
}

/// mux:overload:max-age.
#[test]
fn whose_messages_all_expired_keeps_no_place() {
    let (sources, peers) = (keys::<SourceKey>(1001), keys::<BindingKey>(1));
    let mut pairs = Pairs::default();
    for &source in &sources[..1000] {
        pairs.push(Line::of(source), item(source, peers[0], 100));
    }
    let later = pairs.queues[&sources[0]].items[0].0.since + Duration::from_secs(9);
    let fresh = Item { since: later, ..item(sources[1000], peers[0], 100) };
    pairs.push(Line::of(sources[1000]), fresh);
    assert_eq!(pairs.pop_expired(Duration::from_secs(1), later).len(), 1000);
    let places = (pairs.queues.len(), pairs.new.len() + pairs.round.len(), pairs.used.len());
    assert_eq!(places, (1, 1, 1));
    assert_eq!(pairs.pop().map(|item| item.since), Some(later));
    assert!(pairs.is_empty() && pairs.names.is_empty());
}

/// mux:overload:congested-pairs.
#[test]
fn what_a_source_sent_stays_in_its_order() {
    let (sources, peers) = (keys::<SourceKey>(3), keys::<BindingKey>(3));
    let mut pairs = Pairs::default();
    for round in 1..200_usize {
        for who in 0..3 {
            pairs.push(
                Line::of(sources[who]),
                item(sources[who], peers[who], round * (who + 1) * 100),
            );
        }
    }
    let (mut last, mut count) = ([0; 3], 0);
    while let Some(next) = pairs.pop() {
        let who = peers.iter().position(|&peer| peer == from(&next)).unwrap();
        assert!(next.record.len > last[who]);
        last[who] = next.record.len;
        count += 1;
    }
    assert_eq!(count, 3 * 199);
    assert!(pairs.is_empty());
    assert_eq!(pairs.used(sources[0]), Used::default());
}

/// mux:overload:policies.
#[test]
fn the_oldest_of_a_connection_is_its_own() {
    let (sources, peers) = (keys::<SourceKey>(1), keys::<BindingKey>(2));
    let mut pairs = Pairs::default();
    for (peer, len) in [(1, 10), (0, 20), (1, 30), (0, 40)] {
        pairs.push(Line::of(sources[0]), item(sources[0], peers[peer], len));
    }
    let mut oldest = |peer: usize| {
        pairs.pop_oldest(Line::of(sources[0]), peers[peer]).map(|item| item.record.len)
    };
    assert_eq!((oldest(0), oldest(0), oldest(0)), (Some(20), Some(40), None));
    assert_eq!((oldest(1), oldest(1), oldest(1)), (Some(10), Some(30), None));
    assert!(pairs.is_empty());
}
