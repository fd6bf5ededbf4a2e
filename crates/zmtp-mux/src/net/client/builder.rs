//! How a client is described.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;

use super::task::{self, Tended};
use super::waiters::Waiters;
use super::{Client, Handles, RequestOptions, Shared, State};
use crate::client::{Budget, ClientCore, ClientLimits, Idempotence, RetryPolicy};
use crate::core::PeerInfo;
use crate::net::clock::now;
use crate::net::dealer::Dealer;
use crate::net::endpoint::Endpoint;
use crate::net::ends::{ConnectError, Dialling, dialling_methods};

/// A client that is not made yet.
#[derive(Clone, Debug)]
#[must_use = "it is a client when it is connected"]
pub struct ClientBuilder {
    dialling: Dialling,
    options: RequestOptions,
    retry: Option<RetryPolicy>,
    limits: ClientLimits,
}

impl ClientBuilder {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            dialling: Dialling::new(endpoint),
            options: RequestOptions {
                timeout: Duration::from_secs(30),
                idempotence: Idempotence::Unknown,
            },
            retry: None,
            limits: ClientLimits {
                in_flight_max: 65_536,
                message_len_max: 16 * 1024 * 1024,
                watch_names_max: 65_536,
            },
        }
    }

    /// Asks for this name, under which services can address the client. If it is held or not
    /// granted, the client has none. That is so at a listener for clients; elsewhere a name makes a
    /// service, which this is not: what others ask it is dropped and counted.
    pub fn name(mut self, name: impl AsRef<[u8]>) -> Self {
        self.dialling.name(name.as_ref());
        self
    }

    dialling_methods!();

    /// Gives each request so much time, with all its attempts; 30 s unless told otherwise.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = timeout;
        self
    }

    /// Sends requests again that were not processed, as this says. Otherwise each has one attempt.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Says whether requests may be processed twice, so that a retry policy takes in what is in
    /// doubt.
    pub fn idempotence(mut self, idempotence: Idempotence) -> Self {
        self.options.idempotence = idempotence;
        self
    }

    /// Allows so many requests in flight; 65,536 unless told otherwise.
    pub fn in_flight_max(mut self, count: usize) -> Self {
        self.limits.in_flight_max = count;
        self
    }

    /// Refuses requests of more octets, as they stand on the wire; 16 MiB unless told otherwise. A
    /// MUX closes the connection for what is too long for it.
    pub fn message_len_max(mut self, octets: usize) -> Self {
        self.limits.message_len_max = octets;
        self
    }

    /// Ends a watch that would show more names; 65,536 unless told otherwise.
    pub fn watch_names_max(mut self, count: usize) -> Self {
        self.limits.watch_names_max = count;
        self
    }

    /// Dials once, and returns connected; from then on the client comes back by itself.
    ///
    /// # Errors
    ///
    /// It cannot be reached, is no MUX, or the name is none.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connection is closed and nothing else has happened.
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let (dealer, mux) = self.dialling.clone().connect().await?;
        Ok(self.make(dealer, Some(&mux)))
    }

    /// Dials in the background, from the first time on, and returns at once: requests wait for a
    /// connection as long as they have time.
    ///
    /// # Errors
    ///
    /// The name is none, or the system has no random octets to give.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or in one [without what it takes](crate#runtimes).
    pub fn start(self) -> Result<Client, ConnectError> {
        let dealer = self.dialling.clone().start()?;
        Ok(self.make(dealer, None))
    }

    fn make(self, dealer: Dealer, mux: Option<&PeerInfo>) -> Client {
        let mut core = ClientCore::new(self.limits);
        if mux.is_some() {
            core.handle_up();
        }
        let state = State {
            core,
            waiters: Waiters::default(),
            link: mux.map(|mux| mux.token),
            end: None,
            lead: Vec::new(),
            budget: Budget::new(self.retry.unwrap_or_default().budget, now()),
            armed: None,
            watchers: BTreeMap::new(),
        };
        let shared = Arc::new(Shared {
            dealer,
            state: Mutex::new(state),
            stir: Notify::new(),
            ended: Notify::new(),
            options: self.options,
            retry: self.retry,
        });
        let task = tokio::spawn(task::run(Tended::new(&shared))).abort_handle();
        let handles = Arc::new(Handles { shared: Arc::clone(&shared), task });
        Client { shared, handles }
    }
}
