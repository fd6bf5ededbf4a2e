//! Who may be what, have which name, and send where.

use std::sync::Arc;

use bytes::Bytes;
use zmtp_proto::SocketType::{self, Dealer, Rep, Req, Router};

use super::Mux;
use crate::core::ListenerRole::{self, Any, Clients, Services};
use crate::core::{
    Acl, Admission, Admit, AllowAll, Applicant, Authorizer, BindingKey, Cause, DropReason, Held,
    MuxLimits, Name, NamePolicy, Outcome, Pattern, Principal, Refusal, Role, Standing, Transmit,
};

const DENIED: Outcome = Outcome::Dropped(DropReason::Denied);
const UNKNOWN: Outcome = Outcome::Dropped(DropReason::Unknown);

fn user(name: &'static str) -> Principal {
    Principal::User(Bytes::from_static(name.as_bytes()))
}

impl Mux {
    fn allowing(rules: &str) -> Self {
        let mut mux = Self::new();
        mux.rule(rules);
        mux
    }

    fn rule(&mut self, rules: &str) {
        let _former = self.core.set_authorizer(Arc::new(Acl::parse(rules.as_bytes()).unwrap()));
    }

    /// Introduces a peer of this user.
    fn introduce_as(
        &mut self,
        user_name: &'static str,
        on: ListenerRole,
        name: &[u8],
    ) -> Admission {
        self.principal = user(user_name);
        self.introduce(Dealer, on, name)
    }

    /// Lets in a peer of this user, which must be let in, and returns its binding address too.
    fn join_as(
        &mut self,
        user_name: &'static str,
        on: ListenerRole,
        name: &[u8],
    ) -> (BindingKey, Vec<u8>) {
        self.principal = user(user_name);
        self.join(Dealer, on, name)
    }

    fn is_gone(&mut self, key: BindingKey) -> bool {
        let mut flight = crate::core::Flight::default();
        !self.core.is_bound(key)
            && self.core.poll_transmit(key, 0, &mut flight) == Transmit::End(Cause::Evicted)
    }
}

/// mux:authority:asked.
#[test]
fn without_an_authorizer_everything_is_allowed() {
    for principal in [Principal::None, user("a"), Principal::Ipc { uid: 0, gid: 0 }] {
        let mut mux = Mux::new();
        mux.principal = principal.clone();
        let service = mux.service(b"engine");
        let (client, _) = mux.join(Dealer, Clients, b"ui");
        assert_eq!(mux.send(client, &[b"engine", b"x"]), Outcome::Admitted);
        assert_eq!(mux.send(client, &[b"nobody", b"x"]), UNKNOWN);
        assert_eq!(mux.send(service, &[b"ui", b"x"]), Outcome::Admitted);
        let all = Pattern::new(Bytes::from_static(b"*")).unwrap();
        assert!(AllowAll.may_watch(&principal, &all));
    }
}

/// mux:authority:claim-denied, mux:authority:before-existence.
#[test]
fn a_service_without_the_grant_is_refused_alike_whether_its_name_is_held_free_or_an_alias() {
    let mut mux = Mux::allowing("plain:a claim engine.*\nplain:ui alias engine.ui\n");
    let held = mux.join_as("a", Services, b"engine.7").0;
    let alias = mux.join_as("ui", Clients, b"engine.ui").0;
    for on in [Services, Any] {
        for name in [&b"engine.7"[..], b"engine.8", b"engine.ui", b"x"] {
            let refused = mux.introduce_as("b", on, name);
            assert_eq!(refused, Admission::Refused(Refusal::NameNotGranted));
        }
    }
    assert_eq!(mux.core.name(held).unwrap().as_octets(), b"engine.7");
    assert_eq!(mux.core.name(alias).unwrap().as_octets(), b"engine.ui");
    assert_eq!((mux.core.bindings(), mux.core.counters().claims_denied), (2, 8));
    assert_eq!(mux.core.counters().duplicates, 0, "nobody looked who holds it");
    assert!(matches!(mux.introduce_as("a", Services, b"engine.7"), Admission::Admitted { .. }));
}

