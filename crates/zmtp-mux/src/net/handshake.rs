//! The handshake of a connection that was accepted, up to its decision.
//!
//! ```text
//! hear out ──► (PLAIN: judge the password ──► hear out) ──► judge the peer ──► core decides ──► READY
//! ```

use std::future::poll_fn;
use std::io;
use std::mem;
use std::task::Poll;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};
use tracing::warn;
use zmtp_proto::{
    Connection, Credentials as Shown, Event, Local, Outlet, Peer, PlainCredentials, SocketType,
    Version,
};

use crate::core::{Admission, Held, Introduction, Name, Origin, Principal, Share, Standing, Token};
use crate::net::authenticator::{Admittance, Claim, Credentials, PeerAddress, Verdict};
use crate::net::chance::draw;
use crate::net::clock::{after, now, wall};
use crate::net::end::End;
use crate::net::guest::{Bound, Guest, Seat};
use crate::net::linger::{LINGER_MAX, linger};
use crate::net::link::{Caller, Journal, Topic};
use crate::net::mux::Listen;
use crate::net::reader::Opening;
use crate::net::shared::Kind;

use self::blame::{Step, why_denied};
use self::metadata::{announcements, notices};

mod blame;
mod metadata;

/// A connection whose peer is in.
pub(crate) struct Settled {
    pub(crate) seat: Seat,
    pub(crate) socket_type: SocketType,
    /// The name that it holds; what it announced is not kept.
    pub(crate) name: Option<Name>,
    /// Which holder of the name it is, as a service.
    pub(crate) generation: Option<u64>,
    pub(crate) principal: Principal,
    pub(crate) version: Version,
    pub(crate) opening: Opening,
    pub(crate) outlet: Outlet,
}

/// What a peer in a handshake has said.
enum Heard {
    Password(PlainCredentials),
    Peer(Peer),
    Nothing,
}

/// A handshake in progress, over both halves of a stream.
pub(crate) struct Shaking<'s, R, W> {
    read: &'s mut R,
    write: &'s mut W,
    guest: &'s Guest,
    listen: &'s Listen,
    journal: &'s Journal,
    caller: Caller,
    connection: Connection,
    inbox: BytesMut,
    deadline: Instant,
    step: Step,
}

impl<'s, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Shaking<'s, R, W> {
    /// # Errors
    ///
    /// The system has no random octets to give.
    pub(crate) fn new(
        read: &'s mut R,
        write: &'s mut W,
        guest: &'s Guest,
        (listen, journal): (&'s Listen, &'s Journal),
        caller: Caller,
    ) -> Result<Self, End> {
        let security = listen.security.server().map_err(|error| End::Failed(error.kind()))?;
        let settings = guest.shared.link;
        let connection = Connection::acceptor(security, settings, now());
        let deadline = after(settings.limits.handshake_time);
        let (inbox, step) = (BytesMut::new(), Step::Nothing);
        Ok(Self { read, write, guest, listen, journal, caller, connection, inbox, deadline, step })
    }

    /// Hears the peer out, has it judged, lets the core decide, and acts on it.
    ///
    /// # Errors
    ///
    /// Why the connection ends instead, which the log says.
    pub(crate) async fn settle(&mut self) -> Result<Settled, End> {
        let settled = self.try_settle().await;
        match &settled {
            // Said before the peer was told, which may take its time to read that.
            Ok(_) | Err(End::Denied | End::Refused(_)) => {}
            Err(end) => self.tell(end, self.detail(end), None, None),
        }
        settled
    }

