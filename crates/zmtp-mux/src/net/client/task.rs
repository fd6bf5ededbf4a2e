//! The one task of a client: it hears what the MUX says, and keeps the time.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;
use tracing::{debug, warn};

use super::{ClientError, Flow, Shared, State};
use crate::net::alarm::Alarm;
use crate::net::dealer::{DealerError, LinkEvent};
use crate::net::ends::is_mux;

/// The task that keeps a client's time. When it ends, be it with its runtime, so does the client: a request
/// without anybody who keeps its time could wait for ever.
// spec: mux:client:one-outcome
pub(super) struct Tended(Arc<Shared>);

impl Tended {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self(Arc::clone(shared))
    }
}

impl Drop for Tended {
    fn drop(&mut self) {
        // The first end is the one.
        self.0.finish(ClientError::Link(Arc::new(DealerError::GivenUp)));
    }
}

/// Runs until there will be no connection any more.
pub(super) async fn run(tended: Tended) {
    let shared = &tended.0;
    let mut events = Vec::new();
    let mut alarm = None;
    loop {
        let turn = shared.with_state(|state| {
            for event in events.drain(..) {
                take_in(shared, state, event)?;
            }
            Ok::<_, ClientError>((state.turn(shared), state.armed))
        });
        let (flow, armed) = match turn {
            Ok(turn) => turn,
            Err(end) => return shared.finish(end),
        };
        let due = |cx: &mut Context<'_>| match armed {
            Some(armed) => Alarm::poll_by(&mut alarm, armed, cx),
            None => Poll::Pending,
        };
        let heard = tokio::select! {
            heard = shared.dealer.events(&mut events, BATCH) => heard,
            () = room(shared, flow), if flow != Flow::Through => Ok(()),
            () = poll_fn(due) => Ok(()),
            () = shared.stir.notified() => Ok(()),
        };
        if let Err(error) = heard {
            debug!(%error, "the client is over");
            return shared.finish(ClientError::Link(Arc::new(error)));
        }
    }
}

impl State {
    /// Does what has come due, and gives the link what it takes.
    fn turn(&mut self, shared: &Shared) -> Flow {
        let now = Instant::now();
        self.core.handle_timeout(now.into_std());
        let flow = self.flush(&shared.dealer, None, now);
        // To wake early does no harm; to set the alarm anew with each request would cost more.
        let next = self.core.poll_timeout().map(Instant::from_std);
        let armed = self.armed.filter(|armed| *armed > now);
        self.armed = armed.into_iter().chain(next).min();
        flow
    }
}

fn take_in(shared: &Shared, state: &mut State, event: LinkEvent) -> Result<(), ClientError> {
    match event {
        LinkEvent::Message(message) => {
            // spec: mux:client:mux-drains
            if let Some(retry_after) = state.core.handle_message(message) {
                shared.dealer.hold_off(retry_after);
            }
        }
        LinkEvent::Returned { message } => {
            if let Some(message) = message {
                state.core.handle_returned(&message);
            }
        }
        LinkEvent::Up(peer) if is_mux(&peer) => {
            state.link = Some(peer.token);
            state.core.handle_up();
        }
        LinkEvent::Up(_) => {
            warn!("what answers is no MUX any more: the client is over");
            return Err(ClientError::NotAMux);
        }
        LinkEvent::Down { reason } => {
            debug!(?reason, "the connection to the MUX ended");
            state.link = None;
            state.core.handle_down();
        }
    }
    Ok(())
}

async fn room(shared: &Shared, flow: Flow) {
    if let Flow::Full { link, len } = flow {
        shared.dealer.writable_over(link, len).await;
    }
}

/// Events that are taken in under one lock.
const BATCH: usize = 256;
