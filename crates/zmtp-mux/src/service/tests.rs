//! A service by itself: what it makes of what comes.

use std::time::Duration;

use zmtp_proto::Message;

use crate::core::notice::{Header, NoticeKind, control};
use crate::service::{Envelopes, Heed, ServiceCore, Settled, Standing};

fn service() -> ServiceCore {
    let mut service = ServiceCore::new(Envelopes::Delimited);
    service.handle_up();
    service
}

fn request() -> Message {
    Message::from_frames(["client", "", "x"]).unwrap()
}

fn ask(service: &mut ServiceCore) {
    assert!(matches!(service.handle_message(&request()), Heed::Request(_)));
}

/// Sends what the service has to say, and returns whether it had.
fn say(service: &mut ServiceCore, kind: NoticeKind) {
    assert_eq!(service.poll_transmit(), Some(control(kind, None)));
    service.handle_sent();
}

/// mux:service:drain, mux:overload:window-hello.
#[test]
fn drains_when_a_hello_behind_all_that_came_is_answered_and_all_is_settled() {
    let mut service = service();
    assert_eq!(service.poll_transmit(), None);
    ask(&mut service);
    service.begin_drain();
    assert!(service.drains());
    say(&mut service, NoticeKind::Drain);
    assert_eq!(service.poll_transmit(), None, "a HELLO would say that it is answered");
    service.handle_settled(Settled::Replied, Standing::Stands);
    say(&mut service, NoticeKind::Hello);
    assert_eq!(service.poll_transmit(), None);
    for settled in [Settled::Replied, Settled::Unanswered] {
        ask(&mut service);
        service.handle_settled(settled, Standing::Stands);
    }
    say(&mut service, NoticeKind::Hello);
    ask(&mut service);
    assert_eq!(service.handle_message(&control(NoticeKind::Hello, None)), Heed::None);
    assert!(!service.is_drained(), "one is not answered");
    service.handle_settled(Settled::Unanswered, Standing::Stands);
    assert!(service.is_drained());
    assert_eq!(service.poll_transmit(), None);
}

/// mux:service:drain.
#[test]
fn without_a_connection_a_service_has_drained_until_one_stands() {
    let mut service = ServiceCore::new(Envelopes::Delimited);
    service.begin_drain();
    assert!(service.is_drained());
    service.handle_up();
    assert!(!service.is_drained(), "something may have come with it");
    say(&mut service, NoticeKind::Drain);
    say(&mut service, NoticeKind::Hello);
    let _ = service.handle_message(&control(NoticeKind::Hello, None));
    assert!(service.is_drained());
}

/// mux:service:drain.
#[test]
fn a_service_that_drains_ends_with_its_connection() {
    let mut service = service();
    ask(&mut service);
    service.handle_down();
    assert!(!service.is_drained());
    service.begin_drain();
    service.handle_down();
    assert!(service.is_drained());
    service.handle_settled(Settled::Stale, Standing::Over);
    assert!(service.is_drained());
}

/// mux:service:unanswered-counted, mux:service:stale-refused, mux:service:envelopes.
#[test]
fn every_request_and_what_became_of_it_is_counted() {
    let mut service = service();
    for _ in 0..3 {
        ask(&mut service);
    }
    service.handle_settled(Settled::Replied, Standing::Stands);
    service.handle_settled(Settled::Unanswered, Standing::Stands);
    service.handle_down();
    service.handle_up();
    service.handle_settled(Settled::Stale, Standing::Over);
    for junk in [&["client"][..], &["client", "x"], &["", "MUX"]] {
        let junk = Message::from_frames(junk).unwrap();
        assert_eq!(service.handle_message(&junk), Heed::None);
    }
    let header = Header { reason: 6, ..Header::new(NoticeKind::Return) };
    let returned = Message::from_frames([&b""[..], &header.encode(), b"c", b"", b"x"]).unwrap();
    assert_eq!(service.handle_message(&returned), Heed::None);
    let counters = service.counters();
    assert_eq!((counters.requests, counters.replies, counters.unanswered), (3, 1, 1));
    assert_eq!((counters.stale, counters.unreadable, counters.links), (1, 3, 2));
    assert_eq!(counters.replies_returned, 1);
    service.begin_drain();
    say(&mut service, NoticeKind::Drain);
    say(&mut service, NoticeKind::Hello);
    let _ = service.handle_message(&control(NoticeKind::Hello, None));
    assert!(service.is_drained(), "nothing of the former connection counts");
}

/// mux:client:mux-drains.
#[test]
fn a_mux_that_goes_away_says_when_to_come_back() {
    let mut service = service();
    let retry_after = Duration::from_millis(40);
    let header = Header { retry_after, ..Header::new(NoticeKind::Drain) };
    let drain = Message::from_frames([&b""[..], &header.encode()]).unwrap();
    assert_eq!(service.handle_message(&drain), Heed::ComeBack(retry_after));
}
