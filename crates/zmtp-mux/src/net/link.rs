//! The life of one accepted connection: handshake, traffic, end.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tracing::field::display;
use tracing::{debug, info};
use zmtp_proto::{ConnectionError, Deadline, Outlet, Version};

use crate::net::end::End;
use crate::net::guest::{Guest, Seat};
use crate::net::handshake::{Settled, Shaking};
use crate::net::linger::linger;
use crate::net::mux::Listen;
use crate::net::reader::{Opening, Reader};
use crate::net::stream::{Half, Stream};
use crate::net::traffic;
use crate::net::writer::Writer;

pub(crate) use self::journal::{Caller, Failure, Journal, Plain, Topic};
pub(crate) use self::span::connection_span;
use self::span::note_peer_in_span;

mod journal;
mod span;

/// Serves a connection until it ends.
pub(crate) async fn serve(
    guest: Guest,
    mut stream: Stream,
    listen: Arc<Listen>,
    journal: Arc<Journal>,
) {
    let host = (&*listen, &*journal);
    let (number, role) = (journal.number(), listen.role.name());
    let caller = Caller { number, role, address: stream.peer_address() };
    caller.note_in_span();
    stream.limit_unsent(guest.shared.limits.unsent_mark);
    let end = match &mut stream {
        Stream::Tcp(stream) => {
            let (read, write) = stream.split();
            converse(&guest, read, write, host, caller).await
        }
        Stream::Unix(stream) => {
            let (read, write) = stream.split();
            converse(&guest, read, write, host, caller).await
        }
        Stream::Inproc(stream) => {
            let (read, write) = stream.split();
            converse(&guest, read, write, host, caller).await
        }
    };
    guest.note_end(&end);
}

async fn converse<R, W>(
    guest: &Guest,
    mut read: R,
    mut write: W,
    host: (&Listen, &Journal),
    caller: Caller,
) -> End
where
    R: AsyncRead + Half + Unpin,
    W: AsyncWrite + Unpin,
{
    // In a box, so that the connection does not carry the room for it through its life.
    let shaken = Box::pin(async {
        let mut shaking = Shaking::new(&mut read, &mut write, guest, host, caller)?;
        shaking.settle().await
    });
    let Settled { seat, socket_type, name, generation, principal, version, opening, outlet } =
        match shaken.await {
            Ok(settled) => settled,
            Err(end) => return end,
        };
    keep_alive(&read, &seat, version);
    let Caller { number: connection, role, address } = caller;
    let (shown, address) = (name.as_ref().map(display), Plain(address));
    note_peer_in_span(name.as_ref(), generation, &principal);
    let journal = host.1;
    if let Some(more) = journal.allow(Topic::Peer, address.0) {
        info!(
            connection,
            role,
            %address,
            %socket_type,
            name = shown,
            generation,
            %principal,
            "peer up{more}"
        );
    }
    // In a box as well, so that a stranger does not have the room for it before it is let in.
    let end = Box::pin(carry(&mut read, &mut write, &seat, (opening, outlet))).await;
    let shown = name.as_ref().map(display);
    if let Some(more) = journal.allow(Topic::Peer, address.0) {
        info!(connection, role, %address, %socket_type, name = shown, %end, "peer down{more}");
    }
    end
}

/// Has the system ask for signs of life where the protocol cannot.
pub(crate) fn keep_alive(read: &impl Half, seat: &Seat, version: Version) {
    if version == Version::V3_0
        && let stall = seat.shared.with_core(|core| core.treatment(seat.key)).write_stall
        && let Err(error) = read.keep_alive(stall)
    {
        debug!(%error, "the system does not ask for signs of life");
    }
}

/// Carries messages both ways until the connection ends, and says why it does.
pub(crate) async fn carry<R, W>(
    read: &mut R,
    write: &mut W,
    seat: &Seat,
    (opening, outlet): (Opening, Outlet),
) -> End
where
    R: AsyncRead + Half + Unpin,
    W: AsyncWrite + Unpin,
{
    let end = {
        let mut reader = Reader::new(read, seat, opening);
        let mut writer = Writer::new(write, seat, outlet);
        traffic::run(&mut reader, &mut writer, seat).await
    };
    let end = with_patience(end, seat);
    seat.note_end(&end);
    if matches!(end, End::MuxEnds | End::Takeover) {
        Box::pin(linger(read, write)).await;
    }
    end
}

/// Returns an end with the time that a silent peer was given: more than usual if it had something
/// to read.
// spec: mux:liveness:busy-service, mux:liveness:busy-client
fn with_patience(mut end: End, seat: &Seat) -> End {
    if let End::Broke(ConnectionError::Timeout { what: Deadline::Silence, limit }) = &mut end {
        *limit = seat.shared.with_core(|core| core.patience(seat.key)).max(*limit);
    }
    end
}
