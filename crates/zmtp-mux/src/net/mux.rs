//! The MUX as an application runs it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, timeout_at};
use tracing::{info, warn};
use zmtp_proto::{Identity, Limits, Settings};

use crate::core::{
    AllowAll, Authorizer, CoreConfig, ListenerRole, MuxLimits, Name, Notices, Prefix, Rule, Rules,
    Takes,
};
use crate::net::accept;
use crate::net::authenticator::Admittance;
use crate::net::clock::after;
use crate::net::endpoint::Endpoint;
use crate::net::events::Events;
use crate::net::figures::{Figure, Figures};
use crate::net::inbox::Inbox;
use crate::net::link::Journal;
use crate::net::security::{CurveIdentity, ListenSecurity};
use crate::net::shared::{Kind, Shared};
use crate::net::stream::Acceptor;

/// A MUX. Clones are handles to the same one; it ends with [`end`](Self::end), or when the
/// runtime does.
///
/// ```
/// use zmtp_mux::{Dealer, Listen, ListenerRole, Message, Mux, MuxConfig};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mux = Mux::new(MuxConfig::default())?;
/// let clients = mux.bind(Listen::new(ListenerRole::Clients, "tcp://127.0.0.1:0".parse()?))?;
/// let services = mux.bind(Listen::new(ListenerRole::Services, "tcp://127.0.0.1:0".parse()?))?;
///
/// let mut engine = Dealer::connect(&services, "engine.7").await?;
/// let mut client = Dealer::connect(&clients, "").await?;
///
/// client.send(Message::from_frames(["engine.7", "ping"])?).await?;
/// let request = engine.recv().await?;
/// let client_address = request.frames().next().unwrap_or_default();
/// engine.send(Message::from_frames([client_address, b"pong"])?).await?;
/// assert_eq!(client.recv().await?, Message::from_frames(["engine.7", "pong"])?);
///
/// mux.end().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Mux {
    shared: Arc<Shared>,
    spread: Arc<Spread>,
    journal: Arc<Journal>,
    listeners: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// How a MUX is set up.
#[derive(Clone, Debug)]
pub struct MuxConfig {
    /// Limits of the MUX as a whole.
    pub limits: MuxLimits,
    /// What becomes of messages for which there is no room, by their destination.
    pub rules: Rules,
    /// Addresses for which no limit per address holds: loopback. Nor does one hold on IPC.
    pub exempt: Vec<Prefix>,
    /// Limits, version and heartbeat of each connection. An INITIATE has at most 4 KiB of metadata:
    /// it is held before anyone knows who sent it.
    pub link: Settings,
    /// How long an [`Authenticator`](crate::Authenticator) may take for a verdict: 10 s. After that
    /// the peer is refused for now.
    pub verdict_time: Duration,
    /// What those who are let in may do: everything, unless told otherwise.
    pub authorizer: Arc<dyn Authorizer>,
    /// Runtimes to serve connections on, in turn; none for the one that binds.
    pub shards: Vec<Handle>,
}

impl MuxConfig {
    /// Allows what `authorizer` does: an [`Acl`](crate::Acl), what a closure says
    /// ([`AllowIf`](crate::AllowIf)), or an implementation of the application's.
    #[must_use]
    pub fn with_authorizer(self, authorizer: impl Authorizer + 'static) -> Self {
        Self { authorizer: Arc::new(authorizer), ..self }
    }
}

impl Default for MuxConfig {
    // spec: 26:curve:bounded-before-vouch, mux:limit:exempt-addresses
    fn default() -> Self {
        let initiate_len_max = 257 + 4 * 1024;
        let link = Limits { initiate_len_max, ..Limits::default() };
        Self {
            limits: MuxLimits::default(),
            rules: Rules::default(),
            exempt: vec![Prefix::LOOPBACK_V4, Prefix::LOOPBACK_V6],
            link: link.into(),
            verdict_time: Duration::from_secs(10),
            authorizer: Arc::new(AllowAll),
            shards: Vec::new(),
        }
    }
}

/// A place to listen, and what is known of the peers there.
#[derive(Clone, Debug)]
pub struct Listen {
    /// What its peers are taken for.
    pub role: ListenerRole,
    /// Where.
    pub endpoint: Endpoint,
    /// The name of a peer that announces none: how a REP, which cannot, becomes a service.
    pub name: Option<Name>,
    /// The identity that the MUX announces; ROUTER peers need one to address it.
    pub identity: Identity,
    /// The security mechanism that its peers must use.
    pub security: ListenSecurity,
    /// Who of them is let in.
    pub admittance: Admittance,
    /// Whether its peers take notices even if they do not say so.
    pub notices: Notices,
}

