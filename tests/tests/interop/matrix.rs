//! Every kind of client with every kind of service, over every transport.

use zmtp_mux_tests::peers::fresh;
use zmtp_mux_tests::{Muxd, Peers};

use crate::kinds::{
    CLIENTS, Client, MUX_FOR_CLIENTS, MUX_FOR_SERVICES, SERVICES, Service, ServiceKind, round_trip,
};

/// mux:envelope:address-swapped, mux:envelope:rest-unchanged, mux:address:service-shown-by-name,
/// mux:address:client-shown-by-binding, mux:role:own-identity.
#[test]
fn every_client_gets_its_answer_from_every_service_over_tcp() {
    let any_port = || zmtp_mux_tests::muxd::ANY_PORT.to_owned();
    every_client_with_every_service([any_port(), any_port(), any_port()], &[]);
}

/// mux:role:type-announced, mux:req:address-after-delimiter, mux:req:answer-form,
/// 28:rep:envelope-returned, 28:req:delimiter.
#[test]
fn every_client_gets_its_answer_from_every_service_over_a_path() {
    let folder = tempfile::tempdir().unwrap();
    let at = |file: &str| format!("ipc://{}", folder.path().join(file).display());
    every_client_with_every_service([at("clients"), at("services"), at("rep")], &[]);
}

#[cfg(target_os = "linux")]
#[test]
fn every_client_gets_its_answer_from_every_service_over_an_abstract_name() {
    let name = || format!("ipc://@{}", fresh("zmtp-mux-tests"));
    every_client_with_every_service([name(), name(), name()], &[]);
}

#[test]
fn every_client_gets_its_answer_from_every_service_on_two_threads() {
    let any_port = || zmtp_mux_tests::muxd::ANY_PORT.to_owned();
    every_client_with_every_service([any_port(), any_port(), any_port()], &["--threads", "2"]);
}

/// mux:role:any-by-name.
#[test]
fn one_listener_serves_both_when_services_have_names() {
    let muxd = Muxd::start(&["--any", zmtp_mux_tests::muxd::ANY_PORT]);
    let peers = Peers::new();
    let service = Service::connect(&peers, ServiceKind::Dealer, muxd.endpoint("any"), "engine");
    let clients = CLIENTS[..3].iter();
    let clients = clients.map(|kind| Client::connect(&peers, *kind, muxd.endpoint("any")));
    let clients: Vec<_> = clients.collect();
    muxd.wait_counter("bindings", |bindings| bindings == 4);
    for client in &clients {
        round_trip(client, &service, &[b"ask"], &[b"answer"]);
    }
    assert_eq!(muxd.stop().of("handed_over"), 6);
}

fn every_client_with_every_service(urls: [String; 3], options: &[&str]) {
    let [clients, services, rep] = urls;
    let clients = format!("{clients}?identity={MUX_FOR_CLIENTS}");
    let named = format!("{services}?identity={MUX_FOR_SERVICES}");
    let rep = format!("{rep}?name=the%20rep");
    let mut args = vec!["--clients", &clients, "--services", &named, "--services", &rep];
    args.extend(options);
    let muxd = Muxd::start(&args);
    let peers = Peers::new();
    let clients = CLIENTS.map(|kind| Client::connect(&peers, kind, muxd.clients()));
    let at: Vec<_> = muxd.endpoints("services").collect();
    let services = SERVICES.map(|kind| match kind {
        ServiceKind::Dealer => Service::connect(&peers, kind, at[0], "a dealer"),
        ServiceKind::Router => Service::connect(&peers, kind, at[0], "a router"),
        ServiceKind::Rep => Service::connect(&peers, kind, at[1], "the rep"),
    });
    muxd.wait_counter("bindings", |bindings| bindings == 7);
    let bodies: [&[&[u8]]; 5] =
        [&[b"hello"], &[b""], &[b"", b""], &[b"", b"a", b"", b"b", b""], &[b"a", b"", b"\0\xff"]];
    for client in &clients {
        for service in &services {
            for (asked, answered) in bodies.iter().zip(bodies.iter().rev()) {
                round_trip(client, service, asked, answered);
            }
        }
    }
    let sent = i64::try_from(2 * CLIENTS.len() * SERVICES.len() * bodies.len()).unwrap();
    let counters = muxd.stop();
    assert_eq!((counters.of("received"), counters.of("handed_over")), (sent, sent));
}
