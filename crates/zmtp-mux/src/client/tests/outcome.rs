//! What becomes of a request, one cause at a time.

use std::time::Duration;

use zmtp_proto::Message;

use super::world::{LIMITS, OnTheWay, TIME, World};
use crate::client::{ClientLimits, Doubt, Finish, Outcome, UnsentReason};
use crate::core::notice::{Header, NoticeKind, control};
use crate::core::{GoneReason, MuxLimits, ReturnReason};

fn world() -> World {
    let mut world = World::new(MuxLimits::default());
    world.connect();
    world
}

fn returned(reason: ReturnReason) -> Outcome {
    Outcome::Returned { reason, retry_after: Duration::ZERO }
}

fn replied(ticket: u32) -> Outcome {
    Outcome::Reply(Message::single(&ticket.to_be_bytes()))
}

/// Asks `a`, and has the request arrive there.
fn hand(world: &mut World, ticket: u32) {
    world.ask(ticket, "a");
    world.write(1);
    world.deliver("a");
}

/// mux:client:reply-form, mux:client:sent-in-order.
#[test]
fn many_requests_are_answered_each_with_its_own_reply() {
    let mut world = world();
    world.serve("a");
    world.serve("b");
    for ticket in 0..20 {
        world.ask(ticket, if ticket % 2 == 0 { "a" } else { "b" });
    }
    world.write(20);
    world.deliver("a");
    let bodies = world.services["a"].hands.iter().map(|(request, lead)| lead.body(request));
    let expected = (0..20_u32).step_by(2).map(|ticket| Message::single(&ticket.to_be_bytes()));
    assert!(bodies.eq(expected), "in order");
    world.flow();
    for ticket in 0..20_u32 {
        assert_eq!(world.outcomes[&ticket], replied(ticket));
    }
    assert!(world.client.holds_nothing());
}

/// mux:client:return-by-id.
#[test]
fn what_the_mux_gives_back_was_not_processed() {
    let mut world = world();
    world.ask(1, "nobody");
    world.serve("a");
    world.ask(2, "a");
    world.write(2);
    world.stop("a", 0);
    world.emit();
    world.read();
    assert_eq!(world.outcomes[&1], returned(ReturnReason::Unknown));
    assert_eq!(world.outcomes[&2], returned(ReturnReason::Unreachable));
    assert!(world.processed.is_empty() && world.client.holds_nothing());
}

/// mux:client:gone-in-doubt, mux:client:gone-barrier.
#[test]
fn what_its_service_had_is_in_doubt_and_what_came_too_late_for_it_is_not() {
    let mut world = world();
    world.serve("a");
    hand(&mut world, 1);
    world.stop("a", 0);
    // Sent before the GONE is read, and after the service has ended.
    world.ask(2, "a");
    world.emit();
    world.read();
    assert!(world.outcomes.is_empty(), "it waits for the answer to its HELLO");
    world.ask(3, "a");
    world.flow();
    assert_eq!(world.outcomes[&1], Outcome::InDoubt(Doubt::Gone(GoneReason::Lost)));
    assert_eq!(world.outcomes[&2], returned(ReturnReason::Unknown));
    assert_eq!(world.outcomes[&3], returned(ReturnReason::Unknown));
    // The next GONE has a barrier of its own.
    world.serve("a");
    hand(&mut world, 4);
    world.stop("a", 0);
    world.flow();
    assert_eq!(world.outcomes[&4], Outcome::InDoubt(Doubt::Gone(GoneReason::Lost)));
}

/// mux:client:gone-barrier.
#[test]
fn a_reply_that_comes_before_the_barrier_counts() {
    let mut world = world();
    world.serve("a");
    hand(&mut world, 1);
    world.stop("a", 0);
    world.emit();
    // The next holder has it before the GONE is read.
    world.serve("a");
    hand(&mut world, 2);
    world.reply("a");
    world.emit();
    world.flow();
    assert_eq!(world.outcomes[&1], Outcome::InDoubt(Doubt::Gone(GoneReason::Lost)));
    assert_eq!(world.outcomes[&2], replied(2));
}

