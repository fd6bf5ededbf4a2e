//! CURVE listeners.

use zmtp_mux_tests::Muxd;
use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_proto::ClientSecurity;

use crate::files::{Files, Keys};
use crate::peer::{Peer, assert_null_refused, assert_refused, curve};

/// Lets a service and a client of this security exchange a request.
fn exchange(muxd: &Muxd, service: ClientSecurity, client: ClientSecurity) {
    let mut service = Peer::connect(muxd.services(), service, "engine").unwrap();
    let mut client = Peer::connect(muxd.clients(), client, "").unwrap();
    client.send(&["engine", "ask"]);
    service.echo();
    client.expect(&["engine", "ask"]);
}

/// mux:security:curve-secret-file, mux:security:curve-clients, 37:auth:refused-for-good-error.
#[test]
fn holders_of_listed_keys_are_let_in_and_all_others_refused() {
    let (files, server) = (Files::new(), Keys::generate());
    let (service, client, stranger) = (Keys::generate(), Keys::generate(), Keys::generate());
    let list = format!("# services\n{}\n\n# clients\n{}\n", service.public(), client.public());
    let muxd = Muxd::start(&[
        "--curve-secret",
        &files.secret("server", &server.printed),
        "--curve-clients",
        &files.with_mode("clients", &list, 0o644),
        "--clients",
        ANY_PORT,
        "--services",
        ANY_PORT,
    ]);
    muxd.wait_log(&format!("curve public key {}", server.public()));
    for url in [muxd.clients(), muxd.services()] {
        assert_refused(url, curve(server.public(), &stranger));
        assert_null_refused(url);
    }
    exchange(&muxd, curve(server.public(), &service), curve(server.public(), &client));
    assert_eq!(muxd.stop().of("handed_over"), 2);
}

/// mux:security:open-needed, mux:security:curve-secret-file.
#[test]
fn without_a_list_any_key_will_do() {
    let (files, server) = (Files::new(), Keys::generate());
    let muxd = Muxd::start(&[
        "--open",
        "--curve-secret",
        &files.secret("server", &server.pair.secret.to_z85()),
        "--clients",
        ANY_PORT,
        "--services",
        ANY_PORT,
    ]);
    muxd.wait_log(&format!("curve public key {}", server.public()));
    let (service, client) = (Keys::generate(), Keys::generate());
    assert_null_refused(muxd.clients());
    exchange(&muxd, curve(server.public(), &service), curve(server.public(), &client));
    assert_eq!(muxd.stop().of("handed_over"), 2);
}
