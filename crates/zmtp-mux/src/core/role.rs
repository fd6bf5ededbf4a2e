//! Roles: what a peer is to the MUX, decided by its listener, its socket type and its name.
//!
//! | socket type     | on `clients`     | on `services`         | on `any`                        |
//! |-----------------|------------------|-----------------------|---------------------------------|
//! | REQ             | client           | refused               | client                          |
//! | DEALER, ROUTER  | client           | service               | service if named, else client   |
//! | REP             | refused          | service if named, else refused | service if named, else refused |
//! | any other       | refused          | refused               | refused                         |

use zmtp_proto::SocketType;

use crate::core::address::Name;

/// What a listener takes its peers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerRole {
    /// Clients only.
    Clients,
    /// Services only.
    Services,
    /// Whoever has a name is a service, whoever has none a client.
    Any,
}

impl ListenerRole {
    /// The name as it stands in arguments and on `listening` lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Services => "services",
            Self::Any => "any",
        }
    }
}

/// What a peer is to the MUX.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Sends requests, receives replies. Its name, if any, is an alias for services only.
    Client,
    /// Has a name and receives requests.
    Service,
}

/// Why a peer is refused for good, in the words that its ERROR carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its socket type has no part in MUX/1.
    SocketType,
    /// A REQ on a listener for services.
    ReqIsNoService,
    /// A REP on a listener for clients.
    RepIsNoClient,
    /// A REP that nobody named: it cannot name itself.
    RepWithoutName,
    /// A service whose name it may not have.
    NameNotGranted,
    /// The authorizer does not want it.
    NotAdmitted,
}

impl Refusal {
    /// The reason as it goes into the ERROR command and the log.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::SocketType => "socket-type-not-served",
            Self::ReqIsNoService => "REQ-is-no-service",
            Self::RepIsNoClient => "REP-is-no-client",
            Self::RepWithoutName => "REP-needs-a-named-listener",
            Self::NameNotGranted => "name-not-granted",
            Self::NotAdmitted => "not-admitted",
        }
    }
}

/// Decides what a peer is, or that it is refused.
///
/// # Errors
///
/// The refusal; it cannot change, so the peer is told with ERROR not to come again.
// spec: mux:role:from-listener, mux:role:any-by-name, mux:role:other-types-refused
// spec: mux:role:req-client-only, mux:role:rep-service-only
pub(crate) fn decide(
    listener: ListenerRole,
    socket_type: SocketType,
    name: Option<&Name>,
) -> Result<Role, Refusal> {
    use ListenerRole::{Any, Clients, Services};
    #[expect(clippy::match_same_arms, reason = "one arm for each field of the table")]
    match (socket_type, listener, name) {
        (SocketType::Req, Services, _) => Err(Refusal::ReqIsNoService),
        (SocketType::Req, Clients | Any, _) => Ok(Role::Client),
        (SocketType::Rep, Clients, _) => Err(Refusal::RepIsNoClient),
        (SocketType::Rep, Services | Any, None) => Err(Refusal::RepWithoutName),
        (SocketType::Rep, Services | Any, Some(_)) => Ok(Role::Service),
        (SocketType::Dealer | SocketType::Router, Services, _) => Ok(Role::Service),
        (SocketType::Dealer | SocketType::Router, Any, Some(_)) => Ok(Role::Service),
        (SocketType::Dealer | SocketType::Router, Any, None) => Ok(Role::Client),
        (SocketType::Dealer | SocketType::Router, Clients, _) => Ok(Role::Client),
        _ => Err(Refusal::SocketType),
    }
}

/// Returns the socket type that the MUX announces to a peer of type `theirs`: the one it talks to.
// spec: mux:role:type-announced
pub(crate) fn announced(theirs: SocketType) -> SocketType {
    if theirs == SocketType::Rep { SocketType::Dealer } else { SocketType::Router }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// mux:role:from-listener, mux:role:any-by-name, mux:role:other-types-refused,
    /// mux:role:req-client-only, mux:role:rep-service-only.
    #[test]
    fn role_follows_listener_type_and_name() {
        use ListenerRole::{Any, Clients, Services};
        use Role::{Client, Service};
        let name = Name::new(Bytes::from_static(b"engine")).unwrap();
        for kind in SocketType::ALL {
            for named in [None, Some(&name)] {
                let on = |listener| decide(listener, kind, named);
                let expected = match (kind, named) {
                    (SocketType::Req, _) => [Ok(Client), Err(Refusal::ReqIsNoService), Ok(Client)],
                    (SocketType::Rep, None) => [
                        Err(Refusal::RepIsNoClient),
                        Err(Refusal::RepWithoutName),
                        Err(Refusal::RepWithoutName),
                    ],
                    (SocketType::Rep, Some(_)) => {
                        [Err(Refusal::RepIsNoClient), Ok(Service), Ok(Service)]
                    }
                    (SocketType::Dealer | SocketType::Router, None) => {
                        [Ok(Client), Ok(Service), Ok(Client)]
                    }
                    (SocketType::Dealer | SocketType::Router, Some(_)) => {
                        [Ok(Client), Ok(Service), Ok(Service)]
                    }
                    _ => [Err(Refusal::SocketType); 3],
                };
                assert_eq!([on(Clients), on(Services), on(Any)], expected, "{kind} {named:?}");
            }
        }
    }

    /// mux:role:type-announced.
    #[test]
    fn the_type_announced_talks_to_the_type_served() {
        for kind in [SocketType::Req, SocketType::Rep, SocketType::Dealer, SocketType::Router] {
            assert!(announced(kind).talks_to(kind), "{kind}");
        }
    }
}
