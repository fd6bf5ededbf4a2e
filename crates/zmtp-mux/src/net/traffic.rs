//! A connection in traffic: one task that reads and writes.
//!
//! | state   | on               | does                                            | becomes |
//! |---------|------------------|-------------------------------------------------|---------|
//! | asleep  | octets           | reads and routes                                | asleep  |
//! | asleep  | mark             | lets the tasks that are ready run first         | writing |
//! | writing | socket takes all | reports it                                      | asleep  |
//! | writing | socket is full   | reads and routes meanwhile                      | writing |
//! | any     | end, failure     |                                                 | ended   |
//!
//! A destination is marked, and its task woken, by the first message of a batch. That task then
//! lets the other readers that are ready run first, and writes at once all that they brought:
//! with many services this is what a busy MUX saves most by.

use std::future::poll_fn;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;

use crate::net::end::End;
use crate::net::guest::Seat;
use crate::net::reader::Reader;
use crate::net::writer::Writer;

/// Why the connection is looked at.
enum Woken {
    /// There is something to write.
    Marked,
    Ended(End),
}

/// Reads and writes until the connection ends, and says why it does.
pub(crate) async fn run<R, W>(
    mut reader: Reader<'_, R>,
    mut writer: Writer<'_, W>,
    seat: &Seat,
) -> End
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    if let Err(error) = reader.route_inbox() {
        return error.into();
    }
    loop {
        let woken = poll_fn(|cx| {
            // With a mark the socket's turn comes after the write, with all that came meanwhile.
            if seat.mark.take() {
                return Poll::Ready(Woken::Marked);
            }
            reader.poll_end(cx).map(Woken::Ended)
        });
        if let Woken::Ended(end) = woken.await {
            return end;
        }
        yield_now().await;
        let written = poll_fn(|cx| match writer.poll_write_all(cx) {
            Poll::Ready(outcome) => Poll::Ready(outcome),
            // Reading never waits for writing: two peers that do can wait for each other.
            Poll::Pending => reader.poll_end(cx).map(Err),
        });
        if let Err(end) = written.await {
            return end;
        }
        // Whoever is sent messages without end is heard all the same.
        if let Poll::Ready(end) = poll_fn(|cx| Poll::Ready(reader.poll_end(cx))).await {
            return end;
        }
    }
}
