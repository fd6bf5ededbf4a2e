//! Notices: who gets them, and what they say.

use std::time::Duration;

use zmtp_proto::SocketType::{Rep, Req};

use super::{Frames, Mux};
use crate::core::ListenerRole::{Clients, Services};
use crate::core::notice::{Header, NoticeKind};
use crate::core::{
    DropReason, GoneReason, MuxLimits, Notices, Outcome, PoolLimits, Principal, Rule, Rules,
};

fn hello() -> Vec<u8> {
    Header::new(NoticeKind::Hello).encode().to_vec()
}

/// Reads a notice to a peer that is no REQ: kind, reason, flags, and the frames behind the header.
fn read(frames: &Frames) -> (u8, u8, u8, Vec<&[u8]>) {
    let [empty, header, rest @ ..] = &frames[..] else { panic!("no notice: {frames:?}") };
    assert!(empty.is_empty() && header.len() == 20, "no notice: {frames:?}");
    (header[4], header[5], header[7], rest.iter().map(Vec::as_slice).collect())
}

const RETURN: u8 = 2;
const GONE: u8 = 3;

impl Mux {
    /// Lets in peers that take notices from now on.
    fn with_notices(mut self) -> Self {
        self.notices = Notices::Taken;
        self
    }
}

/// mux:hello:opts-in, mux:hello:answer.
#[test]
fn hello_is_answered_with_address_and_name_and_opts_in() {
    let mut mux = Mux::new();
    let (client, own) = mux.client();
    let service = mux.service(b"engine");
    assert_eq!(mux.send(client, &[b"nobody", b"x"]), Outcome::Dropped(DropReason::Unknown));
    for (peer, name) in [(client, &b""[..]), (service, b"engine")] {
        assert_eq!(mux.send(peer, &[b"", &hello()]), Outcome::Heard);
        let answers = mux.receive(peer);
        let (kind, reason, flags, frames) = read(&answers[0]);
        assert_eq!((answers.len(), kind, reason, flags), (1, 1, 0, 0));
        assert_eq!(frames[1], name);
    }
    assert_eq!(mux.send(client, &[b"", &hello()]), Outcome::Heard);
    assert_eq!(mux.send(client, &[b"", &hello(), b""]), Outcome::Heard);
    assert_eq!(read(&mux.receive(client)[0]).3[0], own, "one answer waits at a time");
    assert_eq!(mux.send(client, &[b"nobody", b"x"]), Outcome::Returned(DropReason::Unknown));
    assert_eq!(mux.queued(), 0);
}

/// mux:return:form, mux:return:reasons.
#[test]
fn what_is_refused_comes_back_with_its_reason_and_frames() {
    let mut mux = Mux::new().with_notices();
    let (client, _) = mux.client();
    assert_eq!(mux.send(client, &[b"nobody", b"", b"x"]), Outcome::Returned(DropReason::Unknown));
    let returned = mux.receive(client);
    assert_eq!(read(&returned[0]), (RETURN, 1, 0, vec![&b"nobody"[..], b"", b"x"]));
    // A body that is too long to come back is left out whole.
    let _ = mux.send(client, &[b"nobody", b"", &[b'x'; 2000]]);
    assert_eq!(read(&mux.receive(client)[0]), (RETURN, 1, 1, vec![&b"nobody"[..], b""]));
    mux.core.handle_drain();
    let _service = mux.service(b"engine");
    assert_eq!(mux.send(client, &[b"engine", b"x"]), Outcome::Returned(DropReason::Draining));
    assert_eq!(read(&mux.receive(client)[1]), (RETURN, 5, 0, vec![&b"engine"[..], b"x"]));
    assert_eq!(mux.core.counters().returned_for(DropReason::Unknown), 2);
    assert_eq!(mux.queued(), 0);
}

/// mux:notice:never-to-rep, mux:notice:opt-in.
#[test]
fn a_stock_peer_and_a_rep_are_sent_no_notice() {
    let mut mux = Mux::new();
    let (stock, _) = mux.client();
    let _ = mux.send(stock, &[b"nobody", b"x"]);
    assert_eq!(mux.receive(stock), Vec::<Frames>::new());
    let mut mux = mux.with_notices();
    let (rep, _) = mux.join(Rep, Services, b"adder");
    assert_eq!(mux.send(rep, &[b"nobody", b"x"]), Outcome::Dropped(DropReason::Unknown));
    assert_eq!(mux.send(rep, &[b"", &hello()]), Outcome::Heard);
    assert_eq!(mux.receive(rep), Vec::<Frames>::new());
    assert_eq!(mux.core.counters().control_dropped, 1);
}

