//! One client, some services, and the MUX between them. Every hop is a queue that somebody moves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zmtp_proto::SocketType::Dealer;
use zmtp_proto::{Message, Metadata, Version};

use crate::client::core::Order;
use crate::client::{ClientCore, ClientLimits, Outcome, RequestId};
use crate::core::{
    Admission, BindingKey, CoreConfig, Encoded, Flight, GoneReason, HashKey, Introduction,
    ListenerRole, MuxCore, Name, NodeId, Notices, Principal, Share, Standing, Token, Transmit,
    Wall,
};
use crate::service::Standing as Of;
use crate::service::{Envelopes, Heed, Lead, ServiceCore, Settled};

/// What tells a request apart in a test. It is its body as well.
pub(super) type Ticket = u32;

pub(super) const LIMITS: ClientLimits =
    ClientLimits { in_flight_max: 1000, message_len_max: 1 << 20, watch_names_max: 100 };

/// Time that a request has.
pub(super) const TIME: Duration = Duration::from_secs(30);

pub(super) struct World {
    config: CoreConfig,
    pub(super) core: MuxCore,
    pub(super) client: ClientCore<Ticket>,
    pub(super) now: Instant,
    tokens: u64,
    /// The client's binding, and what its link has not written, and what it has not read.
    link: Option<BindingKey>,
    outbox: VecDeque<Message>,
    inbox: Vec<Message>,
    pub(super) services: BTreeMap<&'static str, Service>,
    pub(super) outcomes: BTreeMap<Ticket, Outcome>,
    pub(super) ids: BTreeMap<Ticket, RequestId>,
    /// What any service has had in its hands, whole.
    pub(super) processed: BTreeSet<Ticket>,
}

pub(super) struct Service {
    key: BindingKey,
    core: ServiceCore,
    /// Requests that are not answered.
    pub(super) hands: VecDeque<(Message, Lead)>,
}

/// What becomes of what is on the way when a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnTheWay {
    Arrives,
    IsLost,
}

impl World {
    pub(super) fn new(config: impl Into<CoreConfig>) -> Self {
        let (now, config) = (start(), config.into());
        Self {
            core: core(&config, now),
            config,
            client: ClientCore::new(LIMITS),
            now,
            tokens: 0,
            link: None,
            outbox: VecDeque::new(),
            inbox: Vec::new(),
            services: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            ids: BTreeMap::new(),
            processed: BTreeSet::new(),
        }
    }

    fn introduce(&mut self, on: ListenerRole, name: &'static str) -> Option<BindingKey> {
        self.tokens += 1;
        let peer = Introduction {
            listener: on,
            socket_type: Dealer,
            version: Version::V3_1,
            principal: Principal::None,
            name: Name::new(Bytes::from_static(name.as_bytes())),
            token: Token(self.tokens.to_be_bytes()),
            share: Share::Own,
            notices: Notices::Taken,
            metadata: Metadata::default(),
        };
        match self.core.handle_introduction(peer, self.now, Wall(1_000)) {
            Admission::Admitted { key, standing, .. } => {
                assert_ne!(standing, Standing::Nameless);
                Some(key)
            }
            Admission::Held { key, .. } => {
                self.core.handle_closed(key, GoneReason::Left);
                None
            }
            Admission::Refused(_) | Admission::Dismissed => None,
        }
    }

    pub(super) fn connect(&mut self) {
        if self.link.is_none() {
            self.link = self.introduce(ListenerRole::Clients, "");
            self.client.handle_up();
            self.queue();
        }
    }

    /// Ends the client's connection.
    pub(super) fn cut(&mut self, to_client: OnTheWay) {
        let Some(key) = self.link.take() else { return };
        self.core.handle_closed(key, GoneReason::Lost);
        let arrived = std::mem::take(&mut self.inbox);
        if to_client == OnTheWay::Arrives {
            for message in &arrived {
                self.hear(message);
            }
        }
        for message in std::mem::take(&mut self.outbox) {
            self.client.handle_returned(&message);
        }
        self.client.handle_down();
        self.collect();
    }

    /// Ends the MUX, with all connections, and starts another.
    pub(super) fn restart(&mut self) {
        self.cut(OnTheWay::IsLost);
        for name in self.services.keys().copied().collect::<Vec<_>>() {
            self.stop(name, usize::MAX);
        }
        self.core = core(&self.config, self.now);
    }

    pub(super) fn serve(&mut self, name: &'static str) {
        if let Some(key) = (!self.services.contains_key(name))
            .then(|| self.introduce(ListenerRole::Services, name))
            .flatten()
        {
            let mut core = ServiceCore::new(Envelopes::default());
            core.handle_up();
            self.services.insert(name, Service { key, core, hands: VecDeque::new() });
        }
    }

    /// Kills a service to which the MUX has written so many octets of what waits for it.
    pub(super) fn stop(&mut self, name: &'static str, written: usize) {
        let Some(Service { key, .. }) = self.services.get(name) else { return };
        let key = *key;
        let mut flight = Flight::default();
        if self.core.poll_transmit(key, 0, &mut flight) == Transmit::Write {
            let octets = octets(&flight);
            let written = written.min(octets.len());
            // What came whole may have been processed.
            for message in whole_messages(&octets[..written]) {
                self.note_processed(&message);
            }
            flight.advance(written);
            self.core.handle_transmitted(key, written);
        }
        self.core.handle_writer_gone(key, flight);
        self.core.handle_closed(key, GoneReason::Lost);
        self.services.remove(name);
    }