/// mux:client:link-lost, mux:client:link-gives-back.
#[test]
fn a_lost_link_leaves_in_doubt_what_was_written_and_gives_back_the_rest() {
    let mut world = world();
    world.serve("a");
    world.ask(1, "a");
    world.write(1);
    world.ask(2, "a");
    world.cut(OnTheWay::IsLost);
    world.ask(3, "a");
    assert_eq!(world.outcomes[&1], Outcome::InDoubt(Doubt::LinkLost));
    assert_eq!(world.outcomes[&2], Outcome::NotSent(UnsentReason::LinkLost));
    world.connect();
    world.ask(4, "a");
    world.flow();
    assert_eq!(world.outcomes[&3], replied(3));
    assert_eq!(world.outcomes[&4], replied(4));
    assert!(world.client.holds_nothing());
}

/// mux:client:deadline.
#[test]
fn a_request_without_an_answer_fails_when_its_time_is_over() {
    let mut world = World::new(MuxLimits::default());
    world.ask(1, "a");
    assert_eq!(world.client.poll_timeout(), Some(world.now + TIME));
    world.pass(TIME);
    assert_eq!(world.outcomes[&1], Outcome::NotSent(UnsentReason::NotConnected));
    world.connect();
    world.serve("a");
    hand(&mut world, 2);
    world.pass(TIME.mul_f32(0.9));
    assert!(!world.outcomes.contains_key(&2));
    world.pass(TIME.mul_f32(0.1));
    assert_eq!(world.outcomes[&2], Outcome::InDoubt(Doubt::Timeout));
    world.flow();
    assert_eq!(world.client.counters().stray_replies, 1);
    // What no link takes.
    let deadline = world.now + TIME;
    let id = world.client.begin(b"a", 3, 3, deadline);
    assert!(id.is_ok());
    world.pass(TIME);
    assert_eq!(world.outcomes[&3], Outcome::NotSent(UnsentReason::NoRoom));
    assert!(world.client.holds_nothing());
}

/// mux:client:dropped-forgotten, mux:client:stray-counted.
#[test]
fn a_forgotten_request_leaves_nothing_and_its_reply_is_counted() {
    let mut world = world();
    world.serve("a");
    world.ask(1, "a");
    world.forget(1);
    world.flow();
    assert!(world.client.holds_nothing() && world.outcomes.is_empty());
    let counters = world.client.counters();
    assert_eq!((counters.forgotten, counters.stray_replies), (1, 1));
    // One that was not sent is never sent.
    world.cut(OnTheWay::IsLost);
    world.ask(2, "a");
    world.forget(2);
    world.connect();
    world.flow();
    assert_eq!(world.client.counters().stray_replies, 1);
    assert!(world.client.holds_nothing() && !world.processed.contains(&2));
}

/// mux:client:reply-form, mux:client:stray-counted.
#[test]
fn a_reply_counts_only_from_whom_the_request_went_to() {
    let mut world = world();
    world.ask(1, "a");
    let id = 0_u64.to_be_bytes();
    for (from, id) in [(&b"b"[..], &id[..]), (b"a", &1_u64.to_be_bytes())] {
        let forged = Message::from_frames([from, id, b"", b"x"]).unwrap();
        assert_eq!(world.client.handle_message(forged), None);
    }
    assert_eq!(world.client.counters().stray_replies, 2);
    for junk in [&[&b"a"[..]][..], &[b"a", b"x"], &[b"", b"MUX"]] {
        assert_eq!(world.client.handle_message(Message::from_frames(junk).unwrap()), None);
    }
    assert_eq!(world.client.counters().unreadable, 3);
    let reply = Message::from_frames([&b"a"[..], &id, b"", b"x"]).unwrap();
    assert_eq!(world.client.handle_message(reply), None);
    assert_eq!(world.client.poll_settled(), Some((1, Outcome::Reply(Message::single(b"x")))));
    assert_eq!(world.client.poll_settled(), None);
}

/// Makes a RETURN from `a` whose frames are left out.
fn return_without_frames() -> Message {
    let header = Header {
        reason: ReturnReason::Busy.number(),
        flags: Header::CUT,
        ..Header::new(NoticeKind::Return)
    };
    Message::from_frames([&b""[..], &header.encode(), b"a"]).unwrap()
}