/// mux:return:unreachable, mux:gone:last-and-once, mux:gone:reasons.
#[test]
fn what_was_queued_for_a_service_comes_back_before_its_gone() {
    let mut mux = Mux::new().with_notices();
    let (client, own) = mux.client();
    let engine = mux.service(b"engine");
    assert_eq!(mux.send(client, &[b"engine", b"done"]), Outcome::Admitted);
    assert_eq!(mux.receive(engine).len(), 1);
    assert_eq!(mux.send(engine, &[&own, b"reply"]), Outcome::Admitted);
    for body in [b"1", b"2"] {
        assert_eq!(mux.send(client, &[b"engine", body]), Outcome::Admitted);
    }
    // What the writer has and did not write comes back as well.
    let flight = mux.take(engine);
    assert_eq!(mux.send(client, &[b"engine", b"3"]), Outcome::Admitted);
    mux.core.handle_writer_gone(engine, flight);
    mux.core.handle_closed(engine, GoneReason::Lost);
    let got = mux.receive(client);
    assert_eq!(got[0], [&b"engine"[..], b"reply"]);
    for (frames, body) in got[1..4].iter().zip([b"1", b"2", b"3"]) {
        assert_eq!(read(frames), (RETURN, 6, 0, vec![&b"engine"[..], body]));
    }
    assert_eq!(read(&got[4]), (GONE, 1, 0, vec![&b"engine"[..]]));
    assert_eq!(got.len(), 5);
    assert_eq!(mux.queued(), 0);
    assert_eq!(mux.core.queued_octets(), 0, "nothing stays charged");
}

/// mux:return:unreachable.
#[test]
fn a_message_of_which_a_part_is_written_comes_back_without_its_frames() {
    let mut mux = Mux::new().with_notices();
    let (client, _) = mux.client();
    let engine = mux.service(b"engine");
    let _ = mux.send(client, &[b"engine", b"first"]);
    let _ = mux.send(client, &[b"engine", b"second"]);
    let mut flight = mux.take(engine);
    flight.advance(3);
    mux.core.handle_transmitted(engine, 3);
    mux.core.handle_writer_gone(engine, flight);
    mux.close(engine);
    let got = mux.receive(client);
    assert_eq!(read(&got[0]), (RETURN, 6, 1, vec![&b"engine"[..]]));
    assert_eq!(read(&got[1]), (RETURN, 6, 0, vec![&b"engine"[..], b"second"]));
    assert_eq!(read(&got[2]), (GONE, 2, 0, vec![&b"engine"[..]]));
}

/// mux:gone:tracked-once, mux:gone:last-and-once.
#[test]
fn each_holder_of_a_name_has_one_gone_for_each_who_sent_to_it() {
    let mut mux = Mux::new().with_notices();
    let clients = [mux.client().0, mux.client().0];
    let (silent, _) = mux.client();
    for _ in 0..3 {
        let engine = mux.service(b"engine");
        for client in clients {
            for _ in 0..2 {
                assert_eq!(mux.send(client, &[b"engine", b"x"]), Outcome::Admitted);
            }
        }
        let _ = mux.receive(engine);
        mux.close(engine);
        for client in clients {
            let got = mux.receive(client);
            assert_eq!(got.len(), 1);
            assert_eq!(read(&got[0]), (GONE, 2, 0, vec![&b"engine"[..]]));
        }
    }
    assert_eq!(mux.receive(silent), Vec::<Frames>::new());
    assert_eq!(mux.core.counters().gone_sent, 6);
    for client in clients {
        mux.close(client);
    }
    assert_eq!(mux.core.queued_octets(), 0, "nothing stays charged");
}

