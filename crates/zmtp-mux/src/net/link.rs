//! The life of one accepted connection: handshake, traffic, end.

use tokio::io::{AsyncRead, AsyncWrite};
use tracing::field::display;
use tracing::{debug, info};
use zmtp_proto::Version;

use crate::net::authenticator::PeerAddress;
use crate::net::end::End;
use crate::net::guest::Guest;
use crate::net::handshake::{Settled, Shaking};
use crate::net::keep_alive::Socket;
use crate::net::linger::linger;
use crate::net::mux::Listen;
use crate::net::reader::Reader;
use crate::net::stream::Stream;
use crate::net::traffic;
use crate::net::writer::Writer;

/// Serves a connection until it ends.
pub(crate) async fn serve(guest: Guest, mut stream: Stream, listen: &Listen) {
    let address = stream.peer_address();
    let end = match &mut stream {
        Stream::Tcp(stream) => {
            let (read, write) = stream.split();
            converse(&guest, read, write, listen, address).await
        }
        Stream::Unix(stream) => {
            let (read, write) = stream.split();
            converse(&guest, read, write, listen, address).await
        }
    };
    guest.shared.note_end(&end);
}

async fn converse<R, W>(
    guest: &Guest,
    mut read: R,
    mut write: W,
    listen: &Listen,
    address: PeerAddress,
) -> End
where
    R: AsyncRead + Socket + Unpin,
    W: AsyncWrite + Unpin,
{
    // In a box, so that the connection does not carry the room for it through its life.
    let shaken = Box::pin(async {
        let mut shaking = Shaking::new(&mut read, &mut write, guest, listen, address)?;
        shaking.settle().await
    });
    let Settled { seat, socket_type, name, principal, version, opening, outlet } =
        match shaken.await {
            Ok(settled) => settled,
            Err(end) => {
                debug!(role = listen.role.name(), ?address, %end, "handshake failed");
                return end;
            }
        };
    if version == Version::V3_0
        && let Err(error) = read.keep_alive()
    {
        debug!(%error, "the system does not ask for signs of life");
    }
    let shown = name.as_ref().map(display);
    info!(role = listen.role.name(), %socket_type, name = shown, %principal, "peer up");
    let reader = Reader::new(&mut read, &seat, opening);
    let end = traffic::run(reader, Writer::new(&mut write, &seat, outlet), &seat).await;
    seat.note_end(&end);
    if matches!(end, End::MuxEnds | End::Takeover) {
        Box::pin(linger(&mut read, &mut write)).await;
    }
    let shown = name.as_ref().map(display);
    info!(role = listen.role.name(), %socket_type, name = shown, %end, "peer down");
    end
}
