//! The handshake of a connection that was accepted, up to its decision.

use std::future::poll_fn;
use std::io;
use std::task::Poll;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::info;
use zmtp_proto::{Connection, Event, Limits, Local, Peer, SocketType};

use crate::core::{Admission, Held, Introduction, Name, Standing, Token};
use crate::net::chance::draw;
use crate::net::clock::{after, now};
use crate::net::end::End;
use crate::net::guest::{Guest, Seat};
use crate::net::linger::{LINGER_MAX, linger};
use crate::net::mux::Listen;
use crate::net::reader::Opening;

/// A connection whose peer is in.
pub(crate) struct Settled {
    pub(crate) seat: Seat,
    pub(crate) socket_type: SocketType,
    /// The name that it announced or was given; what else it announced is not kept.
    pub(crate) name: Option<Name>,
    pub(crate) opening: Opening,
}

/// A handshake in progress, over both halves of a stream.
pub(crate) struct Shaking<'s, R, W> {
    read: &'s mut R,
    write: &'s mut W,
    connection: Connection,
    inbox: BytesMut,
    deadline: Instant,
}

impl<'s, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Shaking<'s, R, W> {
    pub(crate) fn new(read: &'s mut R, write: &'s mut W, limits: Limits) -> Self {
        let connection = Connection::acceptor(limits, now());
        let deadline = after(limits.handshake_time);
        Self { read, write, connection, inbox: BytesMut::new(), deadline }
    }

    /// Hears the peer out, lets the core decide, and acts on it.
    ///
    /// # Errors
    ///
    /// Why the connection ends instead.
    pub(crate) async fn settle(mut self, guest: &Guest, listen: &Listen) -> Result<Settled, End> {
        let peer = self.hear_out().await?;
        guest.shared.introduce(guest.ticket).map_err(|_| End::MadeWay)?;
        // spec: mux:name:given-to-nameless
        let name = Name::from_identity(peer.identity).or_else(|| listen.name.clone());
        let introduction = Introduction {
            listener: listen.role,
            socket_type: peer.socket_type,
            name: name.clone(),
            token: Token(draw().map_err(|error| End::Failed(error.kind()))?),
        };
        let admission =
            guest.shared.with_core(|core| core.handle_introduction(introduction, now()));
        let (seat, announced, standing) = match admission {
            Admission::Admitted { key, announced, standing } => {
                (Seat::take(guest, key).await, announced, standing)
            }
            Admission::Held { key, announced, until } => {
                info!(name = name.as_ref().map(display), "another holds the name: it waits");
                let seat = Seat::take(guest, key).await;
                self.wait_for_name(&seat, Instant::from_std(until)).await?;
                (seat, announced, Standing::Full)
            }
            // spec: 37:errors:other-trouble-closes, 37:errors:close-is-temporary
            Admission::Refused(refusal) => {
                self.refuse(refusal.reason()).await;
                return Err(End::Refused(refusal));
            }
            Admission::Dismissed => return Err(End::Dismissed),
        };
        if standing == Standing::Nameless {
            info!("a service without a name may neither send nor receive: it needs an identity");
        }
        let opening = self.complete(&seat, announced, standing, listen).await?;
        Ok(Settled { seat, socket_type: peer.socket_type, name, opening })
    }

    /// Reads until the peer has introduced itself.
    async fn hear_out(&mut self) -> Result<Peer, End> {
        self.flush(self.deadline).await?;
        loop {
            while let Some(progress) = self.connection.handle_input(&self.inbox, now())? {
                let consumed = progress.consumed;
                let introduced = match progress.event {
                    Some(Event::Introduced(peer)) => Some(peer),
                    Some(Event::Established(_) | Event::Message(_)) | None => None,
                };
                self.inbox.advance(consumed);
                if let Some(peer) = introduced {
                    return Ok(peer);
                }
            }
            match timeout_at(self.deadline, self.read.read_buf(&mut self.inbox)).await {
                Ok(Ok(0)) => return Err(End::PeerLeft),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(End::Failed(error.kind())),
                Err(_) => {
                    self.connection.handle_timeout(now())?;
                }
            }
        }
    }

    /// Keeps the peer waiting, without an answer, until its name falls free or the time is over.
    async fn wait_for_name(&mut self, seat: &Seat, until: Instant) -> Result<(), End> {
        let decided = poll_fn(|_| {
            if !seat.mark.take() {
                return Poll::Pending;
            }
            match seat.shared.with_core(|core| core.poll_held(seat.key)) {
                Held::Waiting => Poll::Pending,
                Held::Admitted => Poll::Ready(Ok(())),
                Held::End => Poll::Ready(Err(End::MuxEnds)),
            }
        });
        let (read, inbox) = (&mut self.read, &mut self.inbox);
        let left = async {
            // What it sends meanwhile is kept, within reason, and looked at when it is in.
            while inbox.len() < HELD_INBOX_LEN_MAX {
                match read.read_buf(inbox).await {
                    Ok(0) => return End::PeerLeft,
                    Ok(_) => {}
                    Err(error) => return End::Failed(error.kind()),
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            biased;
            decided = decided => decided,
            end = left => Err(end),
            () = sleep_until(until) => Err(End::NameHeld),
        }
    }

    /// Sends our READY.
    async fn complete(
        mut self,
        seat: &Seat,
        announced: SocketType,
        standing: Standing,
        listen: &Listen,
    ) -> Result<Opening, End> {
        // spec: mux:role:own-identity
        let local = Local::new(announced).with_identity(listen.identity.clone());
        self.connection.accept(&local)?;
        let deadline = after(seat.shared.link_limits.handshake_time);
        self.flush(deadline).await?;
        let nameless_until = match standing {
            Standing::Full => None,
            Standing::Nameless => Some(self.deadline),
        };
        let traffic = self.connection.into_traffic()?;
        Ok(Opening { traffic, inbox: self.inbox, nameless_until })
    }

    /// Tells the peer for good, and gives it the time to read that.
    async fn refuse(&mut self, reason: &str) {
        self.connection.refuse(reason);
        if self.flush(after(LINGER_MAX)).await.is_ok() {
            linger(self.read, self.write).await;
        }
    }

    async fn flush(&mut self, deadline: Instant) -> Result<(), End> {
        while let Some(octets) = self.connection.poll_transmit() {
            match timeout_at(deadline, self.write.write_all(&octets)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(End::Failed(error.kind())),
                Err(_) => return Err(End::Failed(io::ErrorKind::TimedOut)),
            }
        }
        Ok(())
    }
}

/// Octets kept of a peer that waits for its name.
const HELD_INBOX_LEN_MAX: usize = 8 * 1024;
