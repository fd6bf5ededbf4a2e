//! Streams between handles in one process, and the names at which they meet.
//!
//! The octets are those of a socket, and so is all that is done with them; only the system has no
//! part in it. Both ends may live on different threads and runtimes.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf, duplex};
use tokio::sync::{mpsc, oneshot};

use crate::net::stream::Half;

/// One end of a stream.
#[derive(Debug)]
pub(crate) struct Inproc {
    read: ReadHalf,
    write: WriteHalf,
}

/// What arrives.
#[derive(Debug)]
pub(crate) struct ReadHalf {
    /// Of a pair of its own, of which one direction is used: so the halves need no lock between
    /// them, and dropping one ends that direction.
    octets: DuplexStream,
    /// Fails when the peer writes no more; `None` once it has.
    open: Option<oneshot::Receiver<()>>,
}

/// What is sent.
#[derive(Debug)]
pub(crate) struct WriteHalf {
    octets: DuplexStream,
    /// Dropped when we write no more, which the peer can see before it has read all.
    open: Option<oneshot::Sender<()>>,
}

impl Inproc {
    /// Returns the two ends of a stream.
    fn pair() -> (Self, Self) {
        let (near_write, far_read) = direction();
        let (far_write, near_read) = direction();
        (Self { read: near_read, write: near_write }, Self { read: far_read, write: far_write })
    }

    pub(crate) fn split(&mut self) -> (&mut ReadHalf, &mut WriteHalf) {
        (&mut self.read, &mut self.write)
    }
}

/// Returns both ends of one direction.
fn direction() -> (WriteHalf, ReadHalf) {
    let (from, to) = duplex(BUFFER_LEN);
    let (open, opened) = oneshot::channel();
    (WriteHalf { octets: from, open: Some(open) }, ReadHalf { octets: to, open: Some(opened) })
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().octets).poll_read(cx, buffer)
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().octets).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().octets).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.octets.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().octets).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let half = self.get_mut();
        half.open = None;
        Pin::new(&mut half.octets).poll_shutdown(cx)
    }
}

/// A handle in this process that goes away drops its end.
impl Half for &mut ReadHalf {
    /// There is none beside memory: the runtime may not wait for the system at all.
    fn open_keeper() {}

    fn keep_alive(&self, _: Option<std::time::Duration>) -> io::Result<()> {
        Ok(())
    }

    fn has_closed(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(open) = &mut self.open
            && Pin::new(open).poll(cx).is_ready()
        {
            self.open = None;
        }
        self.open.is_none()
    }

