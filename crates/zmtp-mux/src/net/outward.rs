//! A connection that we dial, and dial again when it ends, as far as that makes sense.
//!
//! | the last end was      | then                                       |
//! |-----------------------|--------------------------------------------|
//! | temporary             | waits, longer each time, and dials         |
//! | a broken protocol     | waits long, and dials                      |
//! | a refusal for good    | gives up                                   |
//! | of our own side       | is over                                    |

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{Instrument, Span, debug, debug_span, info, warn};
use zmtp_proto::{
    Backoff, Connection, ConnectionError, Event, Local, Next, Outlet, Peer, SocketType, Version,
};

use crate::core::{Introduction, ListenerRole, Notices, Principal, Share, Token};
use crate::net::bell::Bell;
use crate::net::chance::draw;
use crate::net::clock::{after, now};
use crate::net::dealer::{DealerError, DealerOptions};
use crate::net::end::End;
use crate::net::endpoint::Endpoint;
use crate::net::guest::Bound;
use crate::net::link::{carry, keep_alive};
use crate::net::reader::Opening;
use crate::net::security::DialSecurity;
use crate::net::shared::Shared;
use crate::net::stream::Stream;

/// What is dialled, and for whom.
#[derive(Debug)]
pub(crate) struct Outward {
    pub(crate) shared: Arc<Shared>,
    pub(crate) endpoint: Endpoint,
    pub(crate) options: DealerOptions,
    /// What we announce.
    pub(crate) socket_type: SocketType,
    pub(crate) line: Arc<Line>,
}

/// Whether it is still worth while to wait for a connection.
#[derive(Debug)]
pub(crate) struct Line {
    /// Why there will be no connection any more, until somebody is told.
    over: OnceLock<Mutex<Option<DealerError>>>,
    /// When to dial again at the earliest, as the peer has asked for.
    not_before: Mutex<Option<Instant>>,
    bell: Arc<Bell>,
}

/// A connection whose handshake is done and whose peer is in: what is sent to it is queued.
pub(crate) struct Shaken {
    stream: Stream,
    bound: Bound,
    socket_type: SocketType,
    version: Version,
    opening: Opening,
    outlet: Outlet,
}

/// Whether the peer has said anything in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Nothing,
    Something,
}

impl Heard {
    /// Returns what it means that the peer closes now.
    fn why_closed(self) -> DealerError {
        match self {
            Self::Nothing => io::Error::from(io::ErrorKind::UnexpectedEof).into(),
            Self::Something => DealerError::LetGo,
        }
    }
}

/// How many connections in a row the peer has ended soon.
#[derive(Debug, Default)]
struct Contest(u32);

impl Contest {
    /// Takes in how a connection ended, and returns whether somebody should be told: once, until one
    /// lives longer.
    // spec: mux:service:contested
    fn is_to_be_told(&mut self, end: &End, lived: Duration) -> bool {
        let is_lost = matches!(end, End::PeerLeft | End::Failed(_)) && lived < CONTESTED;
        self.0 = if is_lost { self.0.saturating_add(1) } else { 0 };
        self.0 == CONTESTED_TOLD
    }
}

impl Line {
    /// Makes a line that rings when it is over.
    pub(crate) fn new(bell: Arc<Bell>) -> Self {
        Self { over: OnceLock::new(), not_before: Mutex::default(), bell }
    }

    /// Dials no sooner than in so much time.
    pub(crate) fn hold_off(&self, time: Duration) {
        *self.not_before.lock().unwrap_or_else(PoisonError::into_inner) = Some(after(time));
    }

    /// Returns how much of that time is left, once.
    fn take_hold(&self) -> Duration {
        let until = self.not_before.lock().unwrap_or_else(PoisonError::into_inner).take();
        until.map(|until| until.saturating_duration_since(Instant::now())).unwrap_or_default()
    }

    /// Returns why there will be no connection any more, if that is so: the first who asks is told
    /// the last end, all others that it was final.
    pub(crate) fn over(&self) -> Option<DealerError> {
        let untold = self.over.get()?.lock().unwrap_or_else(PoisonError::into_inner).take();
        Some(untold.unwrap_or(DealerError::GivenUp))
    }

    /// Tells whether there will be no connection any more, without taking the reason.
    pub(crate) fn is_over(&self) -> bool {
        self.over.get().is_some()
    }

    fn end(&self, why: DealerError) {
        self.over.get_or_init(|| Mutex::new(Some(why)));
        self.bell.ring();
    }
}

