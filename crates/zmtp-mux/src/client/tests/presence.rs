//! Watches: what they show, and what of it is kept for a reader that is slow.

use bytes::Bytes;

use super::world::{OnTheWay, World};
use crate::client::{Finish, WatchError, WatchEvent, WatchId};
use crate::core::{GoneReason, MuxLimits, Name, Pattern, ReturnReason};

fn pattern(text: &'static str) -> Pattern {
    Pattern::new(Bytes::from_static(text.as_bytes())).unwrap()
}

/// Reads all that a watch has to tell, as text.
fn told(world: &mut World, id: WatchId) -> Vec<String> {
    let all = std::iter::from_fn(|| world.client.poll_watch(id));
    all.map(|told| match told {
        Ok(WatchEvent::Up { name, .. }) => format!("up {name}"),
        Ok(WatchEvent::Gone { name, reason, .. }) => format!("gone {name} {reason:?}"),
        Ok(WatchEvent::Synced) => "synced".to_owned(),
        Ok(WatchEvent::Stale) => "stale".to_owned(),
        Err(error) => format!("over {error:?}"),
    })
    .collect()
}

fn world() -> World {
    let mut world = World::new(MuxLimits::default());
    world.connect();
    world
}

/// Begins a watch, and lets the MUX answer it.
fn watch(world: &mut World, text: &'static str) -> WatchId {
    let id = world.client.watch(pattern(text));
    world.flow();
    id
}

/// mux:client:watch-newest.
#[test]
fn shows_who_is_there_and_then_who_comes_and_goes() {
    let mut world = world();
    world.serve("a1");
    world.serve("b1");
    let id = watch(&mut world, "a*");
    assert_eq!(told(&mut world, id), ["up a1", "synced"]);
    world.serve("a2");
    world.stop("a1", 0);
    world.flow();
    assert_eq!(told(&mut world, id), ["up a2", "gone a1 Lost"]);
    // A reader that is slow sees the newest state of each, at most once.
    world.stop("a2", 0);
    world.flow();
    world.serve("a2");
    world.flow();
    world.serve("a3");
    world.flow();
    world.stop("a3", 0);
    world.flow();
    assert_eq!(told(&mut world, id), ["up a2"]);
}

/// mux:client:watch-again.
#[test]
fn after_a_reconnect_it_shows_what_has_changed_meanwhile() {
    let mut world = world();
    for name in ["a1", "a2", "a3"] {
        world.serve(name);
    }
    let id = watch(&mut world, "a*");
    assert_eq!(told(&mut world, id), ["up a1", "up a2", "up a3", "synced"]);
    world.cut(OnTheWay::Arrives);
    assert_eq!(told(&mut world, id), ["stale"]);
    world.stop("a1", 0);
    world.stop("a2", 0);
    world.serve("a2");
    world.serve("a4");
    world.connect();
    world.flow();
    assert_eq!(told(&mut world, id), ["up a2", "up a4", "gone a1 LinkLost", "synced"]);
    // Unread, it comes to the same as once.
    world.cut(OnTheWay::Arrives);
    world.connect();
    world.flow();
    assert_eq!(told(&mut world, id), ["synced"]);
    world.restart();
    world.serve("a3");
    world.connect();
    world.flow();
    let after = told(&mut world, id);
    assert!(
        after.contains(&"gone a2 LinkLost".to_owned()) && after.ends_with(&["synced".to_owned()])
    );
}

/// mux:client:watch-one-at-a-time.
#[test]
fn watches_that_overlap_each_show_all_of_their_own() {
    let mut world = world();
    world.serve("a1");
    world.serve("ab");
    let wide = world.client.watch(pattern("a*"));
    let narrow = world.client.watch(pattern("ab*"));
    let same = world.client.watch(pattern("a*"));
    world.flow();
    assert_eq!(told(&mut world, wide), ["up a1", "up ab", "synced"]);
    assert_eq!(told(&mut world, narrow), ["up ab", "synced"]);
    assert_eq!(told(&mut world, same), ["up a1", "up ab", "synced"]);
    let again = watch(&mut world, "a*");
    assert_eq!(told(&mut world, again), ["up a1", "up ab", "synced"]);
    assert_eq!(told(&mut world, wide), [""; 0]);
    for id in [wide, same, again] {
        world.client.unwatch(id);
    }
    world.stop("ab", 0);
    world.stop("a1", 0);
    world.flow();
    assert_eq!(told(&mut world, narrow), ["gone ab Lost"]);
    world.client.unwatch(narrow);
    world.flow();
    assert!(world.client.holds_nothing());
}

/// mux:client:watch-one-at-a-time.
#[test]
fn what_an_ended_watch_still_shows_is_not_taken_for_new() {
    let mut world = world();
    world.serve("a1");
    let first = watch(&mut world, "a*");
    world.stop("a1", 0);
    world.serve("a1");
    // The UP is on its way when the watch ends, and so does the service, of which nobody tells.
    world.emit();
    world.client.unwatch(first);
    world.stop("a1", 0);
    let second = world.client.watch(pattern("a1"));
    world.flow();
    assert_eq!(told(&mut world, second), ["synced"]);
}

/// mux:client:watch-limit.
#[test]
fn a_watch_of_too_much_ends_and_says_so() {
    let limits = MuxLimits { watch_matches: 1, ..MuxLimits::default() };
    let mut world = World::new(limits);
    world.connect();
    world.serve("a1");
    let id = watch(&mut world, "a*");
    assert_eq!(told(&mut world, id), ["up a1", "synced"]);
    world.serve("a2");
    world.flow();
    let refused = WatchError::Refused(ReturnReason::Limit);
    assert_eq!(told(&mut world, id), [format!("over {refused:?}")]);
    assert!(world.client.is_watch_over(id));
    let again = watch(&mut world, "a*");
    assert_eq!(told(&mut world, again), [format!("over {refused:?}")]);
    assert_eq!(world.client.counters().watches_refused, 2);
    // Our own limit ends it, too, whatever the MUX allows.
    let mut world = World::new(MuxLimits::default());
    world.connect();
    let names: Vec<_> = (0..=super::world::LIMITS.watch_names_max).collect();
    for name in names {
        world.serve(format!("a{name}").leak());
    }
    let id = watch(&mut world, "a*");
    let all = told(&mut world, id);
    assert_eq!(all.len(), super::world::LIMITS.watch_names_max + 1);
    assert_eq!(all.last().unwrap(), "over TooManyNames");
}

/// mux:client:watch-newest.
#[test]
fn a_watch_of_a_closed_client_is_over() {
    let mut world = world();
    let early = watch(&mut world, "a*");
    world.client.handle_close(Finish::Closed);
    let late = world.client.watch(pattern("a*"));
    assert_eq!(told(&mut world, early), ["synced", "over Closed"]);
    assert_eq!(told(&mut world, late), ["over Closed"]);
    let name = Name::new(Bytes::from_static(b"a")).unwrap();
    let gone = WatchEvent::Gone { name, generation: 1, reason: GoneReason::Left };
    assert!(format!("{gone:?}").contains("Left"));
}