/// mux:gone:tracked-once.
#[test]
fn who_opts_in_after_a_message_is_told_of_the_end_of_where_the_next_one_went() {
    let mut mux = Mux::new();
    let engine = mux.service(b"engine");
    let ((client, _), (req, _)) = (mux.client(), mux.join(Req, Clients, b""));
    let requests = [(client, vec![&b"engine"[..], b"x"]), (req, vec![b"", b"engine", b"x"])];
    for (peer, request) in &requests {
        assert_eq!(mux.send(*peer, request), Outcome::Admitted);
    }
    assert_eq!(mux.send(client, &[b"", &hello()]), Outcome::Heard);
    assert_eq!(mux.send(req, &[b"", b"", &hello()]), Outcome::Heard);
    for (peer, request) in &requests {
        let _ = mux.receive(*peer);
        assert_eq!(mux.send(*peer, request), Outcome::Admitted);
    }
    let _ = mux.receive(engine);
    mux.close(engine);
    assert_eq!(read(&mux.receive(client)[0]), (GONE, 2, 0, vec![&b"engine"[..]]));
    assert_eq!(mux.receive(req).len(), 1, "its answer");
}

/// mux:gone:req, mux:return:req, mux:notice:req-form.
#[test]
fn a_req_gets_at_most_one_answer_even_if_that_is_a_notice() {
    let mut mux = Mux::new().with_notices();
    let (req, _) = mux.join(Req, Clients, b"");
    let ask = |mux: &mut Mux, id: &[u8]| mux.send(req, &[id, b"", b"engine", b"x"]);
    // Nobody there.
    assert_eq!(ask(&mut mux, b"i"), Outcome::Returned(DropReason::Unknown));
    let got = mux.receive(req);
    assert_eq!(
        (&got[0][..3], &got[0][4..]),
        (&[b"i".to_vec(), vec![], vec![]][..], &[b"engine".to_vec(), b"x".to_vec()][..])
    );
    // It ends with the request in its queue.
    let engine = mux.service(b"engine");
    assert_eq!(ask(&mut mux, b"j"), Outcome::Admitted);
    mux.close(engine);
    let got = mux.receive(req);
    assert_eq!(
        (got.len(), got[0][3][4], &got[0][4..]),
        (1, RETURN, &[b"engine".to_vec(), b"x".to_vec()][..])
    );
    // It ends with the request in its hands.
    let engine = mux.service(b"engine");
    assert_eq!(ask(&mut mux, b"k"), Outcome::Admitted);
    let _ = mux.receive(engine);
    mux.close(engine);
    let got = mux.receive(req);
    assert_eq!(
        (got.len(), got[0][3][4], &got[0][..3]),
        (1, GONE, &[b"k".to_vec(), vec![], vec![]][..])
    );
    // It has answered.
    let engine = mux.service(b"engine");
    assert_eq!(ask(&mut mux, b"l"), Outcome::Admitted);
    let request = mux.receive(engine).remove(0);
    let reply: Vec<&[u8]> = request.iter().map(Vec::as_slice).collect();
    assert_eq!(mux.send(engine, &reply), Outcome::Admitted);
    mux.close(engine);
    assert_eq!(mux.receive(req).len(), 1, "the answer alone");
    mux.close(req);
    assert_eq!((mux.queued(), mux.core.queued_octets()), (0, 0));
}

