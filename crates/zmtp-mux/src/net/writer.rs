//! The writing half of a connection: octets out of the core, onto the socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

use crate::core::{Flight, Transmit};
use crate::net::end::End;
use crate::net::guest::Seat;

/// Writes to one peer. What was written but not reported when it is dropped counts as not handed
/// over.
pub(crate) struct Writer<'s, W> {
    write: &'s mut W,
    seat: &'s Seat,
    flight: Flight,
}

impl<'s, W: AsyncWrite + Unpin> Writer<'s, W> {
    pub(crate) fn new(write: &'s mut W, seat: &'s Seat) -> Self {
        Self { write, seat, flight: Flight::default() }
    }

    /// Writes until nothing waits any more.
    pub(crate) fn poll_write_all(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let mut written: usize = 0;
        loop {
            match self.seat.shared.transmit(self.seat.key, written, &mut self.flight) {
                Transmit::Write => {}
                Transmit::Sleep => return Poll::Ready(Ok(())),
                Transmit::End => return Poll::Ready(Err(End::MuxEnds)),
            }
            written = match ready!(self.poll_write(cx)) {
                Ok(0) => return Poll::Ready(Err(End::Failed(io::ErrorKind::WriteZero))),
                Ok(written) => written,
                Err(error) => return Poll::Ready(Err(End::Failed(error.kind()))),
            };
            self.flight.advance(written);
        }
    }

    /// Writes what the kernel takes at once.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let count = self.flight.slices(&mut slices);
        let write = Pin::new(&mut *self.write);
        match slices.get(..count) {
            Some([slice]) => write.poll_write(cx, slice),
            slices => write.poll_write_vectored(cx, slices.unwrap_or_default()),
        }
    }
}

/// Slices in one write.
const SLICES_MAX: usize = 16;