    pub(super) fn ask(&mut self, ticket: Ticket, name: &str) {
        let deadline = self.now + TIME;
        let body_len = body_of(ticket).encoded_len();
        match self.client.begin(name.as_bytes(), body_len, ticket, deadline) {
            Ok(id) => {
                self.ids.insert(ticket, id);
            }
            Err(reason) => self.settle(ticket, Outcome::NotSent(reason)),
        }
        self.queue();
    }

    pub(super) fn forget(&mut self, ticket: Ticket) {
        if let Some(id) = self.ids.remove(&ticket) {
            self.client.forget(id);
        }
    }

    /// Gives the link what the client has to say.
    fn queue(&mut self) {
        while self.link.is_some()
            && let mut octets = Vec::new()
            && let Some(order) = self.client.poll_transmit(&mut octets)
        {
            self.client.handle_sent(&order);
            let body = match order {
                Order::Request(_, ticket) => body_of(ticket),
                Order::Hello | Order::Watch(_) | Order::Unwatch(_) => order.notice().unwrap(),
            };
            octets.extend_from_slice(body.as_octets());
            let message = Message::from_octets(octets.into()).unwrap();
            self.outbox.push_back(message);
        }
    }

    /// Lets the link write so many messages.
    pub(super) fn write(&mut self, count: usize) {
        for _ in 0..count {
            let (Some(key), Some(message)) = (self.link, self.outbox.pop_front()) else {
                return;
            };
            let octets = message.into_bytes();
            let _ = self.core.handle_message(key, Encoded::Shared(&octets), self.now);
        }
    }

    /// Lets the MUX write to the client.
    pub(super) fn emit(&mut self) {
        if let Some(key) = self.link {
            let octets = drain(&mut self.core, key);
            self.inbox.extend(whole_messages(&octets));
        }
    }

    /// Lets the client read what is there.
    pub(super) fn read(&mut self) {
        for message in std::mem::take(&mut self.inbox) {
            self.hear(&message);
        }
    }

    fn hear(&mut self, message: &Message) {
        let _ = self.client.handle_message(message.clone());
        self.collect();
        self.queue();
    }

    /// Lets the MUX write to a service.
    pub(super) fn deliver(&mut self, name: &'static str) {
        let Some(service) = self.services.get_mut(name) else { return };
        let octets = drain(&mut self.core, service.key);
        for message in whole_messages(&octets) {
            let Heed::Request(lead) = service.core.handle_message(&message) else { continue };
            service.hands.push_back((message, lead));
        }
        let had: Vec<_> = service.hands.iter().map(|(message, _)| message.clone()).collect();
        for message in had {
            self.note_processed(&message);
        }
    }

    /// Lets a service answer one request.
    pub(super) fn reply(&mut self, name: &'static str) {
        let Some(service) = self.services.get_mut(name) else { return };
        let Some((request, lead)) = service.hands.pop_front() else { return };
        let body = lead.body(&request);
        let reply = Bytes::from([lead.octets(&request), body.as_octets()].concat());
        service.core.handle_settled(Settled::Replied, Of::Stands);
        let _ = self.core.handle_message(service.key, Encoded::Shared(&reply), self.now);
    }

    /// Moves everything until nothing moves.
    pub(super) fn flow(&mut self) {
        for _ in 0..8 {
            self.queue();
            self.write(usize::MAX);
            for name in self.services.keys().copied().collect::<Vec<_>>() {
                self.deliver(name);
                while self.services.get(name).is_some_and(|service| !service.hands.is_empty()) {
                    self.reply(name);
                }
            }
            self.emit();
            self.read();
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.client.handle_timeout(self.now);
        self.collect();
    }

    /// Takes what the client says, and finds no outcome twice.
    fn collect(&mut self) {
        while let Some((ticket, outcome)) = self.client.poll_settled() {
            self.settle(ticket, outcome);
        }
    }

    fn settle(&mut self, ticket: Ticket, outcome: Outcome) {
        self.ids.remove(&ticket);
        assert_eq!(self.outcomes.insert(ticket, outcome), None, "two outcomes of {ticket}");
    }

    fn note_processed(&mut self, request: &Message) {
        if let Some(body) = request.frames().last()
            && let Ok(octets) = body.try_into()
        {
            self.processed.insert(Ticket::from_be_bytes(octets));
        }
    }
}

fn body_of(ticket: Ticket) -> Message {
    Message::single(&ticket.to_be_bytes())
}

fn core(config: &CoreConfig, now: Instant) -> MuxCore {
    MuxCore::new(NodeId(*b"the-node"), HashKey([1, 2, 3, 4]), config.clone(), now)
}

fn drain(core: &mut MuxCore, key: BindingKey) -> Vec<u8> {
    let (mut flight, mut written, mut all) = (Flight::default(), 0, Vec::new());
    while core.poll_transmit(key, written, &mut flight) == Transmit::Write {
        let octets = octets(&flight);
        written = octets.len();
        flight.advance(written);
        all.extend(octets);
    }
    all
}

fn octets(flight: &Flight) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 64];
    let count = flight.slices(&mut slices);
    slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect()
}

/// Reads the messages that are there whole.
fn whole_messages(octets: &[u8]) -> Vec<Message> {
    let (mut messages, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(header) = zmtp_proto::FrameHeader::parse(&octets[at..]).unwrap() {
        let end = at + header.header_len + usize::try_from(header.body_len).unwrap();
        if end > octets.len() {
            break;
        }
        at = end;
        if header.kind == zmtp_proto::FrameKind::MessageLast {
            let octets = Bytes::copy_from_slice(&octets[from..at]);
            messages.push(Message::from_octets(octets).unwrap());
            from = at;
        }
    }
    messages
}

#[expect(clippy::disallowed_methods, reason = "any instant will do as a start")]
fn start() -> Instant {
    Instant::now()
}
