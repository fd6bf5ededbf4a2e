//! A client: its open requests, and the check of each reply against them.

use std::time::Instant;

use crate::body::{Bodies, Stamp};
use crate::connection::Message;
use crate::histogram::Histogram;
use crate::tally::Tally;
use crate::wire::{FrameKind, push_frame, push_header};

/// What all clients of a run share.
#[derive(Debug)]
pub struct Shared {
    /// Writes and checks bodies.
    pub bodies: Bodies,
    /// The services, in the order of their numbers.
    pub services: Vec<Service>,
    /// Latencies since the window began.
    pub latencies: Histogram,
    /// Faults since the start.
    pub tally: Tally,
    /// Requests answered since the start.
    pub answered: u64,
    /// Whether an answer is followed by the next request.
    pub supply: Supply,
}

impl Shared {
    /// Before the run begins.
    #[must_use]
    pub fn new(body_len: usize, services: Vec<Service>) -> Self {
        Self {
            bodies: Bodies::of_len(body_len),
            services,
            latencies: Histogram::new(),
            tally: Tally::default(),
            answered: 0,
            supply: Supply::Running,
        }
    }
}

/// Whether clients ask on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// Each answer makes room for a request.
    Running,
    /// What is open is waited for.
    Ended,
}

/// A service as clients address it.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: Vec<u8>,
    /// Its name as the first frame of a request.
    pub frame: Vec<u8>,
}

impl Service {
    /// The service with this number.
    #[must_use]
    pub fn numbered(number: u32) -> Self {
        let name = format!("service-{number:04}").into_bytes();
        let mut frame = Vec::new();
        push_frame(&mut frame, FrameKind::More, &name);
        Self { name, frame }
    }
}

/// A client with a fixed number of requests open at a time.
#[derive(Debug)]
pub struct Client {
    number: u32,
    next_service: u32,
    next_sequence: u64,
    slots: Vec<Slot>,
    /// For each service, one more than the highest sequence it has answered.
    answered_below: Vec<u64>,
}

/// Room for one open request.
#[derive(Clone, Copy, Debug)]
struct Slot {
    open: Option<Open>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    service: u32,
    sequence: u64,
    sent: Instant,
}

impl Client {
    /// A client that begins its round of the services at its own offset.
    #[must_use]
    pub fn new(number: u32, clients: u32, services: u32, outstanding: u32) -> Self {
        let offset = u64::from(number) * u64::from(services) / u64::from(clients.max(1));
        Self {
            number,
            next_service: u32::try_from(offset).unwrap_or_default() % services.max(1),
            next_sequence: 0,
            slots: vec![Slot { open: None }; outstanding as usize],
            answered_below: vec![0; services as usize],
        }
    }

    /// Fills every free slot with a request.
    pub fn ask_all(&mut self, shared: &Shared, now: Instant, out: &mut Vec<u8>) {
        for slot in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            self.ask(slot, shared, now, out);
        }
    }

    /// Checks one message from the broker and, while the supply runs, asks anew.
    #[inline]
    pub fn take(
        &mut self,
        message: Message<'_>,
        shared: &mut Shared,
        now: Instant,
        out: &mut Vec<u8>,
    ) {
        let Some(body) = message.second else {
            shared.tally.malformed += 1;
            return;
        };
        let Ok(stamp) = shared.bodies.check(body) else {
            shared.tally.body += 1;
            return;
        };
        let Some(open) = self.close(stamp) else {
            shared.tally.unexpected += 1;
            return;
        };
        let asked = shared.services.get(open.service as usize);
        if asked.is_none_or(|service| service.name != message.first) {
            shared.tally.source += 1;
        }
        if let Some(below) = self.answered_below.get_mut(open.service as usize) {
            shared.tally.order += u64::from(open.sequence < *below);
            *below = open.sequence + 1;
        }
        shared.answered += 1;
        shared.latencies.record(now.saturating_duration_since(open.sent));
        if shared.supply == Supply::Running {
            self.ask(stamp.slot, shared, now, out);
        }
    }

    /// Requests without an answer.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.slots.iter().filter(|slot| slot.open.is_some()).count() as u64
    }

    /// Takes the request with this stamp out of its slot, if it is open.
    #[inline]
    fn close(&mut self, stamp: Stamp) -> Option<Open> {
        let slot = self.slots.get_mut(stamp.slot as usize)?;
        let own = stamp.client == self.number;
        slot.open
            .take_if(|open| own && open.sequence == stamp.sequence && open.service == stamp.service)
    }

    #[inline]
    fn ask(&mut self, slot: u32, shared: &Shared, now: Instant, out: &mut Vec<u8>) {
        let stamp = Stamp {
            client: self.number,
            service: self.next_service,
            sequence: self.next_sequence,
            slot,
        };
        let Some(service) = shared.services.get(stamp.service as usize) else { return };
        let Some(room) = self.slots.get_mut(slot as usize) else { return };
        room.open = Some(Open { service: stamp.service, sequence: stamp.sequence, sent: now });
        out.extend_from_slice(&service.frame);
        push_header(out, FrameKind::Last, shared.bodies.body_len());
        shared.bodies.push(out, stamp);
        self.next_sequence += 1;
        self.next_service += 1;
        if self.next_service as usize >= shared.services.len() {
            self.next_service = 0;
        }
    }
}
