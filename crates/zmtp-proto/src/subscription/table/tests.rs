use proptest::prelude::*;

use super::*;

fn subscribe(topic: &'static [u8]) -> Subscription {
    Subscription::Subscribe(Bytes::from_static(topic))
}

fn cancel(topic: &'static [u8]) -> Subscription {
    Subscription::Cancel(Bytes::from_static(topic))
}

fn table(topics: &[&[u8]]) -> Subscriptions {
    let mut table = Subscriptions::default();
    for topic in topics {
        table.subscribe(topic).unwrap();
    }
    table
}

/// 37:subscription:wire-on-edge, 37:subscription:additive: Q-19, which is also right for a
/// publisher that forgets a topic at the first cancel.
#[test]
fn only_the_first_and_the_last_of_a_topic_go_to_the_wire() {
    let mut table = Subscriptions::default();
    assert_eq!(table.subscribe(b"A"), Ok(Some(subscribe(b"A"))));
    assert_eq!(table.subscribe(b"A"), Ok(None));
    assert_eq!(table.subscribe(b"B"), Ok(Some(subscribe(b"B"))));
    assert_eq!(table.cancel(b"A"), None);
    assert_eq!(table.cancel(b"A"), Some(cancel(b"A")));
    assert_eq!(table.cancel(b"A"), None);
    assert_eq!(table.subscribe(b"A"), Ok(Some(subscribe(b"A"))));
}

/// 37:subscription:additive: S-08.
#[test]
fn two_subscriptions_need_two_cancels() {
    let mut table = Subscriptions::default();
    for subscription in [subscribe(b"A"), subscribe(b"A"), cancel(b"A")] {
        table.handle(&subscription).unwrap();
    }
    assert!(table.matches(b"Abc"));
    assert_eq!(table.handle(&cancel(b"A")), Ok(Some(cancel(b"A"))));
    assert!(!table.matches(b"Abc"));
}

/// 37:subscription:additive: S-07.
#[test]
fn a_cancel_without_a_subscription_changes_nothing() {
    let mut table = table(&[b"A"]);
    for topic in [&b"Q"[..], b"", b"AA"] {
        assert_eq!(table.cancel(topic), None);
    }
    assert_eq!(table.subscribe(b"Q"), Ok(Some(subscribe(b"Q"))));
    assert_eq!(table.len(), 2);
}

/// 37:subscription:limits.
#[test]
fn a_count_does_not_go_beyond_its_greatest_value() {
    let mut table = table(&[b"A"]);
    *table.counts.get_mut(&b"A"[..]).unwrap() = u32::MAX;
    assert_eq!(table.subscribe(b"A"), Ok(None));
    assert_eq!(table.counts[&b"A"[..]], u32::MAX);
    assert_eq!(table.cancel(b"A"), None);
}

/// 37:subscription:limits.
#[test]
fn a_topic_beyond_a_limit_is_refused_and_changes_nothing() {
    let limits = SubscriptionLimits { topics_max: 3, topic_len_max: 4, octets_max: 8 };
    let mut table = Subscriptions::new(limits);
    assert_eq!(table.subscribe(b"12345"), Err(SubscribeError::TopicTooLong { len: 5, max: 4 }));
    assert!(table.is_empty());
    assert_eq!(table.subscribe(b"1234"), Ok(Some(subscribe(b"1234"))));
    assert_eq!(table.subscribe(b"abc"), Ok(Some(subscribe(b"abc"))));
    assert_eq!(table.subscribe(b"xy"), Err(SubscribeError::TooManyOctets { max: 8 }));
    assert_eq!(table.subscribe(b""), Ok(Some(subscribe(b""))));
    assert_eq!(table.subscribe(b"x"), Err(SubscribeError::TooManyTopics { max: 3 }));
    assert_eq!(table.len(), 3);
    // What is known may be subscribed to again, and what is gone makes room.
    assert_eq!(table.subscribe(b"abc"), Ok(None));
    assert_eq!(table.cancel(b"1234"), Some(cancel(b"1234")));
    assert_eq!(table.subscribe(b"wxyz"), Ok(Some(subscribe(b"wxyz"))));
    let many = Subscriptions::default().limits;
    assert_eq!((many.topics_max, many.topic_len_max, many.octets_max), (10_000, 4096, 1 << 20));
}