    fn poll_more(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// Accepts at a name, which falls free when this is dropped; who waits to be accepted is refused
/// then.
#[derive(Debug)]
pub(crate) struct Listener {
    waiting: mpsc::Receiver<Inproc>,
    name: String,
}

impl Listener {
    /// Takes a name.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AddrInUse`] if another listens there.
    // spec: mux:listen:inproc
    pub(crate) fn bind(name: &str) -> io::Result<Self> {
        let mut listeners = listeners();
        if listeners.contains_key(name) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (entry, waiting) = mpsc::channel(BACKLOG);
        listeners.insert(name.to_owned(), entry);
        Ok(Self { waiting, name: name.to_owned() })
    }

    /// Waits for the next stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no stream is lost.
    pub(crate) async fn accept(&mut self) -> io::Result<Inproc> {
        // The table holds the other side as long as this lives.
        self.waiting.recv().await.ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        listeners().remove(&self.name);
    }
}

/// Connects to whoever listens at `name`; waits while too many do so already.
///
/// # Errors
///
/// [`io::ErrorKind::ConnectionRefused`] if nobody does, or no more.
///
/// # Cancel safety
///
/// When dropped, nothing has happened.
// spec: mux:listen:inproc
pub(crate) async fn connect(name: &str) -> io::Result<Inproc> {
    let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
    let entry = listeners().get(name).cloned().ok_or_else(refused)?;
    let place = entry.reserve().await.map_err(|_| refused())?;
    let (near, far) = Inproc::pair();
    place.send(far);
    Ok(near)
}

fn listeners() -> MutexGuard<'static, BTreeMap<String, mpsc::Sender<Inproc>>> {
    // Each change to it is one call, so a panic elsewhere leaves it whole.
    LISTENERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who listens in this process. Invariant: exactly the names of the [`Listener`]s that live.
static LISTENERS: Mutex<BTreeMap<String, mpsc::Sender<Inproc>>> = Mutex::new(BTreeMap::new());

/// Octets that may be written in one direction before they are read.
const BUFFER_LEN: usize = 64 * 1024;

/// Streams at one name that wait to be accepted.
const BACKLOG: usize = 1024;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn is_pending<F: Future>(future: Pin<&mut F>) -> bool {
        let mut future = Some(future);
        poll_fn(|cx| Poll::Ready(future.take().unwrap().poll(cx).is_pending())).await
    }

    async fn sees_the_end(mut half: &mut ReadHalf) -> bool {
        poll_fn(|cx| Poll::Ready(half.has_closed(cx))).await
    }

    fn kind<T>(outcome: io::Result<T>) -> io::ErrorKind {
        outcome.err().expect("an error").kind()
    }

    /// mux:listen:inproc.
    #[tokio::test]
    async fn a_name_has_one_listener_and_falls_free_with_it() {
        let name = "a name that falls free";
        assert_eq!(kind(connect(name).await), io::ErrorKind::ConnectionRefused);
        let first = Listener::bind(name).unwrap();
        assert_eq!(kind(Listener::bind(name)), io::ErrorKind::AddrInUse);
        assert!(Listener::bind("another name").is_ok());
        // Accepted by nobody, and told so when its listener goes.
        let mut waits = connect(name).await.unwrap();
        drop(first);
        assert_eq!(waits.read.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(kind(connect(name).await), io::ErrorKind::ConnectionRefused);
        assert!(Listener::bind(name).is_ok());
    }

    /// mux:listen:inproc.
    #[tokio::test]
    async fn who_comes_when_too_many_wait_does_so_too_until_one_is_accepted() {
        let name = "a name that many want";
        let mut listener = Listener::bind(name).unwrap();
        let mut streams = Vec::new();
        for _ in 0..BACKLOG {
            streams.push(connect(name).await.unwrap());
        }
        let mut late = pin!(connect(name));
        assert!(is_pending(late.as_mut()).await);
        listener.accept().await.unwrap();
        let _late = late.await.unwrap();
        // And is refused when there is nobody any more.
        let mut later = pin!(connect(name));
        assert!(is_pending(later.as_mut()).await);
        drop(listener);
        assert_eq!(kind(later.await), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn a_direction_holds_so_many_octets_and_no_more() {
        let (mut near, mut far) = Inproc::pair();
        near.write.write_all(&vec![1; BUFFER_LEN]).await.unwrap();
        let mut more = pin!(near.write.write_all(&[2]));
        assert!(is_pending(more.as_mut()).await);
        far.read.read_exact(&mut vec![0; BUFFER_LEN]).await.unwrap();
        more.await.unwrap();
        // The other direction knows nothing of it.
        far.write.write_all(&[3]).await.unwrap();
        assert_eq!(near.read.read_u8().await.unwrap(), 3);
    }

    /// mux:liveness:withheld-shows-fin.
    #[tokio::test]
    async fn an_end_is_seen_before_all_is_read_and_nothing_is_lost() {
        let (near, mut far) = Inproc::pair();
        let (mut read, mut write) = (near.read, near.write);
        write.write_all(b"last").await.unwrap();
        assert!(!sees_the_end(&mut far.read).await);
        write.shutdown().await.unwrap();
        assert!(sees_the_end(&mut far.read).await && sees_the_end(&mut far.read).await);
        let mut octets = Vec::new();
        far.read.read_to_end(&mut octets).await.unwrap();
        assert_eq!(octets, b"last");
        // Half an end is not a whole one.
        far.write.write_all(b"x").await.unwrap();
        assert_eq!(read.read_u8().await.unwrap(), b'x');
        drop(read);
        assert_eq!(kind(far.write.write_all(b"x").await), io::ErrorKind::BrokenPipe);
        let (near, mut far) = Inproc::pair();
        drop(near);
        assert!(sees_the_end(&mut far.read).await);
    }
}
