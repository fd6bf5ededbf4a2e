//! How a service is described.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::{Link, Service, Shared, State};
use crate::net::dealer::{Dealer, DealerError};
use crate::net::endpoint::Endpoint;
use crate::net::ends::{ConnectError, Dialling, dialling_methods};
use crate::service::{Envelopes, ServiceCore};

/// A service that is not made yet.
#[derive(Clone, Debug)]
#[must_use = "it is a service when it is connected"]
pub struct ServiceBuilder {
    dialling: Dialling,
    envelopes: Envelopes,
}

impl ServiceBuilder {
    pub(super) fn new(endpoint: Endpoint, name: &[u8]) -> Self {
        let mut dialling = Dialling::new(endpoint);
        dialling.name(name);
        Self { dialling, envelopes: Envelopes::default() }
    }

    dialling_methods!();

    /// Finds the body of requests in this way; [`Envelopes::Detect`] unless told otherwise.
    pub fn envelopes(mut self, envelopes: Envelopes) -> Self {
        self.envelopes = envelopes;
        self
    }

    /// Dials once and claims the name, which the service has when this returns; from then on it comes
    /// back by itself.
    ///
    /// # Errors
    ///
    /// The MUX cannot be reached, is none, or does not let the service in, as with
    /// [`ConnectError::LetGo`] and [`ConnectError::NotAService`]; or the name is none.
    ///
    /// # Cancel safety
    ///
    /// When dropped, the connection is closed and nothing else has happened.
    pub async fn connect(self) -> Result<Service, ConnectError> {
        let connected = self.dialling.clone().connect().await;
        // A service always has a name, and that is what it is let go for as a rule.
        if matches!(connected, Err(ConnectError::Dealer(DealerError::LetGo))) {
            return Err(ConnectError::LetGo);
        }
        let (dealer, mux) = connected?;
        let link = Link::over(&mux).ok_or(ConnectError::NotAService)?;
        let service = self.make(dealer);
        service.0.lock().handle_up(link);
        Ok(service)
    }

    /// Dials in the background, from the first time on, and returns at once. It tries again and
    /// again while its name is held, too.
    ///
    /// # Errors
    ///
    /// The name is none, or the system has no random octets to give.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, or in one [without what it takes](crate#runtimes).
    pub fn start(self) -> Result<Service, ConnectError> {
        let dealer = self.dialling.clone().start()?;
        Ok(self.make(dealer))
    }

    fn make(self, dealer: Dealer) -> Service {
        let state = State {
            core: ServiceCore::new(self.envelopes),
            events: VecDeque::new(),
            link: None,
            end: None,
        };
        Service(Arc::new(Shared { dealer, state: Mutex::new(state), ending: Arc::default() }))
    }
}
