//! Names that are claimed by a peer that is in already.

use std::time::Duration;

use bytes::Bytes;
use zmtp_proto::SocketType::{Dealer, Req};

use super::Mux;
use crate::core::ListenerRole::{Any, Clients, Services};
use crate::core::pool::Used;
use crate::core::{
    Admission, BindingKey, Cause, Introduction, Name, NameClaim, Outcome, Principal, Role, Standing,
};

impl Mux {
    pub(super) fn nameless(&mut self, principal: &Principal) -> BindingKey {
        let peer = self.introduction(Dealer, Services, b"");
        let peer = Introduction { principal: principal.clone(), ..peer };
        let admission = self.core.handle_introduction(peer, self.now, self.wall);
        let Admission::Admitted { key, standing: Standing::Nameless, .. } = admission else {
            panic!("{admission:?}");
        };
        key
    }

    fn ask(&mut self, key: BindingKey, name: &[u8]) -> NameClaim {
        let name = Name::new(Bytes::copy_from_slice(name)).unwrap();
        self.core.claim_name(key, name, self.now)
    }
}

/// mux:name:claimed-later, mux:address:service-shown-by-name.
#[test]
fn a_peer_without_a_name_claims_a_free_one_and_is_a_service() {
    for on in [Services, Any] {
        let mut mux = Mux::new();
        let peer = match on {
            Services => mux.nameless(&Principal::None),
            Any | Clients => mux.join(Dealer, on, b"").0,
        };
        let (client, address) = mux.client();
        assert_eq!(mux.ask(peer, b"engine"), NameClaim::Granted { generation: 1_000 });
        assert_eq!(mux.send(client, &[b"engine", b"ask"]), Outcome::Admitted);
        assert_eq!(mux.receive(peer), [[&address[..], b"ask"]]);
        assert_eq!(mux.send(peer, &[&address, b"answer"]), Outcome::Admitted);
        assert_eq!(mux.receive(client), [[b"engine", &b"answer"[..]]]);
        assert_eq!(mux.ask(peer, b"engine"), NameClaim::Granted { generation: 1_000 }, "again");
        assert!(matches!(mux.introduce(Dealer, Services, b"engine"), Admission::Held { .. }));
    }
}

/// mux:overload:treatment-follows, mux:overload:clients-half, mux:overload:write-stall.
#[test]
fn a_client_that_becomes_a_service_is_treated_as_one() {
    let mut mux = Mux::new();
    let engine = mux.service(b"engine");
    let (peer, address) = mux.join(Dealer, Any, b"");
    assert_eq!(mux.send(engine, &[&address, b"x"]), Outcome::Admitted);
    assert_eq!(mux.core.treatment(peer).role, Role::Client);
    assert!(mux.core.treatment(peer).write_stall.is_some());
    assert!(matches!(mux.ask(peer, b"solver"), NameClaim::Granted { .. }));
    assert_eq!(mux.core.treatment(peer).role, Role::Service);
    assert_eq!(mux.core.treatment(peer).write_stall, None);
    assert_eq!(mux.core.used_by_clients, Used::default(), "what waits for it, waits for no client");
    assert_eq!(mux.receive(peer), [[&b"engine"[..], b"x"]]);
    assert_eq!(mux.core.used_by_clients, Used::default());
}

/// mux:name:one-per-binding.
#[test]
fn a_second_name_or_one_after_the_first_message_is_malformed() {
    let mut mux = Mux::new();
    let service = mux.service(b"engine");
    assert_eq!(mux.ask(service, b"other"), NameClaim::Malformed);
    let (client, address) = mux.join(Dealer, Any, b"");
    assert_eq!(mux.send(client, &[&address, b"x"]), Outcome::Admitted);
    assert_eq!(mux.ask(client, b"late"), NameClaim::Malformed);
    let held = mux.hold(b"engine");
    assert_eq!(mux.ask(held, b"other"), NameClaim::NotBound);
    mux.close(held);
    assert_eq!(mux.ask(held, b"other"), NameClaim::NotBound);
}

/// mux:name:claimed-later, mux:probe:outlives-newcomers, mux:probe:ghost-evicted.
#[test]
fn a_claim_of_a_held_name_asks_the_holder_and_says_when_to_come_again() {
    let mut mux = Mux::new();
    let ghost = mux.service(b"engine");
    let peer = mux.nameless(&Principal::None);
    let busy = |millis| NameClaim::Busy { retry_after: Duration::from_millis(millis) };
    assert_eq!(mux.ask(peer, b"engine"), busy(2_100));
    assert_eq!(mux.woken(), [ghost]);
    assert!(mux.receive(ghost).is_empty(), "the PING is written");
    mux.pass(Duration::from_millis(1_500));
    assert_eq!(mux.ask(peer, b"engine"), busy(600));
    mux.pass(Duration::from_millis(600));
    assert!(matches!(mux.ask(peer, b"engine"), NameClaim::Granted { .. }));
    assert_eq!(mux.core.poll_end(ghost), Some(Cause::Evicted));
    // A peer that waits in its handshake waits longer.
    let first = mux.hold(b"engine");
    mux.receive(peer);
    mux.pass(Duration::from_secs(2));
    let late = mux.nameless(&Principal::None);
    assert_eq!(mux.ask(late, b"engine"), busy(2_100));
    assert!(matches!(mux.held(first), crate::core::Held::Admitted { .. }));
}

/// mux:name:claimed-later, mux:takeover:same-principal, mux:takeover:never-from-another.
#[test]
fn a_claim_after_the_handshake_takes_over_as_one_in_it_does() {
    let mut mux = Mux::new();
    let [alice, bob] =
        [&b"alice"[..], b"bob"].map(|user| Principal::User(Bytes::copy_from_slice(user)));
    let holder = mux.service_of(b"engine", &alice);
    let other = mux.nameless(&bob);
    let retry_after = Duration::from_millis(2_100);
    assert_eq!(mux.ask(other, b"engine"), NameClaim::Busy { retry_after });
    let same = mux.nameless(&alice);
    assert!(matches!(mux.ask(same, b"engine"), NameClaim::Granted { .. }));
    assert_eq!(mux.core.poll_end(holder), Some(Cause::Takeover));
}

/// mux:alias:never-waits.
#[test]
fn a_client_claims_an_alias_or_goes_on_without() {
    let mut mux = Mux::new();
    mux.service(b"engine");
    let (client, _) = mux.client();
    let (req, _) = mux.join(Req, Any, b"");
    assert_eq!(mux.ask(client, b"engine"), NameClaim::Unnamed);
    assert!(matches!(mux.ask(client, b"ui"), NameClaim::Granted { .. }));
    assert_eq!(mux.ask(req, b"ui"), NameClaim::Unnamed);
    assert!(mux.woken().is_empty(), "nobody is asked");
    let (named, _) = mux.join(Dealer, Clients, b"gui");
    assert_eq!(mux.ask(named, b"ui"), NameClaim::Malformed);
}
