//! What a libzmq service is given ahead of its answers.

use std::io::Write;

use zmq::Socket;
use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::peers::{expect, expect_nothing, receive, send};
use zmtp_mux_tests::{Muxd, Peers, notice};

const WINDOW: i64 = 2;
const REQUESTS: i64 = 20;

/// Starts a broker with a window for all services.
fn start() -> Muxd {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "[role.service]\nwindow = {WINDOW}\n").unwrap();
    let path = file.path().to_str().unwrap();
    Muxd::start(&["--clients", ANY_PORT, "--services", ANY_PORT, "--config", path])
}

/// Returns a client that takes notices.
fn opted_in(peers: &Peers, muxd: &Muxd) -> Socket {
    let client = peers.dealer(muxd.clients(), "");
    send(&client, &[&[][..], &notice::header(notice::HELLO)]);
    assert_eq!(notice::kind(&receive(&client)), Some(notice::HELLO));
    client
}

/// Waits until all that may be on its way is: what was answered, and the window.
fn settle(muxd: &Muxd, answered: i64) {
    let given = (answered + WINDOW).min(REQUESTS);
    let counters = muxd.wait_counters("requests and answers", |counters| {
        counters.of("handed_over") >= given + answered
            && counters.of("received") == REQUESTS + answered
    });
    assert_eq!(counters.of("handed_over"), given + answered, "{counters:?}");
    assert_eq!(counters.of("queued"), REQUESTS - given, "{counters:?}");
}

/// mux:overload:window, mux:return:unreachable, mux:return:in-doubt.
#[test]
fn a_libzmq_service_is_given_no_more_than_its_window_and_the_rest_comes_back() {
    const ANSWERED: i64 = 7;
    let (muxd, peers) = (start(), Peers::new());
    // It would take a thousand ahead.
    let service = peers.dealer(muxd.services(), "engine");
    muxd.wait_counter("bindings", |bindings| bindings == 1);
    let client = opted_in(&peers, &muxd);
    for number in 0..REQUESTS {
        send(&client, &["engine".to_owned(), number.to_string()]);
    }
    for answered in 0..ANSWERED {
        settle(&muxd, answered);
        let request = receive(&service);
        assert_eq!(request[1], answered.to_string().as_bytes());
        send(&service, &request);
        expect(&client, &["engine".to_owned(), answered.to_string()]);
    }
    settle(&muxd, ANSWERED);
    drop(service);
    for number in ANSWERED + WINDOW..REQUESTS {
        let frames = receive(&client);
        assert_eq!(notice::kind(&frames), Some(notice::RETURN), "{frames:?}");
        assert_eq!((frames[1][5], &frames[3]), (UNREACHABLE, &number.to_string().into_bytes()));
    }
    assert_eq!(notice::kind(&receive(&client)), Some(notice::GONE));
    expect_nothing(&client);
    let counters = muxd.stop();
    assert_eq!(counters.of("returned_unreachable"), REQUESTS - ANSWERED - WINDOW);
}

/// mux:overload:window-hello: a service may leave a request without an answer.
#[test]
fn a_libzmq_service_that_answers_nothing_gets_more_for_each_hello() {
    let (muxd, peers) = (start(), Peers::new());
    let service = peers.dealer(muxd.services(), "engine");
    muxd.wait_counter("bindings", |bindings| bindings == 1);
    let client = peers.dealer(muxd.clients(), "");
    for number in 0..REQUESTS {
        send(&client, &["engine".to_owned(), number.to_string()]);
    }
    muxd.wait_counter("received", |received| received == REQUESTS);
    for turn in 0..REQUESTS / WINDOW {
        let next = turn * WINDOW;
        // The answer to a HELLO comes among them.
        let mut requests = std::iter::repeat_with(|| receive(&service))
            .filter(|frames| notice::kind(frames) != Some(notice::HELLO));
        for number in next..next + WINDOW {
            assert_eq!(requests.next().unwrap()[1], number.to_string().as_bytes());
        }
        let given = next + WINDOW;
        muxd.wait_counter("handed_over", |count| count >= given);
        assert_eq!(muxd.counters().of("queued"), REQUESTS - given);
        send(&service, &[&[][..], &notice::header(notice::HELLO)]);
    }
    assert_eq!(muxd.stop().of("handed_over"), REQUESTS);
}

/// mux:overload:window: what a service sends is an answer, be it a request to another, and what comes
/// back is a message to it like any.
#[test]
fn a_reply_to_a_service_waits_behind_the_requests_that_fill_its_window() {
    let (muxd, peers) = (start(), Peers::new());
    let service = peers.dealer(muxd.services(), "engine");
    let store = peers.dealer(muxd.services(), "store");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    // Alone it is given the reply.
    let client = peers.dealer(muxd.clients(), "");
    send(&client, &["engine", "first"]);
    let first = receive(&service);
    let ask = |question: &str| {
        send(&service, &["store", question]);
        send(&store, &receive(&store));
    };
    ask("one");
    expect(&service, &["store", "one"]);
    send(&service, &first);
    expect(&client, &["engine", "first"]);
    // Requests that wait come before it, as far as the window goes.
    for number in 0..REQUESTS {
        send(&client, &["engine".to_owned(), number.to_string()]);
    }
    let next = receive(&service);
    muxd.wait_counter("received", |received| received == 4 + REQUESTS);
    ask("two");
    for number in 1..=WINDOW {
        assert_eq!(receive(&service)[1], number.to_string().as_bytes());
    }
    expect_nothing(&service);
    send(&service, &next);
    let _ = muxd.stop();
}

/// The reason of a RETURN of what waited for one that has ended.
const UNREACHABLE: u8 = 6;