impl Outward {
    /// Serves `first`, if there is one already, then dials as long as that makes sense.
    pub(crate) async fn run(self, first: Option<Shaken>) {
        let mut backoff = Backoff::new(self.options.reconnect);
        let mut contest = Contest::default();
        let mut shaken = first;
        loop {
            let ended = match shaken.take() {
                None => match Box::pin(self.shake()).await {
                    Ok(next) => {
                        shaken = Some(next);
                        continue;
                    }
                    Err(error) => error,
                },
                Some(shaken) => {
                    let since = Instant::now();
                    let span = self.span();
                    // In a box, so that who wants no span has no room for one.
                    let end = if span.is_disabled() {
                        self.serve(shaken).await
                    } else {
                        Box::pin(self.serve(shaken).instrument(span)).await
                    };
                    self.shared.note_end(&end);
                    backoff.succeeded(since.elapsed());
                    if contest.is_to_be_told(&end, since.elapsed()) {
                        self.tell_of_contest();
                    }
                    match reason(end) {
                        Some(error) => error,
                        None => return,
                    }
                }
            };
            // Without chance there is the middle.
            let chance = draw().map_or(u64::MAX / 2, u64::from_ne_bytes);
            // spec: 37:errors:no-retry-after-refusal, 37:dial:name-resolved-anew
            match backoff.next(ended.retry(), chance) {
                Next::After(wait) => {
                    let wait = wait.max(self.line.take_hold());
                    debug!(endpoint = %self.endpoint, error = %ended, ?wait, "not connected");
                    sleep(wait).await;
                }
                Next::GiveUp => return self.finish(ended),
            }
        }
    }

    /// Says why a name may come and go: its two holders do not hear of each other.
    // spec: mux:service:contested
    fn tell_of_contest(&self) {
        let Self { endpoint, options, .. } = self;
        if !options.identity.is_anonymous() {
            warn!(
                %endpoint, identity = %options.identity,
                "the peer ends each connection soon: does another with our key take our name over?"
            );
        }
    }

    fn finish(&self, why: DealerError) {
        self.line.end(why);
        self.shared.room.ring();
    }

    /// Dials, shakes hands and lets the peer in, once.
    pub(crate) async fn shake(&self) -> Result<Shaken, DealerError> {
        let Self { endpoint, options, .. } = self;
        let mut local = Local::new(self.socket_type).with_identity(options.identity.clone());
        local.extra.clone_from(&options.metadata);
        let dialled = options.dial.dial(endpoint).await;
        let mut stream =
            dialled.map_err(|error| DealerError::Dial { endpoint: endpoint.clone(), error })?;
        let security = options.security.client()?;
        let mut connection = Connection::connector(local, security, options.settings, now());
        let mut inbox = BytesMut::new();
        let mut heard = Heard::Nothing;
        loop {
            let deadline = connection.poll_timeout().map_or_else(|| after(LONG), Instant::from_std);
            let step = async {
                let peer = take(&mut connection, &mut inbox)?;
                // The peer may have been quicker than our own READY.
                while let Some(octets) = connection.poll_transmit() {
                    stream.write_all(&octets).await?;
                }
                if peer.is_none() {
                    if stream.read_buf(&mut inbox).await? == 0 {
                        return Err(heard.why_closed());
                    }
                    heard = Heard::Something;
                }
                Ok::<_, DealerError>(peer)
            };
            let Ok(step) = timeout_at(deadline, step).await else {
                connection.handle_timeout(now())?;
                continue;
            };
            let peer = step?;
            if let Some(peer) = peer {
                let (traffic, outlet) = connection.take_halves()?;
                let opening = Opening { traffic, inbox, nameless_until: None };
                let (socket_type, version) = (peer.socket_type, peer.version);
                let bound = self.admit(peer)?;
                return Ok(Shaken { stream, bound, socket_type, version, opening, outlet });
            }
        }
    }

    // spec: mux:connect:in-at-return
    fn admit(&self, peer: Peer) -> Result<Bound, DealerError> {
        let introduction = Introduction {
            listener: ListenerRole::Any,
            socket_type: peer.socket_type,
            version: peer.version,
            principal: self.principal(),
            name: None,
            token: Token(draw()?),
            share: Share::Own,
            notices: Notices::NotTaken,
            metadata: peer.metadata,
        };
        let admitted = self.shared.with_core(|core| core.handle_dialled(introduction, now()));
        let key = admitted.ok_or_else(|| {
            let is_serving = self.shared.with_core(|core| core.is_serving());
            let end = if is_serving { End::Dismissed } else { End::MuxEnds };
            self.shared.note_end(&end);
            reason(end).unwrap_or(DealerError::GivenUp)
        })?;
        Ok(Bound::new(&self.shared, key))
    }

