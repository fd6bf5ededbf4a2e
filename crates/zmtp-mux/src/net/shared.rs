//! What all connections of a MUX share: the core behind one short lock, and the lobby.
//!
//! The lock of the core is taken once for each read chunk and each write, never across an await
//! and never around a system call.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use slotmap::SecondaryMap;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use zmtp_proto::{Settings, SocketType};

use crate::core::{
    BindingKey, CoreConfig, Entry, Evicted, Flight, GoneReason, GuestStage, HashKey, Limit, Lobby,
    MuxCore, MuxLimits, Newcomer, NodeId, Prefix, Supply, Ticket, Transmit,
};
use crate::net::bell::Bell;
use crate::net::chance::draw;
use crate::net::clock::now;
use crate::net::end::{End, Ends};
use crate::net::mark::{Mark, wake_last};

/// The state of one MUX.
#[derive(Debug)]
pub(crate) struct Shared {
    seats: Mutex<Seats>,
    hall: Mutex<Hall>,
    pub(crate) link: Settings,
    pub(crate) verdict_time: Duration,
    pub(crate) limits: MuxLimits,
    /// Told when nothing is queued any more, and when a connection is gone.
    pub(crate) emptied: Notify,
    /// How many wait for that.
    awaiting: AtomicUsize,
    /// Whether the pool was short when the core was last looked at.
    is_short: AtomicBool,
    /// Rings when room fell free that the application waits for.
    pub(crate) room: Arc<Bell>,
    pub(crate) kind: Kind,
    /// When this was made, if it counts for nothing when a message was queued.
    ageless: Option<Instant>,
}

/// What a MUX is to its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It passes messages from one to the other.
    Relay,
    /// A ROUTER.
    Router,
    /// A DEALER.
    Dealer,
}

impl Kind {
    /// Returns what is announced to a peer that a ROUTER would announce `usual` to.
    // spec: mux:terminal:nothing-announced
    pub(crate) fn announced(self, usual: SocketType) -> SocketType {
        match self {
            Self::Relay | Self::Router => usual,
            Self::Dealer => SocketType::Dealer,
        }
    }
}

#[derive(Debug)]
struct Seats {
    core: MuxCore,
    /// The task of each binding, woken through its mark.
    tasks: SecondaryMap<BindingKey, Waker>,
}

#[derive(Debug)]
struct Hall {
    lobby: Lobby,
    ends: Ends,
    /// How often accepting paused for lack of descriptors.
    pauses: u64,
    /// The tasks whose handshake is not finished.
    shaking: SecondaryMap<Ticket, AbortHandle>,
}

impl Shared {
    pub(crate) fn new(
        core: CoreConfig,
        exempt: Vec<Prefix>,
        link: Settings,
        verdict_time: Duration,
        kind: Kind,
    ) -> io::Result<Self> {
        let limits = core.limits.clone();
        let ageless = (!core.rules.have_ages()).then(now);
        let mut hash_key = [0; 4];
        for part in &mut hash_key {
            *part = u64::from_ne_bytes(draw()?);
        }
        let core = MuxCore::new(NodeId(draw()?), HashKey(hash_key), core, now());
        Ok(Self {
            seats: Mutex::new(Seats { core, tasks: SecondaryMap::new() }),
            hall: Mutex::new(Hall {
                lobby: Lobby::new(limits.clone(), exempt),
                ends: Ends::default(),
                pauses: 0,
                shaking: SecondaryMap::new(),
            }),
            link,
            verdict_time,
            limits,
            emptied: Notify::new(),
            awaiting: AtomicUsize::new(0),
            is_short: AtomicBool::new(false),
            room: Arc::default(),
            kind,
            ageless,
        })
    }

    /// Lets `act` change the core, then wakes those for whom that means something to do.
    pub(crate) fn with_core<T>(&self, act: impl FnOnce(&mut MuxCore) -> T) -> T {
        let mut seats = lock(&self.seats);
        let Seats { core, tasks } = &mut *seats;
        let value = act(core);
        while let Some(key) = core.poll_wake() {
            let Some(task) = tasks.get(key) else { continue };
            match self.kind {
                Kind::Relay => wake_last(task),
                // The application comes behind all readers that are ready, and its peers behind it. To
                // be last would be a system call more for each of the two.
                Kind::Router | Kind::Dealer => task.wake_by_ref(),
            }
        }
        if core.poll_room() {
            self.room.ring();
        }
        self.is_short.store(core.supply() == Supply::Short, Ordering::Relaxed);
        value
    }

    /// Returns the time for a message that the application queues now. Where no message waits for a
    /// limited time, any will do: to ask for it is a tenth of what a small one costs.
    // spec: mux:overload:max-age
    pub(crate) fn queued_at(&self) -> Instant {
        self.ageless.unwrap_or_else(now)
    }

    /// Tells how much of the pool was free when the core was last looked at.
    pub(crate) fn supply(&self) -> Supply {
        if self.is_short.load(Ordering::Relaxed) { Supply::Short } else { Supply::Ample }
    }

    /// Makes a task the one of `key`, to be woken by its mark.
    pub(crate) fn note_task(&self, key: BindingKey, mark: Arc<Mark>) {
        self.note_waker(key, mark.into());
    }

    /// Has `waker` woken when the core has something for `key`.
    pub(crate) fn note_waker(&self, key: BindingKey, waker: Waker) {
        lock(&self.seats).tasks.insert(key, waker);
    }

