//! Who is let in: holders of listed keys, users with their passwords, and whom a closure accepts.

use std::collections::{HashMap, HashSet};
use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use zmtp_proto::curve::PublicKey;
use zmtp_proto::{Mechanism, PlainCredentials};

use crate::net::authenticator::{
    Admittance, Authenticator, Claim, Credentials, Verdict, Verdicting,
};

/// Lets in whoever holds one of these keys.
struct KeyGate(HashSet<PublicKey>);

/// Lets in these users, with their passwords.
struct UserGate(HashMap<Bytes, PlainCredentials>);

/// Lets in whom this accepts.
struct Judge<F>(F);

impl Admittance {
    /// Lets in whoever holds one of these keys, under CURVE. Others are refused for good.
    // spec: mux:security:gates
    pub fn keys(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self::By(Arc::new(KeyGate(keys.into_iter().collect())))
    }

    /// Lets in these users with their passwords, under PLAIN. Others are refused for good, after a
    /// comparison in constant time. Of two with one name the last counts.
    // spec: mux:security:gates
    pub fn users(users: impl IntoIterator<Item = PlainCredentials>) -> Self {
        let users = users.into_iter().map(|user| (user.user().clone(), user));
        Self::By(Arc::new(UserGate(users.collect())))
    }

    /// Lets in whom `judge` accepts. It is asked by the task of the connection, so it must not
    /// block; an [`Authenticator`] may take its time.
    pub fn judged(judge: impl Fn(Claim<'_>) -> Verdict + Send + Sync + 'static) -> Self {
        Self::By(Arc::new(Judge(judge)))
    }
}

impl Authenticator for KeyGate {
    // spec: mux:security:curve-clients, mux:security:gates
    fn authenticate<'a>(&'a self, claim: Claim<'a>) -> Verdicting<'a> {
        judged(&claim, matches!(claim.credentials, Credentials::Key(key) if self.0.contains(&key)))
    }

    fn mechanism(&self) -> Option<Mechanism> {
        Some(Mechanism::CURVE)
    }
}

impl Authenticator for UserGate {
    // spec: mux:security:plain-users, mux:security:gates
    fn authenticate<'a>(&'a self, claim: Claim<'a>) -> Verdicting<'a> {
        let known = if let Credentials::Password(shown) = claim.credentials {
            // An unknown user costs a comparison, too, so that the time does not tell who is known.
            match self.0.get(shown.user()) {
                Some(known) => known.has_password_of(shown),
                None => shown.has_password(NO_PASSWORD) & false,
            }
        } else {
            // The password of such a user was judged before.
            matches!(claim.credentials, Credentials::User(user) if self.0.contains_key(user))
        };
        judged(&claim, known)
    }

    fn mechanism(&self) -> Option<Mechanism> {
        Some(Mechanism::PLAIN)
    }
}

impl<F: Fn(Claim<'_>) -> Verdict + Send + Sync> Authenticator for Judge<F> {
    fn authenticate<'a>(&'a self, claim: Claim<'a>) -> Verdicting<'a> {
        Box::pin(ready((self.0)(claim)))
    }
}

fn judged<'a>(claim: &Claim<'a>, known: bool) -> Verdicting<'a> {
    Box::pin(ready(if known {
        Verdict::Accept(claim.principal())
    } else {
        Verdict::Refuse(REFUSED.to_owned())
    }))
}

/// What a refused peer is told, whatever it did wrong: the status that libzmq's own servers send,
/// and that its clients show their application as a failed authentication.
const REFUSED: &str = "400";

/// What the password of an unknown user is compared with. Nobody can send it.
const NO_PASSWORD: &[u8] = &[0; 16];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Principal;
    use crate::net::authenticator::PeerAddress;

    async fn judge(gate: &Admittance, credentials: Credentials<'_>) -> Verdict {
        let address = PeerAddress::Unknown;
        gate.judge(Claim { address, credentials, introduction: None }).await
    }

    async fn refuses(gate: &Admittance, credentials: Credentials<'_>) -> bool {
        matches!(judge(gate, credentials).await, Verdict::Refuse(_))
    }

    /// mux:security:curve-clients, mux:security:gates.
    #[tokio::test]
    async fn the_gate_of_keys_lets_in_listed_keys_only() {
        let (listed, other) = (PublicKey::from_octets([1; 32]), PublicKey::from_octets([2; 32]));
        let gate = Admittance::keys([listed]);
        let accepted = Verdict::Accept(Principal::Key(listed));
        assert_eq!(judge(&gate, Credentials::Key(listed)).await, accepted);
        let user = Bytes::from_static(b"admin");
        for credentials in [Credentials::Key(other), Credentials::None, Credentials::User(&user)] {
            assert!(refuses(&gate, credentials).await, "{credentials:?}");
        }
        assert!(refuses(&Admittance::keys([]), Credentials::Key(listed)).await);
    }

    /// mux:security:plain-users, mux:security:gates.
    #[tokio::test]
    async fn the_gate_of_users_lets_in_users_with_their_passwords_only() {
        let credentials =
            |user: &str, password: &str| PlainCredentials::new(user, password).unwrap();
        let gate =
            Admittance::users([credentials("admin", "secret"), credentials("guest", "guest")]);
        let right = credentials("admin", "secret");
        let (admin, nobody) = (Bytes::from_static(b"admin"), Bytes::from_static(b"nobody"));
        let accepted = Verdict::Accept(Principal::User(admin.clone()));
        assert_eq!(judge(&gate, Credentials::Password(&right)).await, accepted);
        assert_eq!(judge(&gate, Credentials::User(&admin)).await, accepted);
        for (user, password) in [
            ("admin", ""),
            ("admin", "guest"),
            ("admin", "secrets"),
            ("guest", "secret"),
            ("Admin", "secret"),
            ("", ""),
            ("nobody", "secret"),
            ("nobody", "0123456789abcdef"),
        ] {
            let shown = credentials(user, password);
            assert!(refuses(&gate, Credentials::Password(&shown)).await, "{user}");
        }
        for credentials in [
            Credentials::User(&nobody),
            Credentials::Key(PublicKey::from_octets([1; 32])),
            Credentials::None,
        ] {
            assert!(refuses(&gate, credentials).await, "{credentials:?}");
        }
    }
}
