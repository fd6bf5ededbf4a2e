//! What libzmq tells of the connections of one of its sockets.

use std::time::{Duration, Instant};

use zmq::{Socket, SocketEvent, SocketType};

use crate::peers::fresh;
use crate::{DEADLINE, Peers};

/// The events of one socket, in their order.
pub struct Monitor(Socket);

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}

/// Something that happened to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happened {
    /// What.
    pub event: SocketEvent,
    /// A number whose meaning depends on the event, such as the status of a refusal.
    pub value: u32,
}

impl Monitor {
    pub(crate) fn attach(peers: &Peers, socket: &Socket) -> Self {
        let url = format!("inproc://{}", fresh("monitor"));
        socket.monitor(&url, i32::from(SocketEvent::ALL.to_raw())).expect("a name of its own");
        let events = peers.socket(SocketType::PAIR);
        events.connect(&url).expect("the monitor is there");
        Self(events)
    }

    /// Waits for this event, passing over all before it, and returns its value.
    #[expect(clippy::must_use_candidate, reason = "most events have no value worth a look")]
    pub fn wait(&self, event: SocketEvent) -> u32 {
        let mut before = Vec::new();
        let deadline = Instant::now() + DEADLINE;
        while let Some(happened) = self.next_until(deadline) {
            if happened.event == event {
                return happened.value;
            }
            before.push(happened);
        }
        panic!("waited for {event:?} in vain: {before:?}")
    }

    /// Says that this event does not come for so long.
    pub fn expect_none(&self, event: SocketEvent, within: Duration) {
        let deadline = Instant::now() + within;
        while let Some(happened) = self.next_until(deadline) {
            assert_ne!(happened.event, event, "with {}", happened.value);
        }
    }

    fn next_until(&self, deadline: Instant) -> Option<Happened> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left_ms = i64::try_from(left.as_millis()).expect("some seconds");
        if self.0.poll(zmq::POLLIN, left_ms).expect("a socket") == 0 {
            return None;
        }
        let frames = self.0.recv_multipart(0).expect("an event");
        let octets: [u8; 6] = frames.first()?.as_slice().try_into().expect("an event");
        let [e0, e1, v0, v1, v2, v3] = octets;
        let event = SocketEvent::from_raw(u16::from_ne_bytes([e0, e1]));
        Some(Happened { event, value: u32::from_ne_bytes([v0, v1, v2, v3]) })
    }
}
