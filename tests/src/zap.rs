//! A ZAP handler: what a libzmq server asks whom it may let in.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use zmq::{Socket, SocketType};

use crate::peers::Frames;
use crate::{DEADLINE, Peers};

/// What a libzmq server asks: mechanism and credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `NULL`, `PLAIN` or `CURVE`.
    pub mechanism: String,
    /// Nothing, user and password, or a key.
    pub credentials: Frames,
}

/// A handler in a thread of its own, for all servers of some peers.
#[derive(Debug)]
pub struct Zap {
    peers: Peers,
    requests: Receiver<Request>,
    thread: Option<JoinHandle<()>>,
}

impl Zap {
    /// Answers every request with the status that `judge` gives.
    pub fn start(
        peers: &Peers,
        judge: impl FnMut(&Request) -> &'static str + Send + 'static,
    ) -> Self {
        let handler = peers.socket(SocketType::REP);
        // It may have nothing to do for as long as its test takes.
        handler.set_rcvtimeo(-1).expect("an option of every socket");
        handler.bind(URL).expect("the only handler of these peers");
        let (sender, requests) = channel();
        let thread = thread::spawn(move || serve(&handler, judge, &sender));
        Self { peers: peers.clone(), requests, thread: Some(thread) }
    }

    /// Waits for the next request and returns it.
    #[must_use]
    pub fn next(&self) -> Request {
        self.requests.recv_timeout(DEADLINE).expect("a request in time")
    }

    /// Returns how many requests have come that [`next`](Self::next) has not returned.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.requests.try_iter().count()
    }
}

impl Drop for Zap {
    fn drop(&mut self) {
        let end = self.peers.connect(SocketType::REQ, URL, "");
        let thread = self.thread.take();
        if end.send(END, 0).is_ok() && thread.is_some_and(|thread| thread.join().is_err()) {
            // The panic has been shown by the thread.
            assert!(thread::panicking(), "the ZAP handler failed");
        }
    }
}

fn serve(
    handler: &Socket,
    mut judge: impl FnMut(&Request) -> &'static str,
    requests: &Sender<Request>,
) {
    loop {
        let mut frames = handler.recv_multipart(0).expect("a request");
        if frames == [END.as_bytes()] {
            return;
        }
        assert!(frames.len() >= 6, "{frames:?}");
        let credentials = frames.split_off(6);
        let mechanism = String::from_utf8(frames.swap_remove(5)).expect("a mechanism");
        let number = frames.swap_remove(1);
        let request = Request { mechanism, credentials };
        let status = judge(&request);
        // Nobody may be left to count them.
        let _ = requests.send(request);
        let answer = [b"1.0", number.as_slice(), status.as_bytes(), b"", b"", b""];
        handler.send_multipart(answer, 0).expect("the server waits");
    }
}

/// Where libzmq looks for a handler.
const URL: &str = "inproc://zeromq.zap.01";

/// Ends the handler.
const END: &str = "end";
