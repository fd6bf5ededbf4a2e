//! Who may come in: a judge of peers, asked by the handshake.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use zmtp_proto::curve::PublicKey;
use zmtp_proto::{Identity, Mechanism, Metadata, PlainCredentials};

use crate::core::Principal;

/// Judges peers before they are let in. [`Admittance`] has the usual ones: a list of keys, of users,
/// and a closure.
///
/// A listener asks it once for each peer, when that has introduced itself; under PLAIN twice, the
/// first time as soon as the password is there. What it says counts only if it is said in time
/// ([`MuxConfig::verdict_time`](crate::MuxConfig::verdict_time)); a verdict that is late, and one
/// that panics, refuses.
///
/// ```
/// use zmtp_mux::{Authenticator, Claim, Credentials, Principal, Verdict, Verdicting};
///
/// /// Lets in whoever proves to hold a key of this list.
/// struct Keys(Vec<zmtp_mux::PublicKey>);
///
/// impl Authenticator for Keys {
///     fn authenticate<'a>(&'a self, claim: Claim<'a>) -> Verdicting<'a> {
///         Box::pin(async move {
///             match claim.credentials {
///                 Credentials::Key(key) if self.0.contains(&key) => {
///                     Verdict::Accept(Principal::Key(key))
///                 }
///                 _ => Verdict::Refuse("unknown key".into()),
///             }
///         })
///     }
/// }
/// ```
// spec: 37:auth:sees-client-identity, 37:auth:verdict-once-heard
pub trait Authenticator: Send + Sync {
    /// Judges one peer.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the peer goes, or the time is over.
    fn authenticate<'a>(&'a self, claim: Claim<'a>) -> Verdicting<'a>;

    /// Returns the one mechanism under which it lets anybody in, if it is such a one. On a listener
    /// with another it is refused before anything starts.
    fn mechanism(&self) -> Option<Mechanism> {
        None
    }
}

/// A verdict in the making.
pub type Verdicting<'a> = Pin<Box<dyn Future<Output = Verdict> + Send + 'a>>;

/// What a peer says of itself, and what it has shown.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Where it comes from.
    pub address: PeerAddress,
    /// What it has shown.
    pub credentials: Credentials<'a>,
    /// The identity that it claims, and all else that it announces; `None` as long as a PLAIN
    /// peer has not introduced itself.
    pub introduction: Option<(&'a Identity, &'a Metadata)>,
}

/// Where a peer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerAddress {
    /// Another machine, or this one.
    Ip(IpAddr),
    /// A process on this machine, with the user and the group that it runs as.
    Ipc {
        /// The user's number.
        uid: u32,
        /// The group's number.
        gid: u32,
    },
    /// A process on this machine of which the system does not tell more.
    Unknown,
    /// This process.
    Inproc,
}

/// What a peer has shown of itself.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Credentials<'a> {
    /// Nothing: the mechanism is NULL.
    None,
    /// A user name and a password, not judged yet.
    Password(&'a PlainCredentials),
    /// A user name whose password was accepted.
    User(&'a Bytes),
    /// That it holds the secret half of this key.
    Key(PublicKey),
}

/// What becomes of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a verdict that nobody hears lets nobody in"]
pub enum Verdict {
    /// It is let in, for this principal.
    Accept(Principal),
    /// It is told not to come again, with this text: ERROR. libzmq never comes back after one.
    // spec: 37:auth:refused-for-good-error
    Refuse(String),
    /// It is sent away without a word, and may try again.
    // spec: 37:auth:refused-for-now-silent
    RefuseForNow,
}

/// Whom a listener lets in.
// spec: 24:plain:no-authenticator-refuses, 26:curve:unknown-authenticator-refuses
#[derive(Clone, Default)]
pub enum Admittance {
    /// Under NULL everybody, under PLAIN and CURVE nobody: security that nobody judges is none.
    #[default]
    Usual,
    /// Everybody, whatever the mechanism; under PLAIN with any password.
    Everybody,
    /// Whom this one accepts.
    By(Arc<dyn Authenticator>),
}

impl fmt::Debug for Admittance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usual => "Usual",
            Self::Everybody => "Everybody",
            Self::By(_) => "By(..)",
        })
    }
}

impl Admittance {
    /// Judges a peer.
    pub(crate) async fn judge(&self, claim: Claim<'_>) -> Verdict {
        match self {
            Self::Usual => match claim.credentials {
                Credentials::None => Verdict::Accept(claim.principal()),
                Credentials::Password(_) | Credentials::User(_) | Credentials::Key(_) => {
                    Verdict::Refuse("no authenticator".to_owned())
                }
            },
            Self::Everybody => Verdict::Accept(claim.principal()),
            Self::By(authenticator) => authenticator.authenticate(claim).await,
        }
    }
}

impl Claim<'_> {
    /// Returns whom the peer acts for if it is believed.
    #[must_use]
    pub fn principal(&self) -> Principal {
        match (self.credentials, self.address) {
            (Credentials::Password(credentials), _) => Principal::User(credentials.user().clone()),
            (Credentials::User(user), _) => Principal::User(user.clone()),
            (Credentials::Key(key), _) => Principal::Key(key),
            (Credentials::None, PeerAddress::Ipc { uid, gid }) => Principal::Ipc { uid, gid },
            (
                Credentials::None,
                PeerAddress::Ip(_) | PeerAddress::Unknown | PeerAddress::Inproc,
            ) => Principal::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn verdict(admittance: &Admittance, credentials: Credentials<'_>) -> Verdict {
        let address = PeerAddress::Ipc { uid: 7, gid: 8 };
        admittance.judge(Claim { address, credentials, introduction: None }).await
    }

    /// 24:plain:no-authenticator-refuses, 26:curve:unknown-authenticator-refuses.
    #[tokio::test]
    async fn security_that_nobody_judges_lets_nobody_in() {
        let password = PlainCredentials::new("admin", "secret").unwrap();
        let key = PublicKey::from_octets([1; 32]);
        let user = Bytes::from_static(b"admin");
        let shown =
            [Credentials::Password(&password), Credentials::User(&user), Credentials::Key(key)];
        for credentials in shown {
            let refused = verdict(&Admittance::Usual, credentials).await;
            assert!(matches!(refused, Verdict::Refuse(_)), "{credentials:?}");
            let accepted = verdict(&Admittance::Everybody, credentials).await;
            assert!(matches!(accepted, Verdict::Accept(_)), "{credentials:?}");
        }
        let local = Verdict::Accept(Principal::Ipc { uid: 7, gid: 8 });
        assert_eq!(verdict(&Admittance::Usual, Credentials::None).await, local);
    }
}