/// mux:client:return-without-frames.
#[test]
fn a_return_without_frames_counts_only_if_it_can_be_one_requests_alone() {
    let mut one = world();
    one.ask(1, "a");
    one.ask(2, "b");
    let _ = one.client.handle_message(return_without_frames());
    one.pass(Duration::ZERO);
    assert_eq!(one.outcomes[&1], returned(ReturnReason::Busy));
    assert!(!one.outcomes.contains_key(&2));
    // Of two it cannot be told.
    let mut two = world();
    two.ask(1, "a");
    two.ask(2, "a");
    let _ = two.client.handle_message(return_without_frames());
    two.pass(TIME);
    assert_eq!(two.outcomes[&1], Outcome::InDoubt(Doubt::Timeout));
    assert_eq!(two.client.counters().stray_returns, 1);
    // It may be that of one which was given up.
    let mut given_up = world();
    given_up.ask(1, "a");
    given_up.forget(1);
    given_up.ask(2, "a");
    let _ = given_up.client.handle_message(return_without_frames());
    given_up.pass(Duration::ZERO);
    assert!(given_up.outcomes.is_empty());
    // The next connection begins anew.
    given_up.cut(OnTheWay::IsLost);
    given_up.connect();
    given_up.ask(3, "a");
    let _ = given_up.client.handle_message(return_without_frames());
    given_up.pass(Duration::ZERO);
    assert_eq!(given_up.outcomes[&3], returned(ReturnReason::Busy));
}

/// mux:client:limits.
#[test]
fn what_cannot_be_sent_is_refused_at_once() {
    let mut world = World::new(MuxLimits::default());
    let long = [b'x'; 256];
    for name in [&b""[..], b"\0a", &long] {
        let refused = world.client.begin(name, 3, 0, world.now);
        assert_eq!(refused, Err(UnsentReason::NoName));
    }
    let refused = world.client.begin(b"a", LIMITS.message_len_max, 0, world.now);
    assert_eq!(refused, Err(UnsentReason::TooLong));
    let limits = ClientLimits { in_flight_max: 2, ..LIMITS };
    let mut client = crate::client::ClientCore::new(limits);
    for expected in [true, true, false] {
        let begun = client.begin(b"a", 3, 0, world.now);
        assert_eq!(begun.is_ok(), expected);
    }
    let counters = world.client.counters();
    assert_eq!((counters.requests, counters.not_sent), (0, 0));
}

/// mux:client:one-outcome, mux:client:says-why-over.
#[test]
fn closing_settles_all_that_is_open() {
    for (how, unsent) in
        [(Finish::Closed, UnsentReason::Closed), (Finish::Over, UnsentReason::Over)]
    {
        let mut world = world();
        world.ask(1, "a");
        world.cut(OnTheWay::Arrives);
        world.ask(2, "a");
        world.connect();
        let _ = world.client.begin(b"a", 3, 3, world.now + TIME);
        world.client.handle_close(how);
        world.pass(Duration::ZERO);
        assert_eq!(world.outcomes[&2], Outcome::InDoubt(Doubt::Closed));
        assert_eq!(world.outcomes[&3], Outcome::NotSent(unsent));
        assert_eq!(world.client.begin(b"a", 3, 4, world.now + TIME), Err(unsent));
        assert!(world.client.holds_nothing());
        assert!(world.client.poll_transmit(&mut Vec::new()).is_none());
    }
}

/// mux:client:mux-drains.
#[test]
fn nothing_is_sent_to_a_mux_that_goes_away() {
    let mut world = world();
    world.serve("a");
    world.ask(1, "a");
    world.write(1);
    world.core.handle_drain();
    world.emit();
    world.read();
    world.ask(2, "a");
    world.flow();
    assert_eq!(world.outcomes[&1], replied(1));
    assert!(!world.outcomes.contains_key(&2));
    world.restart();
    world.serve("a");
    world.connect();
    world.flow();
    assert_eq!(world.outcomes[&2], replied(2));
    let drain = control(NoticeKind::Drain, None);
    assert_eq!(world.client.handle_message(drain), Some(Duration::ZERO));
}

/// mux:client:error-with-message.
#[test]
fn an_error_gives_the_message_back_if_it_may_be_sent_again() {
    let message = Message::single(b"x");
    for (outcome, safe) in [
        (returned(ReturnReason::Unknown), true),
        (Outcome::NotSent(UnsentReason::LinkLost), true),
        (Outcome::InDoubt(Doubt::LinkLost), false),
    ] {
        let error = outcome.into_result(|| message.clone()).unwrap_err();
        assert_eq!(error.is_in_doubt(), !safe);
        assert_eq!(error.into_message(), safe.then(|| message.clone()));
    }
    let reply = Message::single(b"y");
    assert_eq!(Outcome::Reply(reply.clone()).into_result(|| message), Ok(reply));
}