    /// Carries messages over a connection until it ends.
    async fn serve(&self, shaken: Shaken) -> End {
        let Shaken { mut stream, bound, socket_type, version, opening, outlet } = shaken;
        let seat = bound.seat().await;
        info!(endpoint = %self.endpoint, %socket_type, "connected");
        let halves = (opening, outlet);
        let end = match &mut stream {
            Stream::Tcp(stream) => {
                let (mut read, mut write) = stream.split();
                keep_alive(&read, &seat, version);
                carry(&mut read, &mut write, &seat, halves).await
            }
            Stream::Unix(stream) => {
                let (mut read, mut write) = stream.split();
                carry(&mut read, &mut write, &seat, halves).await
            }
            Stream::Inproc(stream) => {
                let (mut read, mut write) = stream.split();
                carry(&mut read, &mut write, &seat, halves).await
            }
        };
        info!(endpoint = %self.endpoint, %end, "disconnected");
        end
    }

    /// Returns the span of a connection: none unless somebody asks for `debug`, as of one that was
    /// accepted.
    // spec: mux:log:span
    fn span(&self) -> Span {
        let Self { endpoint, options, .. } = self;
        debug_span!("connection", %endpoint, identity = %options.identity)
    }

    /// Returns whom the peer acts for: under CURVE it has shown that it is the server we mean.
    fn principal(&self) -> Principal {
        match &self.options.security {
            DialSecurity::Curve { server, .. } => Principal::Key(*server),
            DialSecurity::Null | DialSecurity::Plain(_) => Principal::None,
        }
    }
}

/// However it comes about that nobody dials any more, be it that the runtime ends, whoever waits for a
/// connection is told.
impl Drop for Outward {
    fn drop(&mut self) {
        self.finish(DealerError::GivenUp);
    }
}

/// Takes what has arrived, up to the end of the handshake.
fn take(
    connection: &mut Connection,
    inbox: &mut BytesMut,
) -> Result<Option<Peer>, ConnectionError> {
    while let Some(progress) = connection.handle_input(inbox, now())? {
        let consumed = progress.consumed;
        let established = match progress.event {
            Some(Event::Established(peer)) => Some(peer),
            Some(_) | None => None,
        };
        inbox.advance(consumed);
        if established.is_some() {
            return Ok(established);
        }
    }
    Ok(None)
}

/// Returns an end as the application is told it; `None` if it was our own side's.
fn reason(end: End) -> Option<DealerError> {
    match end {
        End::PeerLeft => Some(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        End::Failed(kind) => Some(io::Error::from(kind).into()),
        End::Broke(error) => Some(error.into()),
        End::MuxEnds | End::Disconnected => None,
        // Nobody else has a hold on what we dial; but if so, to dial again does no harm.
        End::Mechanism { .. }
        | End::Refused(_)
        | End::Denied
        | End::DeniedForNow
        | End::NoVerdict
        | End::NameHeld
        | End::Dismissed
        | End::Nameless
        | End::MadeWay
        | End::Drained
        | End::Stalled
        | End::Takeover
        | End::Evicted
        | End::Panicked => Some(io::Error::from(io::ErrorKind::ConnectionAborted).into()),
    }
}

/// How long to wait for a peer that has no deadline. A handshake always has one.
const LONG: Duration = Duration::from_mins(1);

/// A connection that lives longer is not contested: who takes a name back waits for less.
const CONTESTED: Duration = Duration::from_secs(30);

/// So many lost in a row may be no accident. A MUX allows five takeovers in a minute, so both sides
/// come to this before it ends the fight.
const CONTESTED_TOLD: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// mux:service:contested.
    #[test]
    fn a_contest_is_told_once_until_a_connection_lives() {
        let mut contest = Contest::default();
        let mut told = |end: End, lived| contest.is_to_be_told(&end, lived);
        let lost = || End::PeerLeft;
        for _ in 0..2 {
            let short = [0, 29, 3, 4].map(|lived| told(lost(), Duration::from_secs(lived)));
            assert_eq!(short, [false, true, false, false]);
            assert!(!told(lost(), CONTESTED), "it has lived");
        }
        let ends = [lost(), End::Disconnected, lost()];
        assert_eq!(ends.map(|end| told(end, Duration::ZERO)), [false; 3]);
        assert!(told(End::Failed(io::ErrorKind::ConnectionReset), Duration::ZERO));
    }
}
