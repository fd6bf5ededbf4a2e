//! The writing half of a connection: octets out of the core, onto the socket.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;
use tokio::time::{Sleep, sleep_until};
use zmtp_proto::Outlet;
use zmtp_proto::curve::Sealer;

use crate::core::{Ageing, Flight, Transmit, Treatment};
use crate::net::clock::{after, now};
use crate::net::end::End;
use crate::net::guest::Seat;

/// Writes to one peer. What was written but not reported when it is dropped counts as not handed
/// over.
pub(crate) struct Writer<'s, W> {
    write: &'s mut W,
    seat: &'s Seat,
    flight: Flight,
    sealing: Option<Box<Sealing>>,
    /// When the peer has accepted no octet for too long.
    alarm: Option<Pin<Box<Sleep>>>,
    /// When to look for messages that have waited too long.
    look: Option<Pin<Box<Sleep>>>,
    /// Octets that the kernel has accepted so far.
    accepted: usize,
}

impl<W> Drop for Writer<'_, W> {
    fn drop(&mut self) {
        let flight = std::mem::take(&mut self.flight);
        self.seat.shared.with_core(|core| core.handle_writer_gone(self.seat.key, flight));
    }
}

impl<'s, W: AsyncWrite + Unpin> Writer<'s, W> {
    pub(crate) fn new(write: &'s mut W, seat: &'s Seat, outlet: Outlet) -> Self {
        let sealing = match outlet {
            Outlet::Clear => None,
            Outlet::Sealed(sealer) => Some(Box::new(Sealing::new(sealer))),
        };
        Self {
            write,
            seat,
            flight: Flight::default(),
            sealing,
            alarm: None,
            look: None,
            accepted: 0,
        }
    }

    /// Writes until nothing waits any more, or the peer has accepted nothing for too long.
    // spec: mux:overload:write-stall
    pub(crate) fn poll_write_all(
        &mut self,
        cx: &mut Context<'_>,
        treatment: &Treatment,
    ) -> Poll<Result<(), End>> {
        let before = self.accepted;
        let written = self.poll_write_on(cx);
        if written.is_ready() || self.accepted != before {
            self.alarm = None;
        }
        if written.is_pending() {
            // What comes while the socket is full wakes nobody.
            self.poll_expiry(cx, treatment, Ageing::Something);
        }
        let Some(stall) = treatment.write_stall.filter(|_| written.is_pending()) else {
            return written;
        };
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(after(stall))));
        alarm.as_mut().poll(cx).map(|()| Err(End::Stalled))
    }

    /// Has messages returned that have waited too long, now and then as long as some wait: the peer
    /// accepts nothing, or its window is full.
    // spec: mux:overload:max-age
    /// `at_least` says whether some may come without a wake.
    pub(crate) fn poll_expiry(
        &mut self,
        cx: &mut Context<'_>,
        treatment: &Treatment,
        at_least: Ageing,
    ) {
        let Some(age) = treatment.max_age else { return };
        let every = age.checked_div(2).unwrap_or(age).max(LOOK_MIN);
        loop {
            if let Some(look) = &mut self.look
                && look.as_mut().poll(cx).is_pending()
            {
                return;
            }
            self.look = None;
            let (key, shared) = (self.seat.key, &self.seat.shared);
            let ageing = shared.with_core(|core| core.handle_expiry(key, now()));
            if ageing == Ageing::Nothing && at_least == Ageing::Nothing {
                return;
            }
            self.look = Some(Box::pin(sleep_until(after(every))));
        }
    }

    fn poll_write_on(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if self.sealing.is_some() {
            return self.poll_seal_all(cx);
        }
        let mut written: usize = 0;
        loop {
            match self.seat.shared.transmit(self.seat.key, written, &mut self.flight) {
                Transmit::Write => {}
                Transmit::Sleep => return Poll::Ready(Ok(())),
                Transmit::End(cause) => return Poll::Ready(Err(cause.into())),
            }
            let Poll::Ready(octets) = self.poll_write(cx) else {
                self.seat.shared.with_core(|core| core.handle_full(self.seat.key));
                return Poll::Pending;
            };
            written = octets?;
            self.accepted = self.accepted.wrapping_add(written);
            self.flight.advance(written);
        }
    }

    /// Writes what the kernel takes at once.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, End>> {
        let write = Pin::new(&mut *self.write);
        if let Some(octets) = self.flight.only() {
            return write.poll_write(cx, octets).map(accepted);
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = self.flight.slices(&mut slices);
        write.poll_write_vectored(cx, slices.get(..count).unwrap_or_default()).map(accepted)
    }

    /// As [`poll_write_all`](Self::poll_write_all), on an encrypted connection.
    fn poll_seal_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let Self { write, seat, flight, sealing, accepted: total, .. } = self;
        let Some(sealing) = sealing else { return Poll::Ready(Ok(())) };
        let mut written: usize = 0;
        loop {
            if sealing.is_empty() && flight.is_empty() {
                match seat.shared.transmit(seat.key, std::mem::take(&mut written), flight) {
                    Transmit::Write => {}
                    Transmit::Sleep => {
                        sealing.rest();
                        return Poll::Ready(Ok(()));
                    }
                    Transmit::End(cause) => return Poll::Ready(Err(cause.into())),
                }
            }
            if sealing.is_empty() {
                sealing.fill(flight)?;
            }
            match Pin::new(&mut **write).poll_write(cx, &sealing.octets).map(accepted) {
                Poll::Ready(Err(end)) => {
                    // What the kernel has accepted must not be returned.
                    seat.shared.with_core(|core| core.handle_transmitted(seat.key, written));
                    return Poll::Ready(Err(end));
                }
                Poll::Ready(Ok(octets)) => {
                    *total = total.wrapping_add(octets);
                    written = written.saturating_add(sealing.advance(octets));
                }
                Poll::Pending => {
                    let cause = seat.shared.with_core(|core| {
                        core.handle_transmitted(seat.key, written);
                        core.handle_full(seat.key);
                        core.poll_end(seat.key)
                    });
                    return cause.map_or(Poll::Pending, |cause| Poll::Ready(Err(cause.into())));
                }
            }
        }
    }
}