    /// Has nobody woken for `key` any more.
    pub(crate) fn forget_waker(&self, key: BindingKey) {
        lock(&self.seats).tasks.remove(key);
    }

    /// Has `emptied` told of each queue that is written out, as long as the guard lives.
    pub(crate) fn await_flush(&self) -> Awaiting<'_> {
        self.awaiting.fetch_add(1, Ordering::Relaxed);
        Awaiting(self)
    }

    /// Reports what was written, and takes what comes next.
    pub(crate) fn transmit(
        &self,
        key: BindingKey,
        written: usize,
        flight: &mut Flight,
    ) -> Transmit {
        let transmit = self.with_core(|core| core.poll_transmit(key, written, flight));
        if transmit != Transmit::Write && self.awaiting.load(Ordering::Relaxed) > 0 {
            self.emptied.notify_waiters();
        }
        transmit
    }

    /// Notes that a binding's connection is gone, and how.
    pub(crate) fn close(&self, key: BindingKey, why: GoneReason) {
        lock(&self.seats).tasks.remove(key);
        self.with_core(|core| core.handle_closed(key, why));
    }

    /// Finds a place for a new connection; a handshake that has to make way is ended.
    pub(crate) fn enter(&self, newcomer: Newcomer) -> Option<Ticket> {
        let mut hall = lock(&self.hall);
        let (ticket, limit) = match hall.lobby.enter(newcomer, now()) {
            Entry::Entered { ticket, evicted: None } => return Some(ticket),
            Entry::Entered { ticket, evicted: Some(evicted) } => {
                if let Some(task) = hall.shaking.remove(evicted) {
                    task.abort();
                }
                (Some(ticket), Limit::Handshakes)
            }
            Entry::Refused => (None, Limit::Connections),
        };
        drop(hall);
        self.with_core(|core| core.note_limit(limit));
        ticket
    }

    /// Notes which task shakes hands for `ticket`, unless it has finished already.
    pub(crate) fn note_shaking(&self, ticket: Ticket, task: AbortHandle) {
        let mut hall = lock(&self.hall);
        match hall.lobby.stage(ticket) {
            Some(GuestStage::Shaking) => drop(hall.shaking.insert(ticket, task)),
            Some(GuestStage::Evicted) => task.abort(),
            Some(GuestStage::Through) | None => {}
        }
    }

    /// Notes that a peer has introduced itself, so that it cannot be evicted any more.
    pub(crate) fn introduce(&self, ticket: Ticket) -> Result<(), Evicted> {
        let mut hall = lock(&self.hall);
        hall.shaking.remove(ticket);
        hall.lobby.introduce(ticket)
    }

    /// Frees the place of a connection.
    pub(crate) fn leave(&self, ticket: Ticket) {
        {
            let mut hall = lock(&self.hall);
            hall.shaking.remove(ticket);
            hall.lobby.leave(ticket);
        }
        self.emptied.notify_waiters();
    }

    /// Returns why a connection ended whose task was aborted: for a newer handshake, or with all
    /// others.
    pub(crate) fn aborted(&self, ticket: Ticket) -> End {
        match lock(&self.hall).lobby.stage(ticket) {
            Some(GuestStage::Evicted) => End::MadeWay,
            Some(GuestStage::Shaking | GuestStage::Through) | None => End::MuxEnds,
        }
    }

    /// Counts the end of a connection.
    pub(crate) fn note_end(&self, end: &End) {
        lock(&self.hall).ends.note(end);
    }

    /// Ends all handshakes.
    pub(crate) fn end_handshakes(&self) {
        let mut hall = lock(&self.hall);
        for (_, task) in hall.shaking.drain() {
            task.abort();
        }
    }

    /// Counts a pause in accepting.
    pub(crate) fn note_pause(&self) {
        let mut hall = lock(&self.hall);
        hall.pauses = hall.pauses.wrapping_add(1);
    }

    /// Returns the counters of ends and pauses by their names.
    pub(crate) fn ends(&self) -> Vec<(&'static str, u64)> {
        let hall = lock(&self.hall);
        hall.ends.iter().chain([("accept_pauses", hall.pauses)]).collect()
    }

    pub(crate) fn with_lobby<T>(&self, look: impl FnOnce(&Lobby) -> T) -> T {
        look(&lock(&self.hall).lobby)
    }
}

/// Somebody who waits until all is written.
pub(crate) struct Awaiting<'s>(&'s Shared);

impl Drop for Awaiting<'_> {
    fn drop(&mut self) {
        self.0.awaiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Takes a lock. A panic elsewhere leaves plain counters and queues behind, which stay usable.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{Rule, Rules};

    /// mux:overload:max-age.
    #[tokio::test(start_paused = true)]
    async fn time_is_asked_for_only_where_the_age_of_messages_counts() {
        let second = Duration::from_secs(1);
        let shared = |max_age| {
            let service = Rule { max_age, ..Rule::SERVICE };
            let rules = Rules { service, ..Rules::default() };
            let core = CoreConfig { rules, ..CoreConfig::default() };
            Shared::new(core, Vec::new(), Settings::default(), second, Kind::Router).unwrap()
        };
        let (ageless, aged) = (shared(None), shared(Some(second)));
        let before = now();
        tokio::time::advance(second).await;
        assert_eq!((ageless.queued_at(), aged.queued_at()), (before, before + second));
    }
}
