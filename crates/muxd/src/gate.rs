//! Who is let in: holders of listed keys, and users with their passwords.

use std::collections::HashSet;
use std::future::ready;

use zmtp_mux::{Authenticator, Claim, Credentials, PublicKey, Verdict, Verdicting};

use crate::users::Users;

/// Lets in whoever holds one of these keys.
#[derive(Debug)]
pub(crate) struct KeyGate(pub(crate) HashSet<PublicKey>);

/// Lets in these users, with their passwords.
#[derive(Debug)]
pub(crate) struct UserGate(pub(crate) Users);

impl Authenticator for KeyGate {
    // spec: mux:security:curve-clients
    fn authenticate<'a>(&'a self, claim: Claim<'a>) -> Verdicting<'a> {
        judged(&claim, matches!(claim.credentials, Credentials::Key(key) if self.0.contains(&key)))
    }
}

impl Authenticator for UserGate {
    // spec: mux:security:plain-users
    fn authenticate<'a>(&'a self, claim: Claim<'a>) -> Verdicting<'a> {
        let known = if let Credentials::Password(credentials) = claim.credentials {
            self.0.know(credentials)
        } else {
            // The password of such a user was judged before.
            matches!(claim.credentials, Credentials::User(user) if self.0.have(user))
        };
        judged(&claim, known)
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use zmtp_mux::{PeerAddress, PlainCredentials, Principal};

    use super::*;

    async fn judge(gate: &impl Authenticator, credentials: Credentials<'_>) -> Verdict {
        let address = PeerAddress::Unknown;
        gate.authenticate(Claim { address, credentials, introduction: None }).await
    }

    async fn refuses(gate: &impl Authenticator, credentials: Credentials<'_>) -> bool {
        matches!(judge(gate, credentials).await, Verdict::Refuse(_))
    }

    /// mux:security:curve-clients.
    #[tokio::test]
    async fn the_gate_of_keys_lets_in_listed_keys_only() {
        let (listed, other) = (PublicKey::from_octets([1; 32]), PublicKey::from_octets([2; 32]));
        let gate = KeyGate(HashSet::from([listed]));
        let accepted = Verdict::Accept(Principal::Key(listed));
        assert_eq!(judge(&gate, Credentials::Key(listed)).await, accepted);
        let user = Bytes::from_static(b"admin");
        for credentials in [Credentials::Key(other), Credentials::None, Credentials::User(&user)] {
            assert!(refuses(&gate, credentials).await, "{credentials:?}");
        }
        assert!(refuses(&KeyGate(HashSet::new()), Credentials::Key(listed)).await);
    }

    /// mux:security:plain-users.
    #[tokio::test]
    async fn the_gate_of_users_lets_in_users_with_their_passwords_only() {
        let gate = UserGate(Users::parse(b"admin:secret\n").unwrap());
        let right = PlainCredentials::new("admin", "secret").unwrap();
        let (admin, nobody) = (Bytes::from_static(b"admin"), Bytes::from_static(b"nobody"));
        let accepted = Verdict::Accept(Principal::User(admin.clone()));
        assert_eq!(judge(&gate, Credentials::Password(&right)).await, accepted);
        assert_eq!(judge(&gate, Credentials::User(&admin)).await, accepted);
        let wrong_password = PlainCredentials::new("admin", "guess").unwrap();
        let wrong_user = PlainCredentials::new("nobody", "secret").unwrap();
        for credentials in [
            Credentials::Password(&wrong_password),
            Credentials::Password(&wrong_user),
            Credentials::User(&nobody),
            Credentials::Key(PublicKey::from_octets([1; 32])),
            Credentials::None,
        ] {
            assert!(refuses(&gate, credentials).await, "{credentials:?}");
        }
    }
}
