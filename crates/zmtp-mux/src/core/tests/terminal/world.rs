//! A terminal whose connections are the test's.

use zmtp_proto::{Message, Run, SocketType};

use crate::core::ListenerRole::Any;
use crate::core::tests::{Mux, in_flight};
use crate::core::{
    Admission, BindingKey, Delivery, Encoded, Event, Flight, MuxLimits, Outcome, Policy,
    PoolLimits, Rule, Rules, Runs, Takes, Target, Token, Transmit, Unsent,
};

/// A terminal, and what its application has in its hands.
pub(super) struct Terminal {
    pub(super) mux: Mux,
    pub(super) local: BindingKey,
    pub(super) flight: Flight,
    /// Whose what it takes next is.
    from: Option<Token>,
}

/// Something that the application has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Message(Token, Message),
    Event(u64),
}

pub(super) const POOL: PoolLimits = PoolLimits { octets: 1 << 20, messages: 8 };

fn rule(policy: Policy) -> Rule {
    Rule { policy, pool: POOL, block_timeout: std::time::Duration::ZERO, ..Rule::SERVICE }
}

impl Terminal {
    pub(super) fn new(policy: Policy) -> Self {
        let rules = Rules { service: rule(policy), client: rule(policy), ..Rules::default() };
        let mut mux = Mux::ruled(MuxLimits::default(), rules);
        let local = mux.core.open_local(Takes::Messages, rule(policy), mux.now).unwrap();
        Self { mux, local, flight: Flight::default(), from: None }
    }

    pub(super) fn join(&mut self, kind: SocketType, name: &[u8]) -> (BindingKey, Token) {
        let admission = self.mux.introduce(kind, Any, name);
        let Admission::Admitted { key, .. } = admission else { panic!("{admission:?}") };
        (key, Token(self.mux.tokens.to_be_bytes()))
    }

    pub(super) fn hear(&mut self, from: BindingKey, message: &Message) -> Outcome {
        self.mux.core.handle_message(from, Encoded::Borrowed(message.as_octets()), self.mux.now)
    }

    pub(super) fn send(&mut self, to: Target<'_>, message: &Message) -> Result<(), Unsent> {
        self.mux.core.send_local(to, &[], message, self.mux.now)
    }

    /// Takes all that waits for the application.
    pub(super) fn take(&mut self) -> Vec<Taken> {
        let mut all = self.take_some(usize::MAX);
        while self.mux.core.poll_transmit(self.local, 0, &mut self.flight) == Transmit::Write {
            all.extend(self.take_some(usize::MAX));
        }
        all
    }

    /// Takes up to `max` of the things that the application has in its hands, or what is alone, and
    /// says so.
    pub(super) fn take_some(&mut self, max: usize) -> Vec<Taken> {
        self.take_and_say(max).0
    }

    /// Takes the next thing that it has in its hands or that is alone, and is told whether it may sleep.
    pub(super) fn take_one(&mut self) -> (Taken, Transmit) {
        let (taken, next) = self.take_and_say(1);
        (taken.into_iter().next().unwrap(), next)
    }

    fn take_and_say(&mut self, max: usize) -> (Vec<Taken>, Transmit) {
        if max > 0
            && self.flight.is_empty()
            && let Some((from, message)) = self.mux.core.take_lone(self.local)
        {
            return (vec![Taken::Message(from, message)], Transmit::Sleep);
        }
        let mut all = Vec::new();
        while all.len() < max
            && let Some(delivery) = self.flight.take_delivery()
        {
            match delivery {
                Delivery::From(token) => self.from = Some(token),
                Delivery::Message(message) => {
                    all.push(Taken::Message(self.from.unwrap(), message));
                }
                Delivery::Event(number) => all.push(Taken::Event(number)),
            }
        }
        let next = self.mux.core.handle_delivered(self.local, &mut self.flight);
        (all, next)
    }

    /// Queues messages at once.
    pub(super) fn hear_run(&mut self, from: BindingKey, messages: &[Message]) -> Runs {
        let octets: Vec<_> = messages.iter().map(Message::as_octets).collect();
        let (octets, messages) = (&octets.concat()[..], messages.len());
        self.mux.core.handle_run(from, &Run { octets, messages }, self.mux.now)
    }

    pub(super) fn messages(&mut self) -> Vec<(Token, Message)> {
        let message = |delivery| match delivery {
            Taken::Message(from, message) => Some((from, message)),
            Taken::Event(_) => None,
        };
        self.take().into_iter().filter_map(message).collect()
    }

    pub(super) fn events(&mut self) -> Vec<Event> {
        let taken = self.take();
        let mut event = |delivery| match delivery {
            Taken::Event(number) => self.mux.core.take_event(number),
            Taken::Message(..) => None,
        };
        taken.into_iter().filter_map(&mut event).collect()
    }

    /// Writes out what waits for a peer, as it stands on the wire.
    pub(super) fn written(&mut self, to: BindingKey) -> Vec<u8> {
        let (mut flight, mut written, mut octets) = (Flight::default(), 0, Vec::new());
        while self.mux.core.poll_transmit(to, written, &mut flight) == Transmit::Write {
            let taken = in_flight(&flight);
            (written, octets) = (taken.len(), [octets, taken].concat());
            flight.advance(written);
        }
        octets
    }
}
