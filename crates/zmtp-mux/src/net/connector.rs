//! Connecting again: a dealer's connection ends, and another takes its place when that makes sense.
//!
//! | the last end was      | then                                       |
//! |-----------------------|--------------------------------------------|
//! | none                  | dials at once                              |
//! | temporary             | waits, longer each time, and dials         |
//! | a broken protocol     | waits long, and dials                      |
//! | a refusal for good    | gives up                                   |

use tokio::time::{Instant, sleep};
use zmtp_proto::{Backoff, Next, Reconnect};

use crate::net::chance::draw;
use crate::net::dealer::{Dealer, DealerError, DealerOptions};
use crate::net::endpoint::Endpoint;

/// Dials one endpoint again and again, as far as that makes sense.
///
/// ```no_run
/// use zmtp_mux::{Connector, DealerOptions, Reconnect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let options = DealerOptions::new("engine.7")?;
/// let mut connector =
///     Connector::new("tcp://127.0.0.1:5556".parse()?, options, Reconnect::default());
/// loop {
///     let mut dealer = connector.connect().await?;
///     let end = loop {
///         let answered = match dealer.recv().await {
///             Ok(request) => dealer.send(request).await,
///             Err(end) => Err(end),
///         };
///         if let Err(end) = answered {
///             break end;
///         }
///     };
///     connector.ended(&end);
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Connector {
    endpoint: Endpoint,
    options: DealerOptions,
    backoff: Backoff,
    /// What to do before the next attempt.
    next: Option<Next>,
    /// Since when the last connection stood.
    since: Option<Instant>,
}

impl Connector {
    /// Makes a connector that has not dialled yet.
    #[must_use]
    pub fn new(endpoint: Endpoint, options: DealerOptions, policy: Reconnect) -> Self {
        Self { endpoint, options, backoff: Backoff::new(policy), next: None, since: None }
    }

    /// Dials until there is a connection.
    ///
    /// # Errors
    ///
    /// The last attempt's, when another makes no sense: the peer refused for good, say, or the
    /// policy is never to come back. From then on [`DealerError::GivenUp`], without an attempt.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an attempt is closed, a wait begins anew.
    // spec: 37:errors:no-retry-after-refusal, 37:dial:name-resolved-anew
    pub async fn connect(&mut self) -> Result<Dealer, DealerError> {
        loop {
            match self.next {
                None => {}
                Some(Next::After(wait)) => sleep(wait).await,
                Some(Next::GiveUp) => return Err(DealerError::GivenUp),
            }
            match Dealer::connect_with(&self.endpoint, &self.options).await {
                Ok(dealer) => {
                    self.next = None;
                    self.since = Some(Instant::now());
                    return Ok(dealer);
                }
                Err(error) => match self.note(&error) {
                    Next::After(wait) => {
                        tracing::debug!(endpoint = %self.endpoint, %error, ?wait, "not connected");
                    }
                    Next::GiveUp => return Err(error),
                },
            }
        }
    }

    /// Notes why the last connection ended, and tells what [`connect`](Self::connect) will do.
    pub fn ended(&mut self, why: &DealerError) -> Next {
        if let Some(since) = self.since.take() {
            self.backoff.succeeded(since.elapsed());
        }
        self.note(why)
    }

    fn note(&mut self, why: &DealerError) -> Next {
        // Without chance there is the middle.
        let chance = draw().map_or(u64::MAX / 2, u64::from_ne_bytes);
        let next = self.backoff.next(why.retry(), chance);
        self.next = Some(next);
        next
    }
}