/// mux:req:stale-answer-dropped.
#[test]
fn a_return_to_a_req_gives_way_to_its_next_request() {
    let mut mux = Mux::new().with_notices();
    let (req, _) = mux.join(Req, Clients, b"");
    let _engine = mux.service(b"engine");
    assert_eq!(mux.send(req, &[b"", b"nobody", b"x"]), Outcome::Returned(DropReason::Unknown));
    assert_eq!(mux.send(req, &[b"", b"engine", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(req), Vec::<Frames>::new());
    assert_eq!(mux.queued(), 1);
}

/// mux:return:of-control, mux:hello:second-name.
#[test]
fn control_that_means_nothing_is_returned_without_frames() {
    let mut mux = Mux::new().with_notices();
    let (client, _) = mux.client();
    let drain = Header::new(NoticeKind::Drain).encode();
    for control in [&[&b""[..], b"nonsense"][..], &[b"", &drain], &[b"", &hello(), b"n", b"m"]] {
        assert_eq!(mux.send(client, control), Outcome::Heard);
        assert_eq!(read(&mux.receive(client)[0]), (RETURN, 9, 0, vec![&b""[..]]));
    }
    assert_eq!(mux.core.counters().control_refused, 3);
}

/// mux:gone:tracking-charged.
#[test]
fn a_client_tracks_so_many_services_and_a_service_any() {
    let limits = MuxLimits { tracked: 2, ..MuxLimits::default() };
    let mut mux = Mux::with(limits).with_notices();
    let (client, _) = mux.client();
    let source = mux.service(b"source");
    for name in [b"a", b"b", b"c"] {
        mux.service(name);
        assert_eq!(mux.send(source, &[name, b"x"]), Outcome::Admitted);
    }
    assert_eq!(mux.send(client, &[b"a", b"x"]), Outcome::Admitted);
    assert_eq!(mux.send(client, &[b"b", b"x"]), Outcome::Admitted);
    assert_eq!(mux.send(client, &[b"c", b"x"]), Outcome::Returned(DropReason::Limit));
    assert_eq!(mux.send(client, &[b"a", b"x"]), Outcome::Admitted);
    assert_eq!(mux.queued(), 6);
}

/// mux:return:room.
#[test]
fn a_return_that_does_not_fit_whole_comes_without_frames() {
    let pool = PoolLimits { octets: 150, messages: 100 };
    let client_rule = Rule { pool, ..Rule::CLIENT };
    let rules = Rules { client: client_rule, ..Rules::default() };
    let mut mux = Mux::ruled(MuxLimits::default(), rules).with_notices();
    let (client, _) = mux.client();
    let sent = [&b"nobody"[..], &[b'x'; 90]];
    assert_eq!(mux.send(client, &sent), Outcome::Returned(DropReason::Unknown));
    assert_eq!(mux.send(client, &sent), Outcome::Parked, "it has not read the first");
    assert_eq!(mux.queued(), 1);
    let got = mux.receive(client);
    assert_eq!(read(&got[0]).2, 0);
    assert!(matches!(mux.core.poll_pause(client, mux.now), crate::core::Pause::Read));
    assert_eq!(read(&mux.receive(client)[0]).3[0], b"nobody");
    assert_eq!(mux.queued(), 0);
}

/// mux:hello:claims-name, mux:hello:second-name.
#[test]
fn a_hello_claims_a_name_and_says_what_became_of_that() {
    let mut mux = Mux::new();
    let holder = mux.service(b"held");
    let peer = mux.nameless(&Principal::None);
    assert_eq!(mux.send(peer, &[b"", &hello(), b"held"]), Outcome::Heard);
    let got = mux.receive(peer);
    assert_eq!(read(&got[0]), (RETURN, 2, 0, vec![&b"held"[..]]));
    assert_eq!(got[0][1][16..], 2100_u32.to_be_bytes(), "what is left of the probe, and a bit");
    assert_eq!(mux.send(peer, &[b"", &hello(), b"\0none"]), Outcome::Heard);
    assert_eq!(read(&mux.receive(peer)[0]), (RETURN, 9, 0, vec![&b"\0none"[..]]));
    assert_eq!(mux.send(peer, &[b"", &hello(), b"free"]), Outcome::Heard);
    let got = mux.receive(peer);
    let (kind, _, _, frames) = read(&got[0]);
    assert_eq!((kind, frames[1]), (1, &b"free"[..]));
    assert_eq!(mux.send(peer, &[b"", &hello(), b"other"]), Outcome::Heard);
    assert_eq!(read(&mux.receive(peer)[0]), (RETURN, 9, 0, vec![&b"other"[..]]));
    assert_eq!(mux.send(holder, &[b"free", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(peer), [[b"held", &b"x"[..]]]);
}

/// mux:return:in-doubt, mux:gone:reasons.
#[test]
fn what_the_writer_of_a_loser_has_in_its_hands_is_in_doubt_and_not_returned() {
    let mut mux = Mux::new().with_notices();
    let alice = Principal::User(bytes::Bytes::from_static(b"alice"));
    let loser = mux.service_of(b"engine", &alice);
    let (client, _) = mux.client();
    assert_eq!(mux.send(client, &[b"engine", b"taken"]), Outcome::Admitted);
    let _flight = mux.take(loser);
    assert_eq!(mux.send(client, &[b"engine", b"queued"]), Outcome::Admitted);
    let _winner = mux.service_of(b"engine", &alice);
    let got = mux.receive(client);
    assert_eq!(read(&got[0]), (RETURN, 6, 0, vec![&b"engine"[..], b"queued"]));
    assert_eq!(read(&got[1]), (GONE, 4, 0, vec![&b"engine"[..]]));
    assert_eq!((got.len(), mux.queued()), (2, 0));
    assert_eq!(mux.dropped(DropReason::Unreachable), 1);
}

fn drain() -> Vec<u8> {
    Header::new(NoticeKind::Drain).encode().to_vec()
}

/// mux:drain:service, mux:drain:name-kept.
#[test]
fn a_service_that_drains_gets_nothing_new_and_goes_without_loss() {
    let mut mux = Mux::new().with_notices();
    let engine = mux.service(b"engine");
    let (client, own) = mux.client();
    assert_eq!(mux.send(client, &[b"engine", b"1"]), Outcome::Admitted);
    assert_eq!(mux.send(engine, &[b"", &drain()]), Outcome::Heard);
    assert_eq!(mux.core.treatment(engine).drains_until, Some(mux.now + Duration::from_mins(1)));
    assert_eq!(mux.send(client, &[b"engine", b"2"]), Outcome::Returned(DropReason::Draining));
    assert_eq!(mux.receive(engine).len(), 1, "its queue is served");
    assert_eq!(mux.send(engine, &[&own, b"reply"]), Outcome::Admitted, "its replies pass");
    let heir = mux.hold(b"engine");
    mux.close(engine);
    assert!(matches!(mux.held(heir), crate::core::Held::Admitted { .. }));
    let got = mux.receive(client);
    assert_eq!(read(&got[0]).1, 5, "DRAINING");
    assert_eq!(got[1], [&b"engine"[..], b"reply"]);
    assert_eq!(read(&got[2]), (GONE, 3, 0, vec![&b"engine"[..]]));
    assert_eq!((got.len(), mux.queued()), (3, 0));
    // A client cannot drain.
    assert_eq!(mux.send(client, &[b"", &drain()]), Outcome::Heard);
    assert_eq!(read(&mux.receive(client)[0]), (RETURN, 9, 0, vec![&b""[..]]));
}

/// mux:drain:mux-says-so, mux:drain:mux-last-words.
#[test]
fn a_mux_that_goes_says_so_and_what_became_of_each_request() {
    let mut mux = Mux::new();
    let (stock, _) = mux.client();
    let mut mux = mux.with_notices();
    let clients = [mux.client().0, mux.client().0];
    let (req, _) = mux.join(Req, Clients, b"");
    let engine = mux.service(b"engine");
    assert_eq!(mux.send(clients[0], &[b"engine", b"handed over"]), Outcome::Admitted);
    assert_eq!(mux.send(req, &[b"", b"engine", b"handed over"]), Outcome::Admitted);
    let _ = mux.receive(engine);
    mux.core.handle_drain();
    let retry: Vec<_> = clients
        .iter()
        .map(|&client| {
            let got = mux.receive(client);
            assert_eq!((got.len(), read(&got[0]).0), (1, 8));
            u32::from_be_bytes(got[0][1][16..].try_into().unwrap())
        })
        .collect();
    assert_ne!(retry[0], retry[1], "not all at once");
    assert_eq!(read(&mux.receive(engine)[0]).0, 8);
    assert_eq!(mux.receive(stock), Vec::<Frames>::new());
    assert!(mux.core.is_flushed());
    mux.core.handle_parting();
    assert!(!mux.core.is_flushed());
    let got = mux.receive(clients[0]);
    assert_eq!(read(&got[0]), (GONE, 6, 0, vec![&b"engine"[..]]));
    let answer = mux.receive(req);
    assert_eq!((answer.len(), answer[0][2][4], answer[0][2][5]), (1, GONE, 6));
    assert_eq!(mux.receive(clients[1]), Vec::<Frames>::new());
    assert!(mux.core.is_flushed());
    assert_eq!(mux.queued(), 0);
}
