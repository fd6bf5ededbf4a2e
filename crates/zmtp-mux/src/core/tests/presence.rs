//! Presence: who is shown which services, and that nobody is left with an old view.

mod limits;
mod view;

use std::sync::Arc;

use zmtp_proto::SocketType::{Dealer, Req};

use super::{Frames, Mux};
use crate::core::ListenerRole::{Any, Clients, Services};
use crate::core::notice::{Header, NoticeKind};
use crate::core::presence::Watcher;
use crate::core::{
    Acl, Admission, BindingKey, Flight, GoneReason, MuxLimits, NameClaim, Notices, Outcome,
    Principal, Standing, Transmit,
};

const UP: u8 = 4;
const GONE: u8 = 3;
const RETURN: u8 = 2;
const SYNCED: u8 = 7;
const LEFT: u8 = 2;
const DENIED: u8 = 4;
const LIMIT: u8 = 8;
const MALFORMED: u8 = 9;

/// A notice about one name or pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    kind: u8,
    reason: u8,
    flags: u8,
    generation: u64,
    about: String,
}

fn said(frames: &Frames) -> Said {
    let [empty, header, about] = &frames[..] else { panic!("no notice: {frames:?}") };
    assert!(empty.is_empty() && header.len() == 20, "no notice: {frames:?}");
    let generation = u64::from_be_bytes(header[8..16].try_into().unwrap());
    let about = String::from_utf8(about.clone()).unwrap();
    Said { kind: header[4], reason: header[5], flags: header[7], generation, about }
}

impl Mux {
    fn watching(limits: MuxLimits) -> (Self, BindingKey) {
        let mut mux = Self::with(limits);
        mux.notices = Notices::Taken;
        let watcher = mux.client().0;
        (mux, watcher)
    }

    fn watch(&mut self, from: BindingKey, pattern: &str) {
        self.control(from, NoticeKind::Watch, pattern.as_bytes());
    }

    fn unwatch(&mut self, from: BindingKey, pattern: &str) {
        self.control(from, NoticeKind::Unwatch, pattern.as_bytes());
    }

    fn control(&mut self, from: BindingKey, kind: NoticeKind, pattern: &[u8]) {
        let header = Header::new(kind).encode();
        assert_eq!(self.send(from, &[b"", &header, pattern]), Outcome::Heard);
    }

    /// The same, where it costs more than one token.
    fn control_at_length(&mut self, from: BindingKey, kind: NoticeKind, pattern: &[u8]) {
        let header = Header::new(kind).encode();
        assert_eq!(self.send(from, &[b"", &header, pattern]), Outcome::HeardAtLength);
    }

    /// Reads all: kind, reason and name of each notice.
    fn read(&mut self, from: BindingKey) -> Vec<(u8, u8, String)> {
        let read = self.receive(from);
        read.iter().map(said).map(|said| (said.kind, said.reason, said.about)).collect()
    }

    fn slots(&self, watcher: BindingKey) -> usize {
        self.core.bindings.get(watcher).and_then(|of| of.watcher()).map_or(0, Watcher::slots)
    }

    /// Finds that nothing of any watch is left.
    fn assert_clean(&self) {
        assert_eq!((self.queued(), self.core.queued_octets()), (0, 0), "nothing stays charged");
        assert!(self.core.register.is_empty());
    }
}

fn about(kind: u8, reason: u8, name: &str) -> (u8, u8, String) {
    (kind, reason, name.to_owned())
}