impl Listen {
    /// Listens for peers of this role, giving no names, announcing no identity and asking for no
    /// security.
    #[must_use]
    pub fn new(role: ListenerRole, endpoint: Endpoint) -> Self {
        Self {
            role,
            endpoint,
            name: None,
            identity: Identity::ANONYMOUS,
            security: ListenSecurity::Null,
            admittance: Admittance::Usual,
            notices: Notices::NotTaken,
        }
    }

    /// Asks for CURVE, with these keys of ours, and lets in whom `admittance` says: a list of
    /// [keys](Admittance::keys), or whom a [closure](Admittance::judged) accepts.
    ///
    /// ```
    /// use zmtp_mux::{Admittance, Dealer, DealerOptions, Listen, ListenerRole, MuxSocket, SocketConfig};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (ours, theirs) = (zmtp_mux::generate_keys()?, zmtp_mux::generate_keys()?);
    /// # let server = ours.public;
    /// let socket = MuxSocket::new(SocketConfig::default())?;
    /// let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?);
    /// let endpoint = socket.bind(listen.curve_server(ours, Admittance::keys([theirs.public])))?;
    ///
    /// let options = DealerOptions::new("worker.1")?.curve_client(server, theirs);
    /// let worker = Dealer::connect_with(&endpoint, &options).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn curve_server(self, keys: impl Into<CurveIdentity>, admittance: Admittance) -> Self {
        Self { security: ListenSecurity::Curve(keys.into()), admittance, ..self }
    }

    /// Asks for a user name and a password, in clear text, and lets in whom `admittance` says: a
    /// list of [users](Admittance::users), or whom a [closure](Admittance::judged) accepts.
    ///
    /// ```
    /// use zmtp_mux::{Admittance, Dealer, DealerOptions, Listen, ListenerRole, MuxSocket};
    /// use zmtp_mux::{PlainCredentials, SocketConfig};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let socket = MuxSocket::new(SocketConfig::default())?;
    /// let listen = Listen::new(ListenerRole::Any, "tcp://127.0.0.1:0".parse()?);
    /// let users = Admittance::users([PlainCredentials::new("admin", "secret")?]);
    /// let endpoint = socket.bind(listen.plain_server(users))?;
    ///
    /// let options = DealerOptions::new("worker.1")?.plain("admin", "secret")?;
    /// let worker = Dealer::connect_with(&endpoint, &options).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn plain_server(self, admittance: Admittance) -> Self {
        Self { security: ListenSecurity::Plain, admittance, ..self }
    }

    /// Lets in whom `admittance` says, without a mechanism: a [closure](Admittance::judged) sees
    /// their addresses and what they announce.
    #[must_use]
    pub fn admit(self, admittance: Admittance) -> Self {
        Self { admittance, ..self }
    }
}

/// An endpoint that cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {endpoint}: {error}")]
pub struct BindError {
    /// Which.
    pub endpoint: Endpoint,
    /// Why not; [`io::ErrorKind::AddrInUse`] if somebody else listens there. A
    /// [`SecurityError`](crate::SecurityError) is in there, as
    /// [`InvalidInput`](io::ErrorKind::InvalidInput), if nobody could ever come in.
    #[source]
    pub error: io::Error,
}

/// Where connections are served.
#[derive(Debug)]
pub(crate) struct Spread {
    shards: Vec<Handle>,
    next: AtomicUsize,
}

impl Spread {
    /// Returns the runtime whose turn it is; `None` for this one.
    pub(crate) fn next(&self) -> Option<&Handle> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.shards.get(turn.checked_rem(self.shards.len())?)
    }
}

impl Mux {
    /// Makes a MUX that listens nowhere yet.
    ///
    /// # Errors
    ///
    /// The system has no random octets to give, or a [`RuleError`](crate::RuleError) as
    /// [`InvalidInput`](io::ErrorKind::InvalidInput).
    pub fn new(config: MuxConfig) -> io::Result<Self> {
        Self::of_kind(config, Kind::Relay)
    }

    pub(crate) fn of_kind(config: MuxConfig, kind: Kind) -> io::Result<Self> {
        let MuxConfig { limits, rules, exempt, link, verdict_time, authorizer, shards } = config;
        rules.validate().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let message_len_max = link.limits.message_len_max;
        let core = CoreConfig { limits, rules, message_len_max };
        let shared = Shared::new(core, exempt, link, verdict_time, kind)?;
        drop(shared.with_core(|core| core.set_authorizer(authorizer)));
        Ok(Self {
            shared: Arc::new(shared),
            spread: Arc::new(Spread { shards, next: AtomicUsize::new(0) }),
            journal: Arc::default(),
            listeners: Arc::default(),
        })
    }

