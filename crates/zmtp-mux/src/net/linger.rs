//! Closing so that the peer can read what was written last.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Ends our half, and gives the peer the time to read up to that and to close its own.
///
/// A socket closed with octets unread resets the connection, and a Unix socket closed at all makes
/// libzmq forget what it had not read yet; either way what was written last may be lost.
///
/// # Cancel safety
///
/// Cancel safe: it only ever waits.
// spec: 37:errors:sent-then-closed, mux:end:sigterm-flush
pub(crate) async fn linger<R, W>(read: &mut R, write: &mut W)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let closed = async {
        write.shutdown().await?;
        let mut discarded = [0; 1024];
        while read.read(&mut discarded).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    // Whatever comes of it, the connection is over.
    let _ = timeout(LINGER_MAX, closed).await;
}

/// How long a peer may take.
pub(crate) const LINGER_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;

    use tokio::io::{duplex, split};

    use super::*;

    /// 37:errors:sent-then-closed, mux:end:sigterm-flush.
    #[tokio::test]
    async fn our_half_ends_at_once_and_the_rest_when_the_peer_has_closed() {
        let (near, mut far) = duplex(64);
        let (mut read, mut write) = split(near);
        far.write_all(b"nobody heeds this").await.unwrap();
        let mut lingering = pin!(linger(&mut read, &mut write));
        let waits = poll_fn(|cx| Poll::Ready(lingering.as_mut().poll(cx).is_pending())).await;
        assert!(waits, "it closes before the peer does");
        let half_closed = async { assert_eq!(far.read(&mut [0]).await.unwrap(), 0) };
        timeout(LINGER_MAX / 2, half_closed).await.expect("our half has ended");
        // What still arrives is read, too.
        far.write_all(&[7; 64]).await.unwrap();
        drop(far);
        timeout(LINGER_MAX / 2, lingering).await.expect("the peer has closed");
    }
}