    async fn try_settle(&mut self) -> Result<Settled, End> {
        let (guest, listen) = (self.guest, self.listen);
        let peer = self.hear_out().await?;
        let principal = self.judge_peer(&peer).await?;
        guest.shared.introduce(guest.ticket).map_err(|_| End::MadeWay)?;
        // spec: mux:name:given-to-nameless
        let notices = notices(&peer, listen);
        let name = Name::from_identity(peer.identity).or_else(|| listen.name.clone());
        let introduction = Introduction {
            listener: listen.role,
            socket_type: peer.socket_type,
            version: peer.version,
            name: name.clone(),
            principal: principal.clone(),
            token: Token(draw().map_err(|error| End::Failed(error.kind()))?),
            share: self.share(&principal),
            notices,
            metadata: peer.metadata,
        };
        let admission =
            guest.shared.with_core(|core| core.handle_introduction(introduction, now(), wall()));
        let (seat, announced, standing) = match admission {
            Admission::Admitted { key, announced, standing } => {
                (Bound::new(&guest.shared, key).seat().await, announced, standing)
            }
            Admission::Held { key, announced, until } => {
                self.tell_of_wait(name.as_ref());
                let seat = Bound::new(&guest.shared, key).seat().await;
                let generation =
                    Box::pin(self.wait_for_name(&seat, Instant::from_std(until))).await?;
                (seat, announced, Standing::Service { generation })
            }
            // spec: 37:errors:other-trouble-closes, 37:errors:close-is-temporary
            Admission::Refused(refusal) => {
                let end = End::Refused(refusal);
                self.tell(&end, "", Some(&principal), name.as_ref());
                self.refuse(refusal.reason()).await;
                return Err(end);
            }
            Admission::Dismissed => return Err(End::Dismissed),
        };
        if standing == Standing::Nameless {
            self.tell_of_no_name();
        }
        let (version, socket_type) = (peer.version, peer.socket_type);
        // Not what it claims to be called.
        let name = guest.shared.with_core(|core| core.name(seat.key).cloned());
        let generation = standing.generation();
        let (opening, outlet) = Box::pin(self.complete(&seat, announced, standing)).await?;
        Ok(Settled { seat, socket_type, name, generation, principal, version, opening, outlet })
    }

    /// Returns whose share of the queues the messages of a peer are of. A principal that nobody but
    /// the peer names has none of its own: it could make up as many as it likes.
    // spec: mux:overload:source
    fn share(&self, principal: &Principal) -> Share {
        match (&self.listen.admittance, principal, self.caller.address) {
            (Admittance::By(_), Principal::User(_) | Principal::Key(_), _) => {
                Share::Of(principal.clone())
            }
            (_, _, PeerAddress::Ip(address))
                if self.guest.shared.with_lobby(|lobby| lobby.is_limited(address)) =>
            {
                Share::At(Origin::of(Some(address)))
            }
            _ => Share::Own,
        }
    }

    /// Reads until the peer has introduced itself.
    async fn hear_out(&mut self) -> Result<Peer, End> {
        self.flush(self.deadline).await?;
        loop {
            loop {
                let progress = match self.connection.handle_input(&self.inbox, now()) {
                    Ok(Some(progress)) => progress,
                    Ok(None) => break,
                    Err(error) => return Err(error.into()),
                };
                let consumed = progress.consumed;
                let heard = match progress.event {
                    Some(Event::Credentials(credentials)) => Heard::Password(credentials),
                    Some(Event::Introduced(peer)) => Heard::Peer(peer),
                    Some(_) | None => Heard::Nothing,
                };
                self.inbox.advance(consumed);
                self.step = self.step.next();
                match heard {
                    Heard::Password(credentials) => self.judge_password(&credentials).await?,
                    Heard::Peer(peer) => return Ok(peer),
                    Heard::Nothing => {}
                }
            }
            self.flush(self.deadline).await?;
            self.read_some().await?;
        }
    }

    /// Reads once. The buffer grows with what arrives, and not by doubling: before the peer is
    /// known, little is held for it.
    // spec: 37:handshake:memory-bounded, 26:curve:bounded-before-vouch
    async fn read_some(&mut self) -> Result<(), End> {
        grow(&mut self.inbox);
        match timeout_at(self.deadline, self.read.read_buf(&mut self.inbox)).await {
            Ok(Ok(0)) => Err(self.left()),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(End::Failed(error.kind())),
            Err(_) => Ok(self.connection.handle_timeout(now())?),
        }
    }

    /// Has a PLAIN peer judged by its password alone, as soon as that is there.
    // spec: 24:plain:credentials-at-hello
    async fn judge_password(&mut self, credentials: &PlainCredentials) -> Result<(), End> {
        let credentials = Credentials::Password(credentials);
        self.judge(Claim { address: self.caller.address, credentials, introduction: None }).await?;
        self.connection.welcome()?;
        Ok(())
    }

    /// Has a peer judged that has introduced itself.
    async fn judge_peer(&mut self, peer: &Peer) -> Result<Principal, End> {
        let credentials = match &peer.credentials {
            Shown::Plain { user } => Credentials::User(user),
            Shown::Curve(key) => Credentials::Key(*key),
            Shown::None => Credentials::None,
            // Security that this code does not know convinces nobody.
            _ => return Err(End::Denied),
        };
        let introduction = Some((&peer.identity, &peer.metadata));
        let address = self.caller.address;
        self.judge(Claim { address, credentials, introduction }).await
    }