/// mux:authority:alias-ignored, mux:limit:counted.
#[test]
fn a_client_without_the_grant_is_served_without_its_alias() {
    let mut mux = Mux::allowing("* send *\nplain:a claim engine\nplain:ui alias ui.*\n");
    let service = mux.join_as("a", Services, b"engine").0;
    for (user_name, name, held) in
        [("ui", &b"ui.1"[..], true), ("ui", b"engine", false), ("a", b"ui.2", false)]
    {
        let (client, address) = mux.join_as(user_name, Clients, name);
        assert_eq!(mux.core.name(client).is_some(), held);
        assert_eq!(mux.send(client, &[b"engine", b"ask"]), Outcome::Admitted);
        assert_eq!(mux.receive(service), [[&address[..], b"ask"]]);
    }
    assert_eq!(mux.send(service, &[b"ui.1", b"x"]), Outcome::Admitted);
    assert_eq!(mux.send(service, &[b"ui.2", b"x"]), UNKNOWN);
    let counters = mux.core.counters();
    assert_eq!((counters.aliases_not_granted, counters.aliases_denied), (2, 0));
}

/// mux:authority:send, mux:authority:before-existence.
#[test]
fn a_denied_destination_is_denied_whether_it_exists_or_not() {
    let mut mux = Mux::allowing("plain:a claim *\nplain:ui alias *\nplain:b send engine.*\n");
    let seen = mux.join_as("a", Services, b"engine.1").0;
    let other = mux.join_as("a", Services, b"log.1").0;
    let alias = mux.join_as("ui", Clients, b"ui").0;
    let (client, _) = mux.join_as("b", Clients, b"");
    for (name, outcome) in [
        (&b"engine.1"[..], Outcome::Admitted),
        (b"engine.2", UNKNOWN),
        (b"log.1", DENIED),
        (b"log.2", DENIED),
        (b"ui", DENIED),
        (b"engine", DENIED),
    ] {
        // The second time it is where the last message went.
        for _ in 0..2 {
            assert_eq!(mux.send(client, &[name, b"x"]), outcome, "{}", name.escape_ascii());
        }
    }
    for key in [other, alias, seen] {
        assert_eq!(mux.send(key, &[b"log.1", b"x"]), DENIED, "not even to itself");
    }
    assert_eq!((mux.receive(seen).len(), mux.dropped(DropReason::Denied)), (2, 11));
    assert_eq!(mux.queued(), 0);
}

/// mux:authority:send, mux:alias:services-only.
#[test]
fn a_service_needs_the_permission_for_names_and_aliases_as_well() {
    let mut mux = Mux::allowing("* claim *\n* alias *\nplain:a send ui.*\nplain:a send engine.2\n");
    let service = mux.join_as("a", Services, b"engine.1").0;
    for (on, name) in [(Clients, &b"ui.1"[..]), (Services, b"engine.2")] {
        let peer = mux.join_as("b", on, name).0;
        assert_eq!(mux.send(service, &[name, b"x"]), Outcome::Admitted);
        assert_eq!(mux.receive(peer), [[&b"engine.1"[..], b"x"]]);
    }
    assert_eq!(mux.send(service, &[b"engine.1", b"x"]), DENIED);
}

/// mux:authority:binding, mux:address:binding-is-capability, mux:address:service-binding.
#[test]
fn the_binding_address_of_a_client_is_open_and_that_of_a_service_is_its_name() {
    let mut mux = Mux::allowing("plain:a claim *\nplain:ui alias ui\nplain:b send engine.1\n");
    let (client, address) = mux.join_as("ui", Clients, b"ui");
    let (open, open_address) = mux.join_as("a", Services, b"engine.1");
    let (shut, shut_address) = mux.join_as("a", Services, b"engine.2");
    let (source, _) = mux.join_as("b", Clients, b"");
    for _ in 0..2 {
        for from in [source, open, shut] {
            assert_eq!(mux.send(from, &[&address, b"reply"]), Outcome::Admitted);
            // That it may reply says nothing of the alias, though the last message went there.
            assert_eq!(mux.send(from, &[b"ui", b"x"]), DENIED);
        }
        assert_eq!(mux.send(source, &[&open_address, b"x"]), Outcome::Admitted);
        assert_eq!(mux.send(source, &[&shut_address, b"x"]), DENIED);
    }
    let received = [client, open, shut].map(|key| mux.receive(key).len());
    assert_eq!(received, [6, 2, 0]);
}