fn accepted(outcome: io::Result<usize>) -> Result<usize, End> {
    match outcome {
        Ok(0) => Err(End::Failed(io::ErrorKind::WriteZero)),
        Ok(written) => Ok(written),
        Err(error) => Err(End::Failed(error.kind())),
    }
}

/// Frames that are in their boxes and not written.
///
/// They are sealed no sooner than that: what is queued can be taken back, a nonce cannot.
// spec: mux:delivery:sealed-when-written
struct Sealing {
    sealer: Sealer,
    octets: BytesMut,
    /// For each frame its octets that are not written, sealed, and all of them in the clear.
    frames: VecDeque<(usize, usize)>,
}

impl Sealing {
    fn new(sealer: Sealer) -> Self {
        Self { sealer, octets: BytesMut::new(), frames: VecDeque::new() }
    }

    fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    /// Seals the next frames.
    fn fill(&mut self, flight: &mut Flight) -> Result<(), End> {
        while self.octets.len() < BATCH_LEN {
            let before = self.octets.len();
            let clear = self.sealer.seal(flight.next(), &mut self.octets)?;
            if clear == 0 {
                break;
            }
            flight.advance(clear);
            self.frames.push_back((self.octets.len().saturating_sub(before), clear));
        }
        if self.octets.is_empty() {
            // A queue that does not consist of whole frames is our own fault, and no reason to spin.
            debug_assert!(flight.is_empty(), "not a whole frame");
            return Err(End::Failed(io::ErrorKind::InvalidData));
        }
        Ok(())
    }

    /// Notes that `octets` are written, and returns how many octets in the clear are now whole
    /// with the peer.
    fn advance(&mut self, mut octets: usize) -> usize {
        self.octets.advance(octets.min(self.octets.len()));
        let mut clear: usize = 0;
        while let Some((sealed, whole)) = self.frames.front_mut() {
            if *sealed > octets {
                *sealed = sealed.saturating_sub(octets);
                break;
            }
            octets = octets.saturating_sub(*sealed);
            clear = clear.saturating_add(*whole);
            self.frames.pop_front();
        }
        clear
    }

    /// Gives back the memory: an idle connection holds none.
    fn rest(&mut self) {
        self.octets = BytesMut::new();
        self.frames = VecDeque::new();
    }
}

/// How often to look for messages that have waited too long, at most.
const LOOK_MIN: Duration = Duration::from_millis(10);

/// Slices in one write.
const SLICES_MAX: usize = 16;

/// Octets that are sealed before they are written.
const BATCH_LEN: usize = 64 * 1024;