/// mux:watch:up-then-synced, mux:watch:flagged, mux:watch:services-only.
#[test]
fn all_services_that_match_are_shown_then_synced_then_changes() {
    let (mut mux, watcher) = Mux::watching(MuxLimits::default());
    let services = [b"a.1", b"a.2", b"b.1"].map(|name| mux.service(name));
    mux.join(Dealer, Clients, b"a.alias");
    mux.watch(watcher, "a.*");
    let read: Vec<_> = mux.receive(watcher).iter().map(said).collect();
    let generation = |key| mux.core.generation(key);
    let expected = [
        (UP, 2, generation(services[0]), "a.1"),
        (UP, 2, generation(services[1]), "a.2"),
        (SYNCED, 0, 0, "a.*"),
    ];
    for (said, (kind, flags, generation, about)) in read.iter().zip(expected) {
        let expected = Said { kind, reason: 0, flags, generation, about: about.to_owned() };
        assert_eq!(*said, expected);
    }
    assert_eq!(read.len(), 3);
    let old = mux.core.generation(services[1]);
    mux.service(b"a.3");
    mux.service(b"b.2");
    mux.close(services[1]);
    mux.close(services[2]);
    let read: Vec<_> = mux.receive(watcher).iter().map(said).collect();
    assert_eq!((read.len(), read[0].kind, &read[0].about[..]), (2, UP, "a.3"));
    let gone =
        Said { kind: GONE, reason: LEFT, flags: 2, generation: old, about: "a.2".to_owned() };
    assert_eq!(read[1], gone);
    assert_eq!(mux.core.counters().presence_sent, 4);
    assert_eq!(mux.core.counters().watches, 1);
}

/// mux:watch:up-then-synced, mux:watch:services-only.
#[test]
fn a_watch_of_nothing_is_synced_and_shows_who_comes_by_any_way() {
    let (mut mux, watcher) = Mux::watching(MuxLimits::default());
    mux.watch(watcher, "engine");
    assert_eq!(mux.read(watcher), [about(SYNCED, 0, "engine")]);
    // An alias shows nothing, nor does its end.
    let (alias, _) = mux.join(Dealer, Clients, b"engine");
    assert!(mux.read(watcher).is_empty());
    // A service takes the name from it.
    let engine = mux.service(b"engine");
    assert_eq!(mux.read(watcher), [about(UP, 0, "engine")]);
    mux.close(alias);
    assert!(mux.read(watcher).is_empty());
    // It falls to one that was held for it.
    let held = mux.hold(b"engine");
    mux.core.handle_closed(engine, GoneReason::Lost);
    assert_eq!(mux.read(watcher), [about(UP, 0, "engine")], "the newest state alone");
    mux.close(held);
    assert_eq!(mux.read(watcher), [about(GONE, LEFT, "engine")]);
    // It is claimed by one that is in already.
    let (late, _) = mux.join(Dealer, Any, b"");
    let name = crate::core::Name::new(bytes::Bytes::from_static(b"engine")).unwrap();
    let claim = mux.core.claim_name(late, name, mux.now);
    assert!(matches!(claim, NameClaim::Granted { .. }));
    assert_eq!(mux.read(watcher), [about(UP, 0, "engine")]);
}

/// mux:watch:newest-state, mux:watch:told-when-read.
#[test]
fn a_watcher_that_does_not_read_holds_one_slot_for_each_name() {
    let (mut mux, watcher) = Mux::watching(MuxLimits::default());
    mux.watch(watcher, "*");
    let first = mux.service(b"engine");
    assert_eq!(mux.read(watcher).len(), 2);
    mux.close(first);
    let octets = mux.core.queued_octets();
    for number in 0..1000 {
        let engine = mux.service(b"engine");
        let other = mux.service(format!("other.{number}").as_bytes());
        mux.close(engine);
        mux.close(other);
        assert_eq!((mux.core.queued_octets(), mux.slots(watcher)), (octets, 1));
    }
    // Who came and went unseen is not told of, and of one that was shown only how it ended.
    let engine = mux.service(b"engine");
    let generation = mux.core.generation(engine);
    mux.close(engine);
    let read: Vec<_> = mux.receive(watcher).iter().map(said).collect();
    assert_eq!((read.len(), read[0].kind, read[0].generation), (1, GONE, generation));
    assert_eq!(mux.slots(watcher), 0);
}

