//! Policies: what becomes of a message for which its destination has no room.

use std::num::NonZeroUsize;
use std::time::Duration;

use thiserror::Error;

use crate::core::limits::{MuxLimits, PoolLimits};
use crate::core::pattern::Pattern;
use crate::core::role::Role;

/// What becomes of a message for which there is no room.
///
/// What an application sends itself, from a [`MuxSocket`](crate::MuxSocket), is never lost so: the
/// newest is always given back to it in the error, as
/// [`NotSentReason::Full`](crate::NotSentReason::Full), under [`DropNewest`](Self::DropNewest) too;
/// and the oldest that makes room under [`DropOldest`](Self::DropOldest) comes back as
/// [`SocketEvent::Returned`](crate::SocketEvent::Returned).
// spec: mux:overload:policies, mux:terminal:refused-comes-back
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// It is returned to a source that takes notices. Of a client that does not, nothing more is
    /// read until there is room, for [`Rule::block_timeout`] at most; of a service, it is dropped.
    Reject,
    /// It is dropped, and returned to a source that takes notices.
    DropNewest,
    /// It takes the place of the oldest of the same source, which is returned or dropped instead.
    DropOldest,
}

/// How messages to a destination are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What becomes of those for which there is no room.
    pub policy: Policy,
    /// How long one message may hold up its source; zero for as long as the destination lives.
    pub block_timeout: Duration,
    /// How long a message may wait before it is returned; `None` for as long as it takes.
    pub max_age: Option<Duration>,
    /// What may be queued.
    pub pool: PoolLimits,
    /// Messages that a service is given ahead of its answers, one message each; `None` for as many as
    /// it takes. What waits for it is returned as not processed if it ends, and waits by its
    /// source. Clients and applications answer nothing, so a rule for them must not have one.
    // spec: mux:overload:window
    pub window: Option<NonZeroUsize>,
}

impl Rule {
    /// Tells whether what is queued stays there until it is written or its destination ends.
    pub(crate) fn lets_all_wait(&self) -> bool {
        self.policy != Policy::DropOldest && self.max_age.is_none() && self.window.is_none()
    }
}

/// The rules for destinations: by pattern the first that matches, else by role.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Rules for names, the first that matches first.
    pub names: Vec<(Pattern, Rule)>,
    /// For all other services.
    pub service: Rule,
    /// For clients; their names are aliases only, and count for nothing here.
    pub client: Rule,
}

/// Why rules cannot be meant. Whoever set them is at fault; another try helps nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleError {
    /// What waits for clients has a window, and clients answer nothing.
    #[error("a window of {0} for clients, which answer nothing")]
    ClientWindow(NonZeroUsize),
    /// What waits for the application has a window, and its answers are not counted.
    #[error("a window of {0} for the application, whose answers are not counted")]
    InboundWindow(NonZeroUsize),
}

/// How a core is set up.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// Limits of the MUX as a whole.
    pub limits: MuxLimits,
    /// The rules for destinations.
    pub rules: Rules,
    /// The longest message that is read from a peer, and so given to a service, which may send it
    /// back.
    pub message_len_max: usize,
}

impl Default for CoreConfig {
    fn default() -> Self {
        MuxLimits::default().into()
    }
}

impl Rule {
    /// The rule for services unless told otherwise: reject, block for 1 s, no age, 32 MiB or 8,192
    /// messages, no window.
    pub const SERVICE: Self = Self {
        policy: Policy::Reject,
        block_timeout: Duration::from_secs(1),
        max_age: None,
        pool: PoolLimits { octets: 32 << 20, messages: 8192 },
        window: None,
    };

    /// The rule for clients unless told otherwise: drop the newest.
    pub const CLIENT: Self = Self { policy: Policy::DropNewest, ..Self::SERVICE };
}

impl Rules {
    /// The usual rules, with this pool for each destination.
    #[must_use]
    pub fn with_pool(pool: PoolLimits) -> Self {
        let (service, client) = (Rule { pool, ..Rule::SERVICE }, Rule { pool, ..Rule::CLIENT });
        Self { names: Vec::new(), service, client }
    }