/// 37:subscription:resent: Q-20.
#[test]
fn each_topic_is_resent_once() {
    let mut table = table(&[b"B", b"A", b"B", b"", b"C"]);
    table.cancel(b"C");
    let resent: Vec<_> = table.iter().collect();
    assert_eq!(resent, [subscribe(b""), subscribe(b"A"), subscribe(b"B")]);
}

/// 37:subscription:prefix: S-02.
#[test]
fn a_topic_fits_what_begins_with_it() {
    assert!(!Subscriptions::default().matches(b""));
    let everything = table(&[b""]);
    assert!(everything.matches(b"") && everything.matches(b"\0\xff"));
    let table = table(&[b"ab", b"abcde", b"b\0", b"\xff\xff"]);
    for (octets, expected) in [
        (&b"ab"[..], true),
        (b"abcd", true),
        (b"abz", true),
        (b"a", false),
        (b"", false),
        (b"aab", false),
        (b"b", false),
        (b"b\0\0", true),
        (b"b\x01", false),
        (b"\xff", false),
        (b"\xff\xff\xff", true),
    ] {
        assert_eq!(table.matches(octets), expected, "{}", octets.escape_ascii());
    }
}

proptest! {
    /// 37:subscription:additive, 37:subscription:wire-on-edge, 37:subscription:limits,
    /// 37:subscription:prefix, 37:subscription:resent: the table is a list without its cleverness.
    #[test]
    fn behaves_like_a_list_of_all_that_was_subscribed(
        steps in prop::collection::vec((any::<bool>(), topics()), 0..60),
        heard in prop::collection::vec(topics(), 0..20),
    ) {
        let limits = SubscriptionLimits { topics_max: 12, topic_len_max: 6, octets_max: 30 };
        let mut table = Subscriptions::new(limits);
        let mut model: Vec<Vec<u8>> = Vec::new();
        for (subscribes, topic) in steps {
            let known = model.contains(&topic);
            let octets = Bytes::copy_from_slice(&topic);
            if subscribes {
                let refused = !known && is_full(&model, &topic, limits);
                match table.handle(&Subscription::Subscribe(octets.clone())) {
                    Ok(change) => {
                        prop_assert!(!refused);
                        let begun = (!known).then_some(Subscription::Subscribe(octets));
                        prop_assert_eq!(change, begun);
                        model.push(topic);
                    }
                    Err(_) => prop_assert!(refused),
                }
            } else {
                let changed = table.handle(&Subscription::Cancel(octets.clone())).unwrap();
                if let Some(at) = model.iter().position(|other| *other == topic) {
                    model.remove(at);
                }
                let ended = known && !model.contains(&topic);
                prop_assert_eq!(changed, ended.then_some(Subscription::Cancel(octets)));
            }
        }
        let distinct = distinct(&model);
        prop_assert_eq!(table.octets, distinct.concat().len());
        let resent: Vec<Vec<u8>> = table.iter().map(|one| one.topic().to_vec()).collect();
        prop_assert_eq!(&resent, &distinct);
        for octets in heard.iter().chain(&model) {
            let expected = model.iter().any(|topic| octets.starts_with(topic));
            prop_assert_eq!(table.matches(octets), expected);
        }
    }
}

fn is_full(model: &[Vec<u8>], topic: &[u8], limits: SubscriptionLimits) -> bool {
    let distinct = distinct(model);
    topic.len() > limits.topic_len_max
        || distinct.len() >= limits.topics_max
        || distinct.concat().len() + topic.len() > limits.octets_max
}

fn distinct(model: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut distinct = model.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}

/// Topics of few different octets, so that they meet, and begin with each other.
fn topics() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0_u8, b'a', 0xFF]), 0..8)
}