/// mux:authority:replaced.
#[test]
fn a_new_authorizer_counts_from_the_next_message_on() {
    let mut mux = Mux::new();
    let service = mux.service(b"engine");
    let (client, address) = mux.client();
    assert_eq!(mux.send(client, &[b"engine", b"1"]), Outcome::Admitted);
    mux.rule("none claim engine\n");
    assert_eq!(mux.send(client, &[b"engine", b"2"]), DENIED);
    assert_eq!(mux.send(service, &[&address, b"3"]), Outcome::Admitted);
    mux.rule("none claim engine\nnone send engine\n");
    assert_eq!(mux.send(client, &[b"engine", b"4"]), Outcome::Admitted);
    let received = mux.receive(service);
    assert_eq!(received, [[&address[..], b"1"], [&address, b"4"]], "what was admitted stays");
}

/// mux:authority:withdrawn, mux:limit:counted.
#[test]
fn a_new_authorizer_takes_names_from_those_who_may_not_have_them() {
    let mut mux = Mux::with(MuxLimits { name_policy: NamePolicy::Reject, ..MuxLimits::default() });
    let service = mux.join_as("a", Services, b"engine.1").0;
    let kept = mux.join_as("a", Services, b"engine.2").0;
    let waiting = mux.introduce_as("a", Services, b"engine.2");
    let Admission::Held { key: waiting, .. } = waiting else { panic!("{waiting:?}") };
    let heir = mux.introduce_as("b", Services, b"engine.1");
    let Admission::Held { key: heir, .. } = heir else { panic!("{heir:?}") };
    let loser = mux.introduce_as("c", Services, b"engine.1");
    let Admission::Held { key: loser, .. } = loser else { panic!("{loser:?}") };
    let (client, address) = mux.join_as("ui", Clients, b"ui.1");
    let (named, _) = mux.join_as("ui", Clients, b"ui.2");
    let nameless = mux.introduce_as("c", Services, b"");
    assert!(matches!(nameless, Admission::Admitted { standing: Standing::Nameless, .. }));
    assert_eq!(mux.send(client, &[b"engine.1", b"lost"]), Outcome::Admitted);
    let _ = mux.woken();
    mux.rule("plain:a claim engine.2\nplain:b claim engine.*\nplain:ui alias ui.2\n* send *\n");
    let mut woken = mux.woken();
    woken.sort_unstable();
    let mut expected = [service, heir, loser];
    expected.sort_unstable();
    assert_eq!(woken, expected);
    assert!(mux.is_gone(service) && mux.is_gone(loser));
    assert!(matches!(mux.held(heir), Held::Admitted { .. }));
    assert_eq!(mux.held(loser), Held::End);
    assert!(matches!(mux.held(waiting), Held::Waiting { .. }));
    assert_eq!(mux.dropped(DropReason::Unreachable), 1);
    assert_eq!(mux.send(service, &[&address, b"x"]), Outcome::NotBound);
    assert_eq!(mux.send(client, &[b"engine.1", b"x"]), Outcome::Admitted);
    assert_eq!(mux.receive(heir), [[&address[..], b"x"]]);
    assert_eq!(mux.send(kept, &[b"ui.1", b"x"]), UNKNOWN);
    assert_eq!(mux.send(kept, &[b"ui.2", b"x"]), Outcome::Admitted);
    assert_eq!(mux.send(kept, &[&address, b"x"]), Outcome::Admitted);
    assert_eq!((mux.receive(client).len(), mux.receive(named).len()), (1, 1));
    let counters = mux.core.counters();
    assert_eq!(
        (counters.evicted, counters.aliases_withdrawn, counters.duplicates_granted),
        (2, 1, 1)
    );
    assert_eq!((mux.queued(), mux.core.bindings()), (0, 6));
}

/// Says the same of every peer, and denies one name.
#[derive(Debug)]
struct Says(Admit);

impl Authorizer for Says {
    fn admit(&self, applicant: &Applicant<'_>) -> Admit {
        assert_eq!(applicant.principal, &user("a"));
        self.0.clone()
    }

    fn may_claim(&self, _: &Principal, _: Role, name: &[u8]) -> bool {
        name != b"denied"
    }

    fn may_send(&self, _: &Principal, _: &[u8]) -> bool {
        true
    }

    fn may_watch(&self, _: &Principal, _: &Pattern) -> bool {
        false
    }
}