    /// Tells whether messages wait for a limited time anywhere.
    pub(crate) fn have_ages(&self) -> bool {
        let rules = self.names.iter().map(|(_, rule)| rule).chain([&self.service, &self.client]);
        rules.into_iter().any(|rule| rule.max_age.is_some())
    }

    /// Tells whether these can be meant.
    ///
    /// # Errors
    ///
    /// A part of them would count for nothing.
    // spec: mux:overload:window-of-services
    pub fn validate(&self) -> Result<(), RuleError> {
        self.client.window.map_or(Ok(()), |window| Err(RuleError::ClientWindow(window)))
    }

    /// Returns the rule for a destination.
    #[must_use]
    pub fn of(&self, role: Role, name: Option<&[u8]>) -> Rule {
        let named = name.filter(|_| role == Role::Service).and_then(|name| {
            self.names.iter().find(|(pattern, _)| pattern.matches(name)).map(|(_, rule)| *rule)
        });
        named.unwrap_or(match role {
            Role::Service => self.service,
            Role::Client => self.client,
        })
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self { names: Vec::new(), service: Rule::SERVICE, client: Rule::CLIENT }
    }
}

/// The usual rules, with the pool for destinations of these limits.
impl From<MuxLimits> for CoreConfig {
    fn from(limits: MuxLimits) -> Self {
        let rules = Rules::with_pool(limits.destination_pool);
        let message_len_max = zmtp_proto::Limits::default().message_len_max;
        Self { limits, rules, message_len_max }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// mux:overload:max-age.
    #[test]
    fn one_rule_with_an_age_is_enough_for_time_to_count() {
        assert!(!Rules::default().have_ages());
        let aged = Rule { max_age: Some(Duration::from_secs(1)), ..Rule::SERVICE };
        let names = vec![(Pattern::new(Bytes::from_static(b"log.*")).unwrap(), aged)];
        let rules = Rules::default();
        assert!(Rules { names, ..rules.clone() }.have_ages());
        assert!(Rules { service: aged, ..rules.clone() }.have_ages());
        assert!(Rules { client: aged, ..rules }.have_ages());
    }

    /// mux:overload:policies.
    #[test]
    fn the_first_pattern_that_matches_decides_and_else_the_role() {
        let pattern = |text: &'static str| Pattern::new(Bytes::from_static(text.as_bytes()));
        let oldest = Rule { policy: Policy::DropOldest, ..Rule::SERVICE };
        let newest = Rule { policy: Policy::DropNewest, ..Rule::SERVICE };
        let rules = Rules {
            names: vec![(pattern("log.7").unwrap(), newest), (pattern("log.*").unwrap(), oldest)],
            ..Rules::default()
        };
        let policy = |role, name: Option<&str>| rules.of(role, name.map(str::as_bytes)).policy;
        assert_eq!(policy(Role::Service, Some("log.7")), Policy::DropNewest);
        assert_eq!(policy(Role::Service, Some("log.8")), Policy::DropOldest);
        assert_eq!(policy(Role::Service, Some("engine")), Policy::Reject);
        assert_eq!(policy(Role::Client, Some("log.8")), Policy::DropNewest);
        assert_eq!(policy(Role::Client, None), Policy::DropNewest);
    }

    /// mux:overload:window-of-services.
    #[test]
    fn only_services_may_have_a_window() {
        let window = NonZeroUsize::new(7);
        let with = |rule| Rule { window, ..rule };
        let usual = Rules::default();
        let names = vec![(Pattern::new(Bytes::from_static(b"a")).unwrap(), with(Rule::SERVICE))];
        assert_eq!(Rules { service: with(Rule::SERVICE), names, ..usual }.validate(), Ok(()));
        let wrong = Rules { client: with(Rule::CLIENT), ..Rules::default() }.validate();
        assert_eq!(wrong, window.map_or(Ok(()), |window| Err(RuleError::ClientWindow(window))));
    }
}
