//! Windows: what a service is given ahead of its answers.

use std::num::NonZeroUsize;

use bytes::Bytes;
use proptest::prelude::*;
use zmtp_proto::SocketType::Dealer;

use super::{Frames, Mux};
use crate::core::ListenerRole::Any;
use crate::core::notice::{Header, NoticeKind};
use crate::core::{
    BindingKey, DropReason, MuxLimits, Name, NameClaim, Notices, Outcome, Pattern, Rule, Rules,
};

/// A MUX whose services are given so many messages ahead.
fn with_window(window: usize) -> Mux {
    let service = Rule { window: NonZeroUsize::new(window), ..Rule::SERVICE };
    let mut mux = Mux::ruled(MuxLimits::default(), Rules { service, ..Rules::default() });
    mux.notices = Notices::Taken;
    mux
}

fn ask(mux: &mut Mux, from: BindingKey, body: &[u8]) {
    assert_eq!(mux.send(from, &[b"engine", body]), Outcome::Admitted);
}

/// mux:overload:window, mux:overload:round-robin.
#[test]
fn what_is_beyond_the_window_waits_and_is_served_in_turns() {
    let mut mux = with_window(2);
    let engine = mux.service(b"engine");
    let (greedy, modest) = (mux.client().0, mux.client().0);
    for _ in 0..100 {
        ask(&mut mux, greedy, &[b'g'; 200]);
    }
    ask(&mut mux, modest, b"m");
    let mut given = mux.receive(engine);
    assert_eq!((given.len(), mux.queued()), (2, 99));
    assert!(!mux.woken().is_empty());
    let mut answered = 0;
    while !given.iter().any(|frames| frames[1] == b"m") {
        assert_eq!(mux.send(engine, &[&given.remove(0)[0], b"answer"]), Outcome::Admitted);
        answered += 1;
        assert!(mux.woken().contains(&engine), "it has more to write now");
        given.extend(mux.receive(engine));
        assert_eq!(given.len(), 2, "one for one");
    }
    assert!(answered <= 2, "{answered} of the greedy one's came before it");
    mux.queued();
}

/// mux:overload:window, mux:return:unreachable, mux:return:in-doubt.
#[test]
fn what_waits_for_a_service_that_ends_is_not_processed() {
    let mut mux = with_window(1);
    let engine = mux.service(b"engine");
    let (client, _) = mux.client();
    for number in 0..5_u8 {
        ask(&mut mux, client, &[number]);
    }
    assert_eq!(mux.receive(engine).len(), 1);
    mux.close(engine);
    // Four RETURNs, and GONE for the one in doubt.
    let notices = mux.receive(client);
    let kinds: Vec<u8> = notices.iter().map(|frames| frames[1][4]).collect();
    assert_eq!(kinds, [2, 2, 2, 2, 3]);
    assert_eq!(mux.dropped(DropReason::Unreachable), 0);
    assert_eq!(mux.queued(), 0);
}

/// mux:overload:window-hello.
#[test]
fn a_hello_says_that_nothing_is_unanswered_and_another_notice_does_not() {
    let mut mux = with_window(1);
    let engine = mux.service(b"engine");
    let (client, address) = mux.client();
    for number in 0..3_u8 {
        ask(&mut mux, client, &[number]);
    }
    assert_eq!(mux.receive(engine), [[&address[..], &[0]]]);
    let control = |kind| Header::new(kind).encode().to_vec();
    assert_eq!(mux.send(engine, &[b"", &control(NoticeKind::Watch), b"x*"]), Outcome::Heard);
    let heard = mux.receive(engine);
    assert!(heard.iter().all(|frames| frames[0].is_empty()), "{heard:?}");
    assert_eq!(mux.send(engine, &[b"", &control(NoticeKind::Hello)]), Outcome::Heard);
    let heard = mux.receive(engine);
    assert_eq!(heard.iter().filter(|frames| !frames[0].is_empty()).count(), 1, "{heard:?}");
}

