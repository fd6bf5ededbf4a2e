//! A connection in traffic: one task that reads and writes.
//!
//! | state   | on               | does                                            | becomes |
//! |---------|------------------|-------------------------------------------------|---------|
//! | asleep  | octets           | reads and routes                                | asleep  |
//! | asleep  | mark             | takes all that waits                            | writing |
//! | writing | socket takes all | reports it                                      | asleep  |
//! | writing | socket is full   | reads and routes meanwhile                      | writing |
//! | writing | mark             | ends if the binding is gone                     |         |
//! | any     | end, failure     |                                                 | ended   |
//!
//! Octets and alarms of the reader have a mark of their own, so that a task which is woken to write does
//! not look at its socket for nothing. The mark of the core comes behind all readers that were ready when the first message of a batch did
//! (`mark`), so that all they brought is written at once.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::core::Ageing;
use crate::net::end::End;
use crate::net::guest::Seat;
use crate::net::mark::Mark;
use crate::net::reader::Reader;
use crate::net::stream::Half;
use crate::net::writer::Writer;

/// Why the connection is looked at.
enum Woken {
    /// There is something to write.
    Marked,
    Ended(End),
}

/// Whose turn it is when both have something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Core,
    Socket,
}

impl Turn {
    /// Returns who comes now, and passes the turn on.
    ///
    /// With a mark the socket comes after the write, with all that arrived meanwhile; but not
    /// twice, so that whoever is sent messages without end is heard all the same.
    fn pass(&mut self, marked: bool) -> Self {
        let now = if marked { *self } else { Self::Socket };
        *self = match now {
            Self::Core => Self::Socket,
            Self::Socket => Self::Core,
        };
        now
    }
}

/// Reads and writes until the connection ends, and says why it does.
///
/// Both are lent: a future that takes them has room for what it is given and for what it works on,
/// in every connection through its whole life.
pub(crate) async fn run<R, W>(
    reader: &mut Reader<'_, R>,
    writer: &mut Writer<'_, W>,
    seat: &Seat,
) -> End
where
    R: AsyncRead + Half + Unpin,
    W: AsyncWrite + Unpin,
{
    if let Err(error) = reader.route_inbox() {
        return error.into();
    }
    let octets = poll_fn(|cx| Poll::Ready(Mark::new(cx))).await;
    let waker = Waker::from(Arc::clone(&octets));
    let poll_end = |reader: &mut Reader<'_, R>| {
        // Who is withheld waits for the core, and that wakes by its own mark.
        if octets.take() || reader.is_withheld() {
            reader.poll_end(&mut Context::from_waker(&waker))
        } else {
            Poll::Pending
        }
    };
    let mut turn = Turn::Core;
    loop {
        let woken = poll_fn(|cx| {
            let marked = seat.mark.take();
            if turn.pass(marked) == Turn::Socket
                && let Poll::Ready(end) = poll_end(reader)
            {
                return Poll::Ready(Woken::Ended(end));
            }
            if marked {
                return Poll::Ready(Woken::Marked);
            }
            writer.poll_expiry(cx, reader.treatment(), Ageing::Nothing);
            Poll::Pending
        });
        if let Woken::Ended(end) = woken.await {
            return end;
        }
        let written = poll_fn(|cx| match writer.poll_write_all(cx, reader.treatment()) {
            Poll::Ready(outcome) => Poll::Ready(outcome),
            // A peer that takes nothing must not keep a connection that has lost its binding.
            Poll::Pending if seat.mark.take() && seat.is_lost() => Poll::Ready(Err(seat.end())),
            // Reading never waits for writing: two peers that do can wait for each other.
            Poll::Pending => poll_end(reader).map(Err),
        });
        if let Err(end) = written.await {
            return end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_puts_the_socket_off_once_and_not_twice() {
        let mut turn = Turn::Core;
        for _ in 0..3 {
            assert_eq!((turn.pass(true), turn.pass(true)), (Turn::Core, Turn::Socket));
        }
        assert_eq!((turn.pass(false), turn.pass(false)), (Turn::Socket, Turn::Socket));
        // A look at the socket alone gives the next mark its turn.
        assert_eq!((turn.pass(true), turn.pass(false)), (Turn::Core, Turn::Socket));
        assert_eq!(turn.pass(true), Turn::Core);
    }
}