/// mux:watch:newest-state, mux:takeover:closes-loser.
#[test]
fn a_takeover_is_a_jump_in_generation() {
    let (mut mux, watcher) = Mux::watching(MuxLimits::default());
    let alice = Principal::User(bytes::Bytes::from_static(b"alice"));
    let first = mux.service_of(b"engine", &alice);
    mux.watch(watcher, "engine");
    let before = said(&mux.receive(watcher)[0]);
    assert_eq!(before.generation, mux.core.generation(first));
    let second = mux.service_of(b"engine", &alice);
    let after: Vec<_> = mux.receive(watcher).iter().map(said).collect();
    assert_eq!((after.len(), after[0].kind), (1, UP));
    assert_eq!(after[0].generation, mux.core.generation(second));
    assert!(after[0].generation > before.generation);
}

/// mux:watch:told-when-read.
#[test]
fn the_writer_of_a_watcher_is_woken_once_and_given_a_bounded_batch() {
    let (mut mux, watcher) = Mux::watching(MuxLimits::default());
    for number in 0..1000 {
        mux.service(format!("engine.{number:04}").as_bytes());
    }
    let _ = mux.woken();
    mux.control_at_length(watcher, NoticeKind::Watch, b"engine.*");
    assert_eq!(mux.woken(), [watcher]);
    let flight = mux.take(watcher);
    assert!(flight.len() < 17 * 1024, "{}", flight.len());
    mux.service(b"engine.x");
    assert!(mux.woken().is_empty(), "it comes for more anyway");
    mux.core.handle_writer_gone(watcher, flight);
    mux.close(watcher);
    for service in mux.core.bindings.keys().collect::<Vec<_>>() {
        mux.close(service);
    }
    mux.assert_clean();
}

/// mux:watch:unwatch, mux:watch:again.
#[test]
fn who_unwatches_hears_no_more_and_who_watches_again_is_told_all() {
    let (mut mux, watcher) = Mux::watching(MuxLimits::default());
    let engine = mux.service(b"engine");
    mux.watch(watcher, "en*");
    mux.watch(watcher, "engine");
    let expected = [about(UP, 0, "engine"), about(SYNCED, 0, "en*"), about(SYNCED, 0, "engine")];
    assert_eq!(mux.read(watcher), expected);
    mux.watch(watcher, "en*");
    assert_eq!(mux.read(watcher), [about(UP, 0, "engine"), about(SYNCED, 0, "en*")]);
    // The other watch goes on.
    mux.unwatch(watcher, "en*");
    mux.close(engine);
    assert_eq!(mux.read(watcher), [about(GONE, LEFT, "engine")]);
    // What is not told yet is never told.
    mux.service(b"engine");
    mux.watch(watcher, "x");
    mux.unwatch(watcher, "x");
    mux.unwatch(watcher, "engine");
    mux.unwatch(watcher, "never.watched");
    assert!(mux.read(watcher).is_empty());
    assert_eq!(mux.core.queued_octets(), 0);
    assert!(mux.core.bindings[watcher].watcher().is_none(), "nothing is looked at any more");
}

