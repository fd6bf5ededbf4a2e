//! How much a peer may watch.

use super::super::Mux;
use super::{LIMIT, RETURN, SYNCED, UP, about};
use crate::core::notice::NoticeKind;
use crate::core::{MuxLimits, PoolLimits};

/// mux:watch:watches-limit, mux:limit:counted.
#[test]
fn a_peer_has_so_many_watches() {
    let limits = MuxLimits { watches_per_peer: 2, ..MuxLimits::default() };
    let (mut mux, watcher) = Mux::watching(limits);
    for pattern in ["a", "b", "c", "b"] {
        mux.watch(watcher, pattern);
    }
    let mut read = mux.read(watcher);
    read.sort();
    let expected = [about(RETURN, LIMIT, "c"), about(SYNCED, 0, "a"), about(SYNCED, 0, "b")];
    assert_eq!(read, expected);
    assert_eq!(mux.core.counters().control_refused, 1);
    mux.unwatch(watcher, "a");
    mux.watch(watcher, "c");
    assert_eq!(mux.read(watcher), [about(SYNCED, 0, "c")]);
}

/// mux:watch:matches-limit, mux:watch:limit-ends, mux:limit:counted.
#[test]
fn a_watch_beyond_the_matches_is_refused_and_one_that_outgrows_them_is_ended() {
    let limits = MuxLimits { watch_matches: 2, ..MuxLimits::default() };
    let (mut mux, watcher) = Mux::watching(limits);
    for name in [&b"a.1"[..], b"a.2", b"a.3", b"b.1"] {
        mux.service(name);
    }
    mux.watch(watcher, "a.*");
    assert_eq!(mux.read(watcher), [about(RETURN, LIMIT, "a.*")]);
    mux.watch(watcher, "b.*");
    mux.watch(watcher, "a.1");
    assert_eq!(mux.read(watcher).len(), 4);
    mux.service(b"b.2");
    // While it is not told so, its next try has the same answer.
    let (refused, slots) = (mux.core.counters().control_refused, mux.slots(watcher));
    mux.service(b"b.3");
    mux.watch(watcher, "b.*");
    assert_eq!((mux.core.counters().control_refused, slots), (refused + 1, 1));
    assert_eq!(mux.read(watcher), [about(RETURN, LIMIT, "b.*")]);
    assert_eq!((mux.core.counters().watches_ended, mux.slots(watcher)), (1, 1));
    mux.service(b"b.4");
    assert!(mux.read(watcher).is_empty());
    mux.close(watcher);
    assert_eq!(mux.core.queued_octets(), 0);
}

/// mux:watch:charged.
#[test]
fn slots_are_charged_to_the_watcher_and_the_pool() {
    let global_pool = PoolLimits { octets: 10_000, messages: 1000 };
    let (mut mux, watcher) = Mux::watching(MuxLimits { global_pool, ..MuxLimits::default() });
    mux.watch(watcher, "*");
    assert_eq!(mux.read(watcher), [about(SYNCED, 0, "*")]);
    let mut names = 0;
    let end = loop {
        mux.service(format!("engine.{names}").as_bytes());
        match mux.read(watcher).remove(0) {
            (UP, ..) => names += 1,
            end => break end,
        }
    };
    assert_eq!(end, about(RETURN, LIMIT, "*"));
    assert!((10..30).contains(&names), "it holds no more than what is free: {names}");
    assert_eq!(mux.core.queued_octets(), 0);
    mux.watch(watcher, "engine.1*");
    assert!(mux.core.queued_octets() > 0);
    mux.close(watcher);
    assert_eq!(mux.core.queued_octets(), 0);
}

/// mux:watch:tokens.
#[test]
fn a_watch_costs_a_token_for_each_sixty_four_matches() {
    let refusals = crate::core::Rate { burst: 4, per_second: 1 };
    let (mut mux, watcher) = Mux::watching(MuxLimits { refusals, ..MuxLimits::default() });
    for number in 0..129 {
        mux.service(format!("engine.{number}").as_bytes());
    }
    mux.control_at_length(watcher, NoticeKind::Watch, b"engine.*");
    assert!(matches!(mux.core.poll_pause(watcher, mux.now), crate::core::Pause::Read));
    mux.watch(watcher, "x");
    let paused = mux.core.poll_pause(watcher, mux.now);
    assert!(matches!(paused, crate::core::Pause::Wait { .. }), "four are spent");
    // A service goes on, but is not heard.
    let service = mux.service(b"s");
    for _ in 0..5 {
        mux.watch(service, "x");
    }
    assert_eq!(mux.core.counters().control_dropped, 1);
}

/// mux:watch:tokens.
#[test]
fn to_uncover_many_watches_costs_a_token_for_each_sixty_four_of_them() {
    let refusals = crate::core::Rate { burst: 256 + 2 * 5, per_second: 1 };
    let (mut mux, watcher) =
        Mux::watching(MuxLimits { refusals, watches_per_peer: 300, ..MuxLimits::default() });
    for number in 0..256 {
        mux.watch(watcher, &format!("engine.{number}."));
    }
    let is_read = |mux: &mut Mux| mux.core.poll_pause(watcher, mux.now) == crate::core::Pause::Read;
    // What is covered leaves the register, and comes back to it.
    mux.control_at_length(watcher, NoticeKind::Watch, b"engine.*");
    assert!(is_read(&mut mux));
    mux.control_at_length(watcher, NoticeKind::Unwatch, b"engine.*");
    assert!(!is_read(&mut mux), "all are spent");
}