    /// Listens, on the runtime that this is called on, and returns where: with the port that was
    /// found if any would do.
    ///
    /// Blocks while the system resolves a name.
    ///
    /// # Errors
    ///
    /// The endpoint cannot be listened on.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or in one [without what it takes](crate#runtimes).
    pub fn bind(&self, listen: Listen) -> Result<Endpoint, BindError> {
        let valid = listen.security.validate(&listen.admittance);
        let (acceptor, endpoint) = valid
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
            .and_then(|()| Acceptor::bind(&listen.endpoint))
            .map_err(|error| BindError { endpoint: listen.endpoint.clone(), error })?;
        info!(role = listen.role.name(), %endpoint, "listening");
        let host = accept::Host {
            shared: Arc::clone(&self.shared),
            spread: Arc::clone(&self.spread),
            journal: Arc::clone(&self.journal),
            listen: Arc::new(listen),
        };
        let task = tokio::spawn(accept::run(host, acceptor));
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        Ok(endpoint)
    }

    /// Tells what happens from here on, beginning with all who are bound already; `None` if somebody
    /// listens already. Until it is dropped, events must be taken: a peer of which there is no room
    /// to tell is sent away for now.
    // spec: mux:event:from-the-start
    #[must_use]
    pub fn events(&self) -> Option<Events> {
        Inbox::open(&self.shared, Takes::Events, Rule::SERVICE).map(Events::new)
    }

    /// Replaces what peers may do, at once and as a whole. Services whose name is not granted any
    /// more are closed, and clients lose such aliases; all others notice nothing.
    pub fn set_authorizer(&self, authorizer: Arc<dyn Authorizer>) {
        // Dropped where nobody waits for it.
        drop(self.shared.with_core(|core| core.set_authorizer(authorizer)));
    }

    /// Ends the MUX in order: no new connections, no new requests; what is queued is written out,
    /// for as long as [`MuxLimits::end_flush`]; those who take notices are told what came of the
    /// rest; then every connection is closed. Whoever listens to its [`events`](Self::events) is told
    /// all of it.
    ///
    /// A [`Client`](crate::Client) or [`Service`](crate::Service) is told when to come again: each at a time
    /// of its own in the next 10 s, so that not all do at once.
    ///
    /// # Cancel safety
    ///
    /// Can be called again after it was dropped; what was stopped stays stopped.
    // spec: mux:end:sigterm-flush
    pub async fn end(&self) {
        let listeners =
            std::mem::take(&mut *self.listeners.lock().unwrap_or_else(PoisonError::into_inner));
        for listener in listeners {
            listener.abort();
            // It has ended: by the abort, or before it.
            let _ = listener.await;
        }
        let _awaiting = self.shared.await_flush();
        self.shared.with_core(crate::core::MuxCore::handle_drain);
        let flush_until = after(self.shared.limits.end_flush);
        let flushed = |shared: &Shared| shared.with_core(|core| core.is_flushed());
        let answered = |shared: &Shared| shared.with_core(|core| core.is_answered());
        self.wait_until(flush_until, |shared| flushed(shared) && answered(shared)).await;
        self.shared.with_core(crate::core::MuxCore::handle_parting);
        self.wait_until(after(LAST_WORDS_MAX), flushed).await;
        self.shared.with_core(crate::core::MuxCore::handle_end);
        self.shared.end_handshakes();
        let close_until = after(CLOSE_MAX);
        self.wait_until(close_until, |shared| shared.with_lobby(|lobby| lobby.count().0 == 0))
            .await;
    }

    /// Returns the figures of [`each`](Figures::each) by their names.
    #[must_use]
    pub fn counters(&self) -> Vec<(&'static str, i64)> {
        let mut all = Vec::new();
        self.each(&mut |figure| all.push((figure.name(), figure.value())));
        all
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Waits until nothing is queued for a peer.
    pub(crate) async fn flush(&self) {
        let _awaiting = self.shared.await_flush();
        loop {
            let mut emptied = std::pin::pin!(self.shared.emptied.notified());
            emptied.as_mut().enable();
            if self.shared.with_core(|core| core.is_flushed()) {
                return;
            }
            emptied.await;
        }
    }

    /// Ends the MUX without a flush, where there is no runtime to wait on.
    pub(crate) fn end_at_once(&self) {
        let listeners = &mut *self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.drain(..).for_each(|listener| listener.abort());
        self.shared.with_core(crate::core::MuxCore::handle_end);
    }

    async fn wait_until(&self, deadline: Instant, done: impl Fn(&Shared) -> bool) {
        loop {
            let mut emptied = std::pin::pin!(self.shared.emptied.notified());
            // Before the look, so that nothing can come between the two unnoticed.
            emptied.as_mut().enable();
            if done(&self.shared) {
                return;
            }
            if timeout_at(deadline, emptied).await.is_err() {
                warn!("not all was done in time");
                return;
            }
        }
    }
}

impl Figures for Mux {
    fn each(&self, see: &mut dyn FnMut(Figure)) {
        self.shared.each(see);
    }
}

/// How long it may take to write who is gone, and what came back.
const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

/// How long connections may take to close at the end.
const CLOSE_MAX: Duration = Duration::from_secs(2);