/// What became of a peer: its role and the name that it holds, or why it was refused.
fn admitted(
    choice: Admit,
    kind: SocketType,
    on: ListenerRole,
    announced: &'static str,
) -> Result<(Role, &'static str), Refusal> {
    let mut mux = Mux::new();
    let _former = mux.core.set_authorizer(Arc::new(Says(choice)));
    mux.principal = user("a");
    match mux.introduce(kind, on, announced.as_bytes()) {
        Admission::Admitted { key, .. } => {
            let name = mux.core.name(key).map_or("", |name| match name.as_octets() {
                b"own" => "own",
                b"given" => "given",
                other => panic!("{}", other.escape_ascii()),
            });
            Ok((mux.core.role(key).unwrap(), name))
        }
        Admission::Refused(refusal) => Err(refusal),
        other @ (Admission::Held { .. } | Admission::Dismissed) => panic!("{other:?}"),
    }
}

fn given(name: &'static str) -> Option<Name> {
    Name::new(Bytes::from_static(name.as_bytes()))
}

/// mux:authority:admit.
#[test]
fn the_authorizer_chooses_the_role_on_any_and_nowhere_else() {
    for role in [Role::Client, Role::Service] {
        for name in ["", "own"] {
            for kind in [Dealer, Router] {
                let on = |listener| admitted(Admit::Role(role, None), kind, listener, name);
                assert_eq!(on(Any), Ok((role, name)));
                assert_eq!(on(Clients), Ok((Role::Client, name)));
                assert_eq!(on(Services), Ok((Role::Service, name)));
            }
            let req = |listener| admitted(Admit::Role(role, None), Req, listener, name);
            assert_eq!(req(Any), Ok((Role::Client, name)));
            assert_eq!(req(Services), Err(Refusal::ReqIsNoService));
        }
        assert_eq!(admitted(Admit::Role(role, None), Rep, Any, "own"), Ok((Role::Service, "own")));
        for (kind, refusal) in
            [(Rep, Refusal::RepWithoutName), (SocketType::Pair, Refusal::SocketType)]
        {
            assert_eq!(admitted(Admit::Role(role, None), kind, Any, ""), Err(refusal));
            assert_eq!(admitted(Admit::Refuse, kind, Any, ""), Err(refusal));
        }
    }
    for on in [Any, Clients, Services] {
        assert_eq!(admitted(Admit::Refuse, Dealer, on, "own"), Err(Refusal::NotAdmitted));
    }
}

/// mux:authority:name-given, mux:authority:claim-denied.
#[test]
fn the_authorizer_gives_names_that_go_before_the_announced_ones() {
    for announced in ["", "own"] {
        let service = Admit::Role(Role::Service, given("given"));
        assert_eq!(
            admitted(service.clone(), Dealer, Services, announced),
            Ok((Role::Service, "given"))
        );
        assert_eq!(
            admitted(service.clone(), Rep, Services, announced),
            Ok((Role::Service, "given"))
        );
        assert_eq!(admitted(service, Req, Any, announced), Ok((Role::Client, "given")));
        let denied = Admit::Role(Role::Service, given("denied"));
        assert_eq!(admitted(denied.clone(), Dealer, Any, announced), Err(Refusal::NameNotGranted));
        assert_eq!(admitted(denied, Dealer, Clients, announced), Ok((Role::Client, "")));
    }
}

/// mux:acl:any-by-grant.
#[test]
fn on_any_access_rules_make_a_client_of_who_may_have_the_name_as_alias_only() {
    let mut mux =
        Mux::allowing("plain:a claim engine\nplain:a alias engine\nplain:b alias engine\n");
    let client = mux.join_as("b", Any, b"engine").0;
    assert_eq!(
        (mux.core.role(client), mux.core.name(client).is_some()),
        (Some(Role::Client), true)
    );
    let service = mux.join_as("a", Any, b"engine").0;
    assert_eq!(mux.core.role(service), Some(Role::Service));
    assert_eq!(mux.core.name(client), None, "it has yielded");
    let refused = mux.introduce_as("b", Any, b"other");
    assert_eq!(refused, Admission::Refused(Refusal::NameNotGranted));
    mux.principal = user("b");
    let rep = mux.introduce(Rep, Any, b"engine");
    assert_eq!(rep, Admission::Refused(Refusal::NameNotGranted), "a REP is a service only");
}
