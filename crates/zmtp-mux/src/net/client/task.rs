//! The one task of a client: it hears what the MUX says, and keeps the time.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::{Flow, Shared, State};
use crate::net::clock::now;
use crate::net::dealer::LinkEvent;
use crate::net::ends::is_mux;

/// Runs until there will be no connection any more.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        let (flow, deadline) = shared.with_state(|state| {
            state.core.handle_timeout(now());
            let flow = state.flush(&shared.dealer);
            state.armed = state.core.poll_timeout().map(Instant::from_std);
            (flow, state.armed)
        });
        let heard = tokio::select! {
            event = shared.dealer.event() => event.map(Some),
            () = room(&shared, flow), if flow != Flow::Through => Ok(None),
            () = until(deadline), if deadline.is_some() => Ok(None),
            () = shared.stir.notified() => Ok(None),
        };
        let heard = match heard {
            Ok(Some(event)) => hear(&shared, event),
            Ok(None) => Ok(()),
            Err(error) => {
                debug!(%error, "the client is over");
                Err(Over)
            }
        };
        if heard == Err(Over) {
            return shared.finish();
        }
    }
}

/// There will be no connection any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Over;

/// Takes in an event and what has come with it.
fn hear(shared: &Shared, first: LinkEvent) -> Result<(), Over> {
    shared.with_state(|state| {
        let (mut next, mut left) = (Some(first), BATCH);
        while let Some(event) = next.take() {
            take_in(shared, state, event)?;
            left = left.saturating_sub(1);
            if left > 0 {
                // If it is over, the next look says so.
                next = shared.dealer.try_event().unwrap_or_default();
            }
        }
        Ok(())
    })
}

fn take_in(shared: &Shared, state: &mut State, event: LinkEvent) -> Result<(), Over> {
    match event {
        LinkEvent::Message(message) => {
            // spec: mux:client:mux-drains
            if let Some(retry_after) = state.core.handle_message(&message) {
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
            return Err(Over);
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

async fn until(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        sleep_until(deadline).await;
    }
}

/// Events that are taken in under one lock.
const BATCH: usize = 256;
