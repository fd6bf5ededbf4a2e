//! What the model is made of.

use zmtp_proto::SocketType;

use crate::core::model::names::Dispute;

/// A frame: its body, and the octets that it takes on the wire with its header.
pub(crate) type Frame = (Vec<u8>, usize);

/// What waits for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Message(Vec<Frame>),
    Pong(Vec<u8>),
    Ping,
}

/// Where a peer stands. A service without a name may not send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Client,
    Service,
    Held,
    Refused,
    Dismissed,
    TakenOver,
    Evicted,
    Gone,
}

/// How far the life of the MUX has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Phase {
    Serving,
    Draining,
    Ended,
}

/// `taken` items of `queue` are with the writer, which wrote `written` octets of them.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) state: State,
    pub(crate) kind: SocketType,
    pub(crate) address: Vec<u8>,
    pub(crate) name: Vec<u8>,
    /// Whose share its messages are of.
    pub(crate) source: usize,
    /// Under what address others see it.
    pub(crate) shown: Vec<u8>,
    /// The request that a REQ waits for an answer to: who was asked, and what came before the
    /// address.
    pub(crate) open: Option<(usize, Vec<Frame>)>,
    /// What waits, and whose it is.
    pub(crate) queue: Vec<(usize, Item)>,
    pub(crate) taken: usize,
    pub(crate) written: usize,
    /// Messages that are not taken yet, and the next to be: all behind them wait by their sources.
    pub(crate) on_way: usize,
    /// Messages that are on their way or were, less those that came.
    pub(crate) unanswered: usize,
    /// The most that may be unanswered.
    pub(crate) window: Option<usize>,
    pub(crate) dispute: Dispute,
}

/// Most messages and octets queued for one destination and for all, most duplicates held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) each: (usize, usize),
    pub(crate) all: (usize, usize),
    pub(crate) places: usize,
    /// With more than this a destination is congested.
    pub(crate) soft: (usize, usize),
    /// Of each service.
    pub(crate) window: Option<usize>,
}

impl Item {
    pub(crate) fn octets(&self) -> usize {
        match self {
            Self::Message(frames) => frames.iter().map(|frame| frame.1).sum(),
            Self::Pong(context) => 7 + context.len(),
            Self::Ping => 9,
        }
    }

    pub(crate) fn is_message(&self) -> bool {
        matches!(self, Self::Message(_))
    }

    pub(crate) fn is_pong(&self) -> bool {
        matches!(self, Self::Pong(_))
    }
}

impl Peer {
    pub(crate) fn new(
        state: State,
        kind: SocketType,
        address: &[u8],
        name: Vec<u8>,
        dispute: Dispute,
    ) -> Self {
        let (shown, open, queue) = (address.to_vec(), None, Vec::new());
        let address = shown.clone();
        let (source, taken, written, on_way, unanswered, window) = (0, 0, 0, 0, 0, None);
        Self {
            state,
            kind,
            address,
            name,
            source,
            shown,
            open,
            queue,
            taken,
            written,
            on_way,
            unanswered,
            window,
            dispute,
        }
    }

    /// Tells whether a PING is not with the kernel yet.
    pub(crate) fn pings(&self) -> bool {
        self.queue.iter().any(|(_, item)| *item == Item::Ping)
    }

    /// Returns what waits by its source.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &(usize, Item)> {
        let untaken = self.queue[self.taken..].iter();
        untaken.filter(|(_, item)| item.is_message()).skip(self.on_way)
    }

    /// Tells whether what comes now waits by its source.
    pub(crate) fn is_congested(&self, soft: (usize, usize)) -> bool {
        let used = total([self]);
        let full = self.window.is_some_and(|window| self.unanswered >= window);
        let is_req = self.kind == SocketType::Req;
        !is_req && (self.waiting().next().is_some() || full || used.0 > soft.0 || used.1 > soft.1)
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, State::Client | State::Service)
    }
}

/// Returns how many messages are queued for `peers`, and their octets.
pub(crate) fn total<'p>(peers: impl IntoIterator<Item = &'p Peer>) -> (usize, usize) {
    total_from(peers, |_| true)
}

/// As [`total`], of what comes from some peers only.
pub(crate) fn total_from<'p>(
    peers: impl IntoIterator<Item = &'p Peer>,
    counts: impl Fn(usize) -> bool,
) -> (usize, usize) {
    let queues = peers.into_iter().flat_map(|peer| &peer.queue);
    let messages = queues.filter(|(from, item)| item.is_message() && counts(*from));
    messages.fold((0, 0), |(count, octets), (_, item)| (count + 1, octets + item.octets()))
}