/// mux:drain:hello-last, mux:drain:service, mux:overload:window-hello.
#[test]
fn a_service_that_drains_has_its_hello_answered_behind_all_that_waits() {
    let control = |kind| Header::new(kind).encode().to_vec();
    for window in [1, usize::MAX] {
        let mut mux = with_window(window);
        let engine = mux.service(b"engine");
        let clients = [mux.client().0, mux.client().0];
        for number in 0..50_u8 {
            ask(&mut mux, clients[0], &[&[number][..], &[b'x'; 10_000]].concat());
            ask(&mut mux, clients[1], &[number]);
        }
        assert_eq!(mux.send(engine, &[b"", &control(NoticeKind::Drain)]), Outcome::Heard);
        let returned = mux.send(clients[0], &[b"engine", b"late"]);
        assert_eq!(returned, Outcome::Returned(DropReason::Draining));
        let mut given: Vec<Frames> = Vec::new();
        // It leaves all without an answer, and says so.
        while !given.last().is_some_and(|last| last[0].is_empty()) {
            assert_eq!(mux.send(engine, &[b"", &control(NoticeKind::Hello)]), Outcome::Heard);
            let more = mux.receive(engine);
            assert!(!more.is_empty() && more.len() <= window.saturating_add(1), "{}", more.len());
            given.extend(more);
        }
        assert_eq!(given.len(), 101);
        let notices = given.iter().filter(|frames| frames[0].is_empty());
        assert_eq!(notices.count(), 1, "however many were said");
        assert_eq!(mux.queued(), 0);
        assert_eq!(mux.send(engine, &[b"", &control(NoticeKind::Hello)]), Outcome::Heard);
        assert_eq!(mux.receive(engine).len(), 1, "at once, when nothing waits");
    }
}

/// mux:overload:policies, mux:name:claimed-later.
#[test]
fn a_name_that_is_claimed_later_brings_its_rule() {
    let pattern = Pattern::new(Bytes::from_static(b"eng*")).unwrap();
    let rule = Rule { window: NonZeroUsize::new(1), ..Rule::SERVICE };
    let rules = Rules { names: vec![(pattern, rule)], ..Rules::default() };
    let mut mux = Mux::ruled(MuxLimits::default(), rules);
    let (engine, _) = mux.join(Dealer, Any, b"");
    let (client, _) = mux.client();
    let name = Name::new(Bytes::from_static(b"engine")).unwrap();
    let claim = mux.core.claim_name(engine, name, mux.now);
    assert!(matches!(claim, NameClaim::Granted { .. }), "{claim:?}");
    for _ in 0..3 {
        ask(&mut mux, client, b"x");
    }
    assert_eq!((mux.receive(engine).len(), mux.queued()), (1, 2));
}

proptest! {
    /// mux:overload:window, mux:overload:window-hello, mux:order:pair-fifo: never more unanswered
    /// than the window, whatever comes when, and no less than there is; every request arrives, in
    /// the order of its client.
    #[test]
    fn no_more_is_unanswered_than_the_window(
        window in 1..5_usize,
        steps in prop::collection::vec(0..7_u8, 1..300),
    ) {
        let mut mux = with_window(window);
        let engine = mux.service(b"engine");
        let clients = [mux.client().0, mux.client().0, mux.client().0];
        let (mut sent, mut seen) = ([0_u32; 3], [0_u32; 3]);
        let mut open: Vec<Frames> = Vec::new();
        let closing = std::iter::repeat_n([5, 3], steps.len()).flatten();
        for step in steps.iter().copied().chain(closing) {
            match step {
                0..3 => {
                    let client = usize::from(step);
                    let body = [&[step][..], &sent[client].to_be_bytes()].concat();
                    ask(&mut mux, clients[client], &body);
                    sent[client] += 1;
                }
                3 if !open.is_empty() => {
                    let request = open.remove(0);
                    let outcome = mux.send(engine, &[&request[0], b"answer"]);
                    prop_assert_eq!(outcome, Outcome::Admitted);
                }
                // An answer too many counts for nothing.
                4 if open.is_empty() && sent == seen => {
                    let _: Outcome = mux.send(engine, &[b"nobody", b"news"]);
                }
                _ => {
                    let given = mux.receive(engine).into_iter();
                    // A notice says what became of the answer too many.
                    for request in given.filter(|frames| !frames[0].is_empty()) {
                        let client = usize::from(request[1][0]);
                        prop_assert_eq!(&request[1][1..], &seen[client].to_be_bytes()[..]);
                        seen[client] += 1;
                        open.push(request);
                    }
                    prop_assert!(open.len() == window || sent == seen, "less than there is room for");
                    if step == 6 {
                        let header = Header::new(NoticeKind::Hello).encode();
                        prop_assert_eq!(mux.send(engine, &[b"", &header]), Outcome::Heard);
                        open.clear();
                    }
                }
            }
            prop_assert!(open.len() <= window, "{} of {window}", open.len());
            mux.queued();
        }
        prop_assert_eq!(sent, seen);
    }
}

/// mux:overload:window, mux:envelope:single-frame-dropped.
#[test]
fn an_answer_that_nobody_can_be_given_opens_the_window_as_well() {
    let mut mux = with_window(1);
    let engine = mux.service(b"engine");
    let (client, address) = mux.client();
    ask(&mut mux, client, b"1");
    ask(&mut mux, client, b"2");
    assert_eq!(mux.receive(engine).len(), 1);
    assert_eq!(mux.send(engine, &[&address]), Outcome::SingleFrame);
    assert!(mux.woken().contains(&engine));
    assert_eq!(mux.receive(engine), [[&address[..], b"2"]]);
}
