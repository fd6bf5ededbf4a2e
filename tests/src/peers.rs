//! libzmq peers, as applications use them.

use std::sync::atomic::{AtomicU64, Ordering};

use zmq::{Context, Socket, SocketType};

use crate::{DEADLINE, Monitor};

/// A message as libzmq shows it: its frames.
pub type Frames = Vec<Vec<u8>>;

/// Makes libzmq sockets that never wait for ever: to send and to receive have a deadline, and to
/// close waits for nothing.
#[derive(Clone, Default)]
pub struct Peers {
    context: Context,
}

impl std::fmt::Debug for Peers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Peers").finish_non_exhaustive()
    }
}

impl Peers {
    /// Makes peers with a context of their own: up to 1,023 sockets, as libzmq has it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a socket that is not connected yet, for options that must be set before.
    #[must_use]
    pub fn socket(&self, kind: SocketType) -> Socket {
        let socket = self.context.socket(kind).expect("a socket");
        let deadline_ms = i32::try_from(DEADLINE.as_millis()).expect("some seconds");
        socket.set_rcvtimeo(deadline_ms).expect("an option of every socket");
        socket.set_sndtimeo(deadline_ms).expect("an option of every socket");
        socket.set_linger(0).expect("an option of every socket");
        socket
    }

    /// Watches what becomes of the connections of `socket`, one of ours that has none yet.
    #[must_use]
    pub fn monitor(&self, socket: &Socket) -> Monitor {
        Monitor::attach(self, socket)
    }

    /// Returns a socket that connects there, with this identity or none.
    #[must_use]
    pub fn connect(&self, kind: SocketType, url: &str, identity: &str) -> Socket {
        let socket = self.socket(kind);
        if !identity.is_empty() {
            socket.set_identity(identity.as_bytes()).expect("1 to 255 octets");
        }
        socket.connect(url).expect("a URL that muxd gave");
        socket
    }

    /// Returns a DEALER that connects there, with this identity or none.
    #[must_use]
    pub fn dealer(&self, url: &str, identity: &str) -> Socket {
        self.connect(SocketType::DEALER, url, identity)
    }
}

/// Sends a message of these frames.
pub fn send<T: AsRef<[u8]>>(socket: &Socket, frames: &[T]) {
    socket.send_multipart(frames.iter().map(AsRef::as_ref), 0).expect("room to send");
}

/// Receives the next message.
#[must_use]
pub fn receive(socket: &Socket) -> Frames {
    socket.recv_multipart(0).expect("a message in time")
}

/// Receives the next message and compares it, frame by frame.
pub fn expect<T: AsRef<[u8]>>(socket: &Socket, frames: &[T]) {
    let received = receive(socket);
    let wanted: Vec<_> = frames.iter().map(AsRef::as_ref).collect();
    assert!(received == wanted, "received {} instead of {}", show(&received), show(&wanted));
}

/// Says that nothing has arrived. Call it when whatever could arrive has: behind an answer that
/// was sent later on the same link, or when the counters say that it went elsewhere.
pub fn expect_nothing(socket: &Socket) {
    match socket.recv_multipart(zmq::DONTWAIT) {
        Ok(frames) => panic!("received {}", show(&frames)),
        Err(error) => assert_eq!(error, zmq::Error::EAGAIN),
    }
}

/// Returns a name that no other call in this process returns.
#[must_use]
pub fn fresh(prefix: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{prefix}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Shows the beginning of each frame.
fn show<T: AsRef<[u8]>>(frames: &[T]) -> String {
    let frames = frames.iter().map(|frame| {
        let frame = frame.as_ref();
        let begin = frame.get(..40).unwrap_or(frame).escape_ascii();
        format!("\"{begin}\" ({} octets)", frame.len())
    });
    format!("[{}]", frames.collect::<Vec<_>>().join(", "))
}
