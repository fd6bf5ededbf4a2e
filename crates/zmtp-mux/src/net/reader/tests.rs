use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use tokio::time::advance;
use zmtp_proto::{Heartbeat, Metadata, Pairing, Rhythm, Settings, SocketType, Version};

use super::*;
use crate::core::{
    CoreConfig, Introduction, ListenerRole, Notices, Principal, Rule, Share, Takes, Token,
};
use crate::net::guest::Bound;
use crate::net::inbox::Inbox;
use crate::net::shared::Shared;

/// A socket whose octets the system has told of, and what it was asked.
#[derive(Default)]
struct Socket {
    octets: VecDeque<Vec<u8>>,
    asked: Vec<Asked>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Read,
    More,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.asked.push(Asked::Read);
        let Some(octets) = self.octets.pop_front() else { return Poll::Pending };
        buffer.put_slice(&octets);
        Poll::Ready(Ok(()))
    }
}

impl Half for Socket {
    fn open_keeper() {}

    fn keep_alive(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn has_closed(&mut self, _: &mut Context<'_>) -> bool {
        false
    }

    fn poll_more(&mut self, _: &mut Context<'_>) -> Poll<()> {
        self.asked.push(Asked::More);
        if self.octets.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Woken {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A peer's seat at a MUX of some kind, and what its socket's reader begins with.
async fn seat(kind: Kind, rhythm: Option<Rhythm>) -> (Seat, Option<Inbox>, Opening) {
    let heartbeat = rhythm.map_or(Heartbeat::Off, Heartbeat::On);
    let settings = Settings { heartbeat, ..Settings::default() };
    let (core, time) = (CoreConfig::default(), Duration::from_secs(1));
    let shared = Arc::new(Shared::new(core, Vec::new(), settings, time, kind).unwrap());
    let inbox = match kind {
        Kind::Relay => None,
        Kind::Router | Kind::Dealer => Inbox::open(&shared, Takes::Messages, Rule::SERVICE),
    };
    let introduction = Introduction {
        listener: ListenerRole::Any,
        socket_type: SocketType::Dealer,
        version: Version::V3_1,
        principal: Principal::None,
        name: None,
        token: Token([1; 8]),
        share: Share::Own,
        notices: Notices::NotTaken,
        metadata: Metadata::default(),
    };
    let key = shared.with_core(|core| core.handle_dialled(introduction, now())).unwrap();
    let (ours, theirs) = (SocketType::Router, SocketType::Dealer);
    let pairing = Pairing { ours, theirs, version: Version::V3_1 };
    let traffic = Traffic::new(&settings, pairing, now());
    let opening = Opening { traffic, inbox: BytesMut::new(), nameless_until: None };
    (Bound::new(&shared, key).seat().await, inbox, opening)
}

#[tokio::test]
async fn a_short_message_is_with_the_application_before_the_socket_is_asked_for_more() {
    let long = [&[2, 0, 0, 0, 0, 0, 0, 1, 0][..], &[b'x'; 256]].concat();
    for (kind, message, is_put_off) in [
        (Kind::Router, &b"\0\x01x"[..], true),
        (Kind::Dealer, b"\0\x01x", true),
        (Kind::Dealer, &long, false),
        (Kind::Relay, b"\0\x01x", false),
    ] {
        let (seat, _inbox, opening) = seat(kind, None).await;
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let mut socket = Socket { octets: [message.to_vec()].into(), ..Socket::default() };
        let mut reader = Reader::new(&mut socket, &seat, opening);
        assert!(reader.poll_end(&mut cx).is_pending());
        assert_eq!(reader.read.asked.contains(&Asked::More), !is_put_off, "{kind:?}");
        assert_eq!(woken.take(), usize::from(is_put_off), "it looks when it is polled again");
        if is_put_off {
            reader.read.octets.extend([b"\0\0".to_vec(), b"\0\0".to_vec()]);
            reader.read.asked.clear();
            assert!(reader.poll_end(&mut cx).is_pending());
            let read_twice = [Asked::More, Asked::Read, Asked::More, Asked::Read, Asked::More];
            assert_eq!(reader.read.asked, read_twice, "it is not put off again");
            assert_eq!(woken.take(), 0);
        }
    }
}

/// 37:heartbeat:withheld-reads, 37:heartbeat:dead-after-silence.
#[tokio::test(start_paused = true)]
async fn what_lies_in_a_socket_is_read_before_its_peer_is_too_late() {
    let second = Duration::from_secs(1);
    for has_spoken in [true, false] {
        let rhythm = Rhythm::new(second, 2 * second).unwrap();
        let (seat, _inbox, opening) = seat(Kind::Router, Some(rhythm)).await;
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(&waker);
        let mut socket = Socket::default();
        let mut reader = Reader::new(&mut socket, &seat, opening);
        assert!(reader.poll_end(&mut cx).is_pending());
        // It is asked whether it lives, and then we are stopped for long.
        for time in [second, 60 * second] {
            advance(time).await;
            assert_eq!(woken.take(), 1, "the alarm");
            assert!(reader.poll_end(&mut cx).is_pending(), "the sockets come first");
            tokio::task::yield_now().await;
            assert_eq!(woken.take(), 1, "and then this");
            if time > second && has_spoken {
                reader.read.octets.push_back(b"\0\0".to_vec());
            }
            let end = reader.poll_end(&mut cx);
            assert_eq!(end.is_ready(), time > second && !has_spoken, "{end:?}");
        }
    }
}

/// mux:limit:partial-message.
#[tokio::test(start_paused = true)]
async fn who_always_has_a_little_more_has_its_deadlines_all_the_same() {
    let (seat, _inbox, opening) = seat(Kind::Router, None).await;
    let partial_time = Settings::default().limits.partial_time;
    let mut cx = Context::from_waker(Waker::noop());
    let mut socket = Socket::default();
    socket.octets.extend([vec![2, 0, 0, 0, 0, 0, 1, 0, 0]]);
    socket.octets.extend(vec![vec![0]; 10_000]);
    let mut reader = Reader::new(&mut socket, &seat, opening);
    for _ in 0..100 {
        if let Poll::Ready(end) = reader.poll_end(&mut cx) {
            let partial = zmtp_proto::Deadline::PartialMessage;
            let timeout = ConnectionError::Timeout { what: partial, limit: partial_time };
            assert_eq!(end, End::Broke(timeout));
            assert!(!reader.read.octets.is_empty());
            return;
        }
        advance(partial_time / 20).await;
    }
    panic!("it drips for ever");
}