    // spec: 37:auth:delay-never-admits, 37:auth:refused-for-now-silent,
    //       37:auth:refused-for-good-error
    async fn judge(&mut self, claim: Claim<'_>) -> Result<Principal, End> {
        let limit = after(self.guest.shared.verdict_time);
        let begun = Instant::now();
        let verdict = timeout_at(limit, self.listen.admittance.judge(claim)).await;
        // The clock of the handshake stands still while our own side decides.
        self.deadline = self.deadline.checked_add(begun.elapsed()).unwrap_or(self.deadline);
        match verdict {
            Ok(Verdict::Accept(principal)) => Ok(principal),
            Ok(Verdict::Refuse(reason)) => {
                let why = why_denied(&reason, claim.credentials);
                self.tell(&End::Denied, why, Some(&claim.principal()), None);
                self.refuse(&reason).await;
                Err(End::Denied)
            }
            Ok(Verdict::RefuseForNow) => Err(End::DeniedForNow),
            Err(_) => {
                if let Some(more) = self.journal.allow(Topic::Fault, self.caller.address) {
                    warn!("no verdict within {:?}{more}", self.guest.shared.verdict_time);
                }
                Err(End::NoVerdict)
            }
        }
    }

    /// Keeps the peer waiting, without an answer, until its name falls free or the time is over.
    /// Returns which holder of a name it is now.
    async fn wait_for_name(&mut self, seat: &Seat, mut until: Instant) -> Result<u64, End> {
        let decided = async {
            loop {
                let marked =
                    poll_fn(|_| if seat.mark.take() { Poll::Ready(()) } else { Poll::Pending });
                if timeout_at(until, marked).await.is_err() {
                    // What the holder has sent is read before its silence is judged.
                    yield_now().await;
                }
                match seat.shared.with_core(|core| core.poll_held(seat.key, now())) {
                    Held::Waiting { until: next } => until = Instant::from_std(next),
                    Held::Admitted { generation } => return Ok(generation),
                    Held::Over => return Err(End::NameHeld),
                    Held::End => return Err(End::MuxEnds),
                }
            }
        };
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
        }
    }

    /// Sends our READY.
    async fn complete(
        &mut self,
        seat: &Seat,
        announced: SocketType,
        standing: Standing,
    ) -> Result<(Opening, Outlet), End> {
        // spec: mux:role:own-identity
        let identity = self.listen.identity.clone();
        let mut local = Local::new(seat.shared.kind.announced(announced)).with_identity(identity);
        if seat.shared.kind == Kind::Relay {
            local.extra = announcements(standing);
        }
        self.connection.accept(&local, now())?;
        let deadline = after(seat.shared.link.limits.handshake_time);
        self.flush(deadline).await?;
        let nameless_until = match standing {
            Standing::Client | Standing::Service { .. } => None,
            Standing::Nameless => Some(self.deadline),
        };
        let (traffic, outlet) = self.connection.take_halves()?;
        Ok((Opening { traffic, inbox: mem::take(&mut self.inbox), nameless_until }, outlet))
    }

    /// Tells the peer for good, and gives it the time to read that.
    async fn refuse(&mut self, reason: &str) {
        self.connection.refuse(reason);
        if self.flush(after(LINGER_MAX)).await.is_ok() {
            // In a box, as all that comes late: the room for it would be in every handshake.
            Box::pin(linger(self.read, self.write)).await;
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

/// Makes room for one more read, and no more than that.
fn grow(inbox: &mut BytesMut) {
    if inbox.capacity() == inbox.len() {
        let mut larger = BytesMut::with_capacity(inbox.len().saturating_add(READ_LEN));
        larger.extend_from_slice(inbox);
        *inbox = larger;
    }
}

/// Octets read at once of a peer that shakes hands.
const READ_LEN: usize = 512;

/// Octets kept of a peer that waits for its name.
const HELD_INBOX_LEN_MAX: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// 37:handshake:memory-bounded, 26:curve:bounded-before-vouch.
    #[test]
    fn the_buffer_of_a_stranger_is_no_larger_than_what_arrived_and_one_read() {
        let mut inbox = BytesMut::new();
        // The longest command of all: an INITIATE with the most metadata, and its header.
        for arrived in 0..257 + 8192 + 9 {
            grow(&mut inbox);
            assert!(inbox.capacity() <= arrived + READ_LEN, "{} at {arrived}", inbox.capacity());
            inbox.extend_from_slice(b"x");
        }
        assert!(inbox.capacity() < 10 * 1024);
    }
}
