//! The connection of a service: what comes over it, and what the service says to the MUX.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tracing::{debug, info, warn};
use zmtp_proto::Message;

use super::{Ears, ServiceError};
use crate::core::{PeerInfo, Token};
use crate::net::bell::Ear;
use crate::net::dealer::{Dealer, LinkEvent};
use crate::net::ends::{generation, is_mux};
use crate::net::socket::Parcel;
use crate::service::{Heed, Lead, ServiceCore, is_notice};

#[derive(Debug)]
pub(super) struct State {
    pub(super) core: ServiceCore,
    /// Taken, and not taken in: nothing of it was looked at.
    pub(super) events: VecDeque<LinkEvent>,
    pub(super) link: Option<Link>,
    pub(super) end: Option<ServiceError>,
}

/// The connection that stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) token: Token,
    pub(super) generation: u64,
}

impl Link {
    /// Returns the connection to this MUX; `None` if we are no service there.
    // spec: mux:service:taken-for-one
    pub(super) fn over(mux: &PeerInfo) -> Option<Self> {
        Some(Self { token: mux.token, generation: generation(mux)? })
    }
}

impl State {
    /// Goes on until a message that is for the application comes next, or says why none will.
    pub(super) fn poll_request(
        &mut self,
        dealer: &Dealer,
        cx: &mut Context<'_>,
        ears: &mut Ears,
    ) -> Poll<Result<(), ServiceError>> {
        loop {
            if let Some(end) = &self.end {
                return Poll::Ready(Err(end.clone()));
            }
            self.speak(dealer, cx, &mut ears.room);
            match self.events.front() {
                None => ready!(self.take(dealer, cx, &mut ears.event)),
                Some(LinkEvent::Message(message)) if !is_notice(message) => {
                    return Poll::Ready(Ok(()));
                }
                Some(_) => self.hear(dealer),
            }
        }
    }

    /// Takes the message that comes next, if it is a request.
    pub(super) fn take_request(&mut self) -> Option<(Message, Lead)> {
        let Some(LinkEvent::Message(message)) = self.events.pop_front() else { return None };
        match self.core.handle_message(&message) {
            Heed::Request(lead) => Some((message, lead)),
            Heed::ComeBack(_) | Heed::None => None,
        }
    }

    /// Says to the MUX what is to be said.
    #[inline]
    pub(super) fn speak(&mut self, dealer: &Dealer, cx: &mut Context<'_>, ear: &mut Ear) {
        while let Some(link) = self.link
            && let Some(message) = self.core.poll_transmit()
        {
            match dealer.poll_send_over(cx, ear, link.token, Parcel::from(&message)) {
                Poll::Ready(Ok(())) => self.core.handle_sent(),
                // Its end is on its way to us, or room is.
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    }

    /// Takes what has come, or learns that there will be nothing more.
    fn take(&mut self, dealer: &Dealer, cx: &mut Context<'_>, ear: &mut Ear) -> Poll<()> {
        // Also has us woken when the service is stirred, so the look at that comes behind it.
        match dealer.poll_events(cx, ear, BATCH, |event| self.events.push_back(event)) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                debug!(%error, "the service is over");
                self.end = Some(ServiceError::Link(Arc::new(error)));
            }
            Poll::Pending if self.core.is_drained() => self.end = Some(ServiceError::Drained),
            Poll::Pending => return Poll::Pending,
        }
        Poll::Ready(())
    }

    /// Takes in what comes next, which is no request.
    fn hear(&mut self, dealer: &Dealer) {
        match self.events.pop_front() {
            Some(LinkEvent::Message(message)) => {
                if let Heed::ComeBack(retry_after) = self.core.handle_message(&message) {
                    dealer.hold_off(retry_after);
                }
            }
            Some(LinkEvent::Up(peer)) if !is_mux(&peer) => self.give_up(ServiceError::NotAMux),
            Some(LinkEvent::Up(peer)) => match Link::over(&peer) {
                Some(link) => self.handle_up(link),
                None => self.give_up(ServiceError::NotAService),
            },
            Some(LinkEvent::Down { reason }) => {
                debug!(?reason, "the connection to the MUX ended");
                self.link = None;
                self.core.handle_down();
            }
            // The end of the connection says as much.
            Some(LinkEvent::Returned { .. }) | None => {}
        }
    }

    fn give_up(&mut self, why: ServiceError) {
        warn!(%why, "what answers does not make us a service: it is over");
        self.end = Some(why);
    }

    pub(super) fn handle_up(&mut self, link: Link) {
        info!(generation = link.generation, "the service has its name");
        self.link = Some(link);
        self.core.handle_up();
    }
}

/// Events that are taken at once: what is held beyond the room of the dealer.
const BATCH: usize = 64;
