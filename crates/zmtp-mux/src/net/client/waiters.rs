//! Those who wait for a request: each has a place, where its outcome is put.

use std::task::Waker;

use slotmap::{SlotMap, new_key_type};
use zmtp_proto::Message;

use crate::client::Outcome;

new_key_type! {
    /// A place of one who waits.
    pub(super) struct Ticket;
}

/// All who wait. What is taken out of here is to be dropped when the lock is free: a waker may be
/// the last of its task.
#[derive(Debug, Default)]
pub(super) struct Waiters(SlotMap<Ticket, Waiter>);

/// One who waits.
#[derive(Debug)]
pub(super) struct Waiter {
    waker: Option<Waker>,
    /// What is to be sent, if it could not be at once.
    body: Option<Message>,
    outcome: Option<Outcome>,
}

impl Waiters {
    /// Finds a place for somebody, who may say later whom to wake.
    pub(super) fn enter(&mut self, waker: Option<Waker>) -> Ticket {
        self.0.insert(Waiter { waker, body: None, outcome: None })
    }

    /// Keeps a body until it is sent.
    pub(super) fn keep(&mut self, ticket: Ticket, body: Message) {
        if let Some(waiter) = self.0.get_mut(ticket) {
            waiter.body = Some(body);
        }
    }

    pub(super) fn kept(&self, ticket: Ticket) -> Option<&Message> {
        self.0.get(ticket)?.body.as_ref()
    }

    /// Puts an outcome where it is waited for, and returns whom to wake.
    pub(super) fn settle(&mut self, ticket: Ticket, outcome: Outcome) -> Option<Waker> {
        let waiter = self.0.get_mut(ticket)?;
        waiter.outcome = Some(outcome);
        waiter.waker.take()
    }

    /// Returns the outcome, and frees the place then.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<Outcome> {
        let outcome = self.0.get_mut(ticket)?.outcome.take()?;
        self.0.remove(ticket);
        Some(outcome)
    }

    /// Notes whom to wake, and returns whom no more.
    pub(super) fn note(&mut self, ticket: Ticket, waker: &Waker) -> Option<Waker> {
        let noted = &mut self.0.get_mut(ticket)?.waker;
        if noted.as_ref().is_some_and(|noted| noted.will_wake(waker)) {
            return None;
        }
        noted.replace(waker.clone())
    }

    /// Frees a place.
    #[must_use]
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<Waiter> {
        self.0.remove(ticket)
    }
}
