//! Requests that somebody waits for.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use zmtp_proto::Message;

use super::waiters::Ticket;
use super::{Flow, Handles, Shared, Time};
use crate::client::{Outcome, RequestError, RequestId, UnsentReason};

/// A request that somebody waits for. It is forgotten when this is dropped.
// spec: mux:cancel:each-point
pub(super) struct Open<H: Holds> {
    of: H,
    id: RequestId,
    /// None when it has its outcome.
    ticket: Option<Ticket>,
}

/// What keeps a client.
pub(super) trait Holds {
    fn shared(&self) -> &Shared;
}

/// Who waits has a handle.
impl Holds for &Shared {
    fn shared(&self) -> &Shared {
        self
    }
}

/// Who waits is a handle.
impl Holds for Arc<Handles> {
    fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl<H: Holds> Open<H> {
    /// Begins a request, and sends it if that can be at once. Has `waker` woken when it has its
    /// outcome.
    pub(super) fn begin(
        of: H,
        waker: Option<&Waker>,
        name: &[u8],
        message: &Message,
        Time { now, deadline }: Time,
    ) -> Result<Self, UnsentReason> {
        let Shared { dealer, stir, .. } = of.shared();
        let begun = of.shared().with_state(|state| {
            let ticket = state.waiters.enter(waker.cloned());
            let len = message.encoded_len();
            let id = match state.core.begin(name, len, ticket, deadline.into_std()) {
                Ok(id) => id,
                Err(reason) => return Err((reason, state.waiters.leave(ticket))),
            };
            let flow = state.flush(dealer, Some((ticket, message)), now);
            if state.core.is_unsent(id) {
                state.waiters.keep(ticket, message.clone());
            }
            if flow != Flow::Through || state.armed.is_none_or(|armed| deadline < armed) {
                stir.notify_one();
            }
            Ok((id, ticket))
        });
        match begun {
            Ok((id, ticket)) => Ok(Self { of, id, ticket: Some(ticket) }),
            Err((reason, _waiter)) => Err(reason),
        }
    }

    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<Outcome> {
        let Some(ticket) = self.ticket else { return Poll::Pending };
        let (outcome, _waker) =
            self.of.shared().with_state(|state| match state.waiters.take(ticket) {
                Some(outcome) => (Some(outcome), None),
                None => (None, state.waiters.note(ticket, cx.waker())),
            });
        let Some(outcome) = outcome else { return Poll::Pending };
        self.ticket = None;
        Poll::Ready(outcome)
    }
}

impl<H: Holds> Drop for Open<H> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let _waiter = self.of.shared().with_state(|state| {
                state.core.forget(self.id);
                state.waiters.leave(ticket)
            });
        }
    }
}

/// A request that was [sent](super::Client::send): a future of its reply.
///
/// When dropped, the request is forgotten: it may be processed, and its reply is dropped and
/// counted. It keeps its client, as a handle does. Once it has returned the outcome it returns
/// nothing more.
#[must_use = "a request that nobody waits for is forgotten"]
pub struct PendingReply(State);

enum State {
    Open { open: Open<Arc<Handles>>, message: Message },
    Refused(RequestError),
    Told,
}

impl PendingReply {
    pub(super) fn begin(of: &Arc<Handles>, name: &[u8], message: Message, time: Time) -> Self {
        Self(match Open::begin(Arc::clone(of), None, name, &message, time) {
            Ok(open) => State::Open { open, message },
            Err(reason) => State::Refused(RequestError::NotSent { reason, message }),
        })
    }
}

impl Future for PendingReply {
    type Output = Result<Message, RequestError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let state = &mut self.get_mut().0;
        let result = match state {
            State::Open { open, message } => ready!(open.poll(cx)).into_result(|| message.clone()),
            State::Refused(_) | State::Told => match std::mem::replace(state, State::Told) {
                State::Refused(error) => Err(error),
                State::Open { .. } | State::Told => return Poll::Pending,
            },
        };
        *state = State::Told;
        Poll::Ready(result)
    }
}

impl fmt::Debug for PendingReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingReply").finish_non_exhaustive()
    }
}
