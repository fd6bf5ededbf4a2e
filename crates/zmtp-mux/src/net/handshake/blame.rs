//! Failed handshakes: whose fault it is, in words for the log.

use tracing::field::display;
use tracing::info;
use zmtp_proto::curve::CurveError;
use zmtp_proto::{ConnectionError, Greeting, Mechanism};

use crate::core::{Name, Principal};
use crate::net::authenticator::Credentials;
use crate::net::end::End;
use crate::net::handshake::Shaking;
use crate::net::link::{Failure, Plain, Topic};

/// What a peer has sent whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    Greeting,
    /// At least its first command.
    Commands,
}

impl Step {
    pub(super) fn next(self) -> Self {
        match self {
            Self::Nothing => Self::Greeting,
            Self::Greeting | Self::Commands => Self::Commands,
        }
    }
}

impl<R, W> Shaking<'_, R, W> {
    /// Returns the end of a peer that closed the connection. Who has heard our greeting and stops
    /// within its own has not liked the mechanism in ours: libzmq does so.
    pub(super) fn left(&self) -> End {
        let is_greeting = (SIGNATURE_LEN..Greeting::LEN).contains(&self.inbox.len());
        if self.step == Step::Nothing && is_greeting {
            return End::Mechanism { expected: self.expected(), came: None };
        }
        End::PeerLeft
    }

    fn expected(&self) -> Mechanism {
        self.listen.security.mechanism()
    }

    /// Returns what is likely wrong, where the end does not say so.
    pub(super) fn detail(&self, end: &End) -> &'static str {
        match (end, self.step) {
            (End::Broke(ConnectionError::Curve(CurveError::Box)), Step::Greeting) => {
                "wrong server key?"
            }
            (End::Broke(ConnectionError::Curve(CurveError::Vouch)), _) => {
                "do its public and its secret key belong together?"
            }
            _ => "",
        }
    }

    pub(super) fn tell(
        &self,
        end: &End,
        detail: &str,
        claims: Option<&Principal>,
        name: Option<&Name>,
    ) {
        self.journal.tell(self.caller, &Failure { end, detail, claims, name });
    }

    /// Says in the log that the peer waits for a name.
    pub(super) fn tell_of_wait(&self, name: Option<&Name>) {
        let (connection, address) = (self.caller.number, Plain(self.caller.address));
        if let Some(more) = self.journal.allow(Topic::Wait, address.0) {
            let name = name.map(display);
            info!(connection, %address, name, "another holds the name: it waits{more}");
        }
    }

    /// Says in the log that the peer is a service, and has no name.
    pub(super) fn tell_of_no_name(&self) {
        let (connection, address) = (self.caller.number, Plain(self.caller.address));
        if let Some(more) = self.journal.allow(Topic::Wait, address.0) {
            info!(
                connection,
                %address,
                "a service without a name may neither send nor receive: it needs an identity{more}"
            );
        }
    }
}

/// Returns why a peer was denied. The status that libzmq knows for it says nothing to people.
pub(super) fn why_denied<'r>(reason: &'r str, credentials: Credentials<'_>) -> &'r str {
    match (reason, credentials) {
        ("400", Credentials::Key(_)) => "key not in the list",
        ("400", Credentials::Password(_) | Credentials::User(_)) => "wrong user or password",
        _ => reason,
    }
}

/// Octets of a greeting before the version.
const SIGNATURE_LEN: usize = 10;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use zmtp_proto::PlainCredentials;
    use zmtp_proto::curve::PublicKey;

    use super::*;

    #[test]
    fn the_status_of_libzmq_is_told_in_words_and_all_else_as_it_is() {
        let key = Credentials::Key(PublicKey::from_octets([1; 32]));
        let password = PlainCredentials::new("alice", "x").unwrap();
        let user = Bytes::from_static(b"alice");
        assert_eq!(why_denied("400", key), "key not in the list");
        for credentials in [Credentials::Password(&password), Credentials::User(&user)] {
            assert_eq!(why_denied("400", credentials), "wrong user or password");
        }
        assert_eq!(why_denied("400", Credentials::None), "400");
        assert_eq!(why_denied("not today", key), "not today");
    }
}
