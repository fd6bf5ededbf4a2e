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
