//! What a reading half knows beyond its octets: whether there may be more, whether the peer has
//! closed, and what the system can do for its deadlines.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{Interest, Ready};
use tokio::net::{tcp, unix};

use crate::net::alarm::open_keeper;
use crate::net::keep_alive::keep_alive;

/// What a reading half knows beyond its octets.
pub(crate) trait Half {
    /// Has the far deadlines of this runtime kept beside its sockets, if this is one.
    fn open_keeper();

    /// Has the system ask whether the peer's machine lives. `stall` is how long the peer may accept
    /// no octet, if that is limited.
    fn keep_alive(&self, stall: Option<Duration>) -> io::Result<()>;

    /// Tells whether the peer has closed, though not all that it sent was read.
    // spec: mux:liveness:withheld-shows-fin
    fn has_closed(&mut self, cx: &mut Context<'_>) -> bool;

    /// Waits until a read might have an outcome. One that did not fill its buffer has emptied the
    /// socket, and no further one is needed to know that.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

impl Half for tcp::ReadHalf<'_> {
    fn open_keeper() {
        open_keeper();
    }

    fn keep_alive(&self, stall: Option<Duration>) -> io::Result<()> {
        keep_alive(self.as_ref(), stall)
    }

    fn has_closed(&mut self, cx: &mut Context<'_>) -> bool {
        closed(&pin!(self.ready(Interest::READABLE)).poll(cx))
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.as_ref().poll_read_ready(cx).map(drop)
    }
}

/// A process on this machine that goes away closes its sockets.
impl Half for unix::ReadHalf<'_> {
    fn open_keeper() {
        open_keeper();
    }

    fn keep_alive(&self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn has_closed(&mut self, cx: &mut Context<'_>) -> bool {
        closed(&pin!(self.ready(Interest::READABLE)).poll(cx))
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.as_ref().poll_read_ready(cx).map(drop)
    }
}

fn closed(ready: &Poll<io::Result<Ready>>) -> bool {
    matches!(ready, Poll::Ready(Ok(ready)) if ready.is_read_closed())
}
