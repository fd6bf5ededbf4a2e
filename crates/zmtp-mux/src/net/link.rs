//! The life of one accepted connection: handshake, traffic, end.

use tokio::io::{AsyncRead, AsyncWrite};
use tracing::field::display;
use tracing::{debug, info};

use crate::net::end::End;
use crate::net::guest::Guest;
use crate::net::handshake::{Settled, Shaking};
use crate::net::linger::linger;
use crate::net::mux::Listen;
use crate::net::reader::Reader;
use crate::net::stream::Stream;
use crate::net::traffic;
use crate::net::writer::Writer;

/// Serves a connection until it ends.
pub(crate) async fn serve(guest: Guest, mut stream: Stream, listen: &Listen) {
    let end = match &mut stream {
        Stream::Tcp(stream) => {
            let (read, write) = stream.split();
            converse(&guest, read, write, listen).await
        }
        Stream::Unix(stream) => {
            let (read, write) = stream.split();
            converse(&guest, read, write, listen).await
        }
    };
    guest.shared.note_end(&end);
}

async fn converse<R, W>(guest: &Guest, mut read: R, mut write: W, listen: &Listen) -> End
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    // In a box, so that the connection does not carry the room for it through its life.
    let shaking = Shaking::new(&mut read, &mut write, guest.shared.link_limits);
    let Settled { seat, socket_type, name, opening } =
        match Box::pin(shaking.settle(guest, listen)).await {
            Ok(settled) => settled,
            Err(end) => {
                debug!(role = listen.role.name(), %end, "handshake failed");
                return end;
            }
        };
    let shown = name.as_ref().map(display);
    info!(role = listen.role.name(), %socket_type, name = shown, "peer up");
    let reader = Reader::new(&mut read, &seat, opening);
    let end = traffic::run(reader, Writer::new(&mut write, &seat), &seat).await;
    if end == End::MuxEnds {
        Box::pin(linger(&mut read, &mut write)).await;
    }
    let shown = name.as_ref().map(display);
    info!(role = listen.role.name(), %socket_type, name = shown, %end, "peer down");
    end
}