/// mux:watch:who-may, mux:watch:refused.
#[test]
fn a_watch_is_refused_to_a_req_a_nameless_service_a_stock_peer_and_of_no_pattern() {
    let (mut mux, watcher) = Mux::watching(MuxLimits::default());
    mux.service(b"engine");
    for pattern in [&b""[..], b"\0*"] {
        for kind in [NoticeKind::Watch, NoticeKind::Unwatch] {
            mux.control(watcher, kind, pattern);
            let expected = String::from_utf8(pattern.to_vec()).unwrap();
            assert_eq!(mux.read(watcher), [(RETURN, MALFORMED, expected)]);
        }
    }
    mux.control(watcher, NoticeKind::Watch, &[b'x'; 256]);
    assert_eq!(mux.read(watcher), [about(RETURN, MALFORMED, "")]);
    let nameless = mux.introduce(Dealer, Services, b"");
    let Admission::Admitted { key, standing: Standing::Nameless, .. } = nameless else {
        panic!("{nameless:?}");
    };
    mux.watch(key, "*");
    assert_eq!(mux.read(key), [about(RETURN, DENIED, "*")]);
    let (req, _) = mux.join(Req, Clients, b"");
    for kind in [NoticeKind::Watch, NoticeKind::Unwatch] {
        let header = Header::new(kind).encode();
        assert_eq!(mux.send(req, &[b"", b"", &header, b"*"]), Outcome::Heard);
        let answer = mux.receive(req).remove(0);
        assert_eq!((answer[2][4], answer[2][5], &answer[3][..]), (RETURN, MALFORMED, &b"*"[..]));
    }
    mux.notices = Notices::NotTaken;
    let (stock, _) = mux.client();
    let before = mux.core.counters().control_dropped;
    mux.watch(stock, "*");
    mux.unwatch(stock, "*");
    assert!(mux.receive(stock).is_empty());
    assert_eq!(mux.core.counters().control_dropped, before + 2);
    assert_eq!(mux.core.counters().watches, 0);
}

/// mux:watch:refused, mux:watch:withdrawn, mux:authority:before-existence.
#[test]
fn a_watch_needs_the_grant_and_ends_when_that_is_withdrawn() {
    let (mut mux, watcher) = Mux::watching(MuxLimits::default());
    let rule = |mux: &mut Mux, rules: &str| {
        let _former = mux.core.set_authorizer(Arc::new(Acl::parse(rules.as_bytes()).unwrap()));
    };
    rule(&mut mux, "* claim *\n* watch a.*\n* watch b\n");
    mux.service(b"b");
    for denied in ["*", "a*", "b*", "c"] {
        mux.watch(watcher, denied);
        assert_eq!(mux.read(watcher), [about(RETURN, DENIED, denied)]);
    }
    mux.watch(watcher, "a.*");
    mux.watch(watcher, "b");
    assert_eq!(mux.read(watcher).len(), 3);
    rule(&mut mux, "* claim *\n* watch a.*\n");
    mux.service(b"a.1");
    assert_eq!(mux.read(watcher), [about(RETURN, DENIED, "b"), about(UP, 0, "a.1")]);
    assert_eq!(mux.core.counters().watches_ended, 1);
}

/// mux:watch:ends-with-watcher.
#[test]
fn a_service_that_watches_sees_itself_and_leaves_nothing_behind() {
    let (mut mux, watcher) = Mux::watching(MuxLimits::default());
    let service = mux.service(b"engine");
    mux.watch(service, "*");
    mux.watch(watcher, "engine");
    assert_eq!(mux.read(service), [about(UP, 0, "engine"), about(SYNCED, 0, "*")]);
    mux.close(service);
    mux.close(watcher);
    mux.service(b"other");
    assert_eq!(mux.core.queued_octets(), 0);
}

/// mux:watch:told-when-read.
#[test]
fn messages_that_wait_by_their_sources_are_not_held_up_by_news() {
    let limits = MuxLimits { soft_mark: 1, ..MuxLimits::default() };
    let (mut mux, watcher) = Mux::watching(limits);
    let own = super::address(1);
    let engine = mux.service(b"engine");
    for _ in 0..10 {
        assert_eq!(mux.send(engine, &[&own, b"reply"]), Outcome::Admitted);
    }
    let mut flight = Flight::default();
    let (mut written, mut replies) = (0, 0);
    mux.watch(watcher, "*");
    for _ in 0..3 {
        let flap = mux.service(b"flap");
        assert_eq!(mux.core.poll_transmit(watcher, written, &mut flight), Transmit::Write);
        let octets = super::in_flight(&flight);
        replies += octets.windows(5).filter(|window| window == b"reply").count();
        written = octets.len();
        flight.advance(written);
        mux.close(flap);
    }
    assert_eq!(replies, 10);
}
