//! What was recorded on one connection, sent again on another, or back to whoever made it.

use super::*;

/// A server with the same permanent key and the same cookie key, but other chance.
fn next_connection() -> End {
    let server = CurveServer::new(server_keys(), cookie_key(), from(0x99));
    let mut end = End::acceptor(security(server));
    end.feed(&greeting(SecurityRole::Client), start());
    end
}

/// 26:curve:cookie-of-this-connection, 26:curve:transient-keys.
#[test]
fn a_recorded_handshake_fails_on_the_next_connection() {
    let mut server = next_connection();
    let _ = server.sent();
    server.feed(&hex(HELLO), start());
    let welcome = server.sent();
    assert_eq!(welcome.len(), hex(WELCOME).len(), "whoever has a key may knock");
    assert_ne!(welcome, hex(WELCOME));
    assert_eq!(refused_by_curve(&mut server, &hex(INITIATE)), CurveError::Cookie);
}

/// 26:curve:hello-once.
#[test]
fn a_recorded_hello_is_not_welcomed_where_it_was_seen_and_a_forged_one_is_not_seen() {
    let seen = Arc::new(SeenHellos::default());
    let fresh = || {
        let server = curve_server().with_seen(Arc::clone(&seen));
        let mut end = End::acceptor(security(server));
        end.feed(&greeting(SecurityRole::Client), start());
        end
    };
    let mut forged = hex(HELLO);
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(refused_by_curve(&mut fresh(), &forged), CurveError::Box);
    let mut server = fresh();
    server.feed(&hex(HELLO), start());
    assert!(server.sent().ends_with(&hex(WELCOME)), "the forger has not shut out the client");
    assert_eq!(refused_by_curve(&mut fresh(), &hex(HELLO)), CurveError::SeenBefore);
    // Not even its box is opened.
    assert_eq!(refused_by_curve(&mut fresh(), &forged), CurveError::SeenBefore);
}

/// 26:curve:cookie-of-this-connection.
#[test]
fn a_cookie_of_another_connection_does_not_open_this_one() {
    // The same client, welcomed twice; it answers the first WELCOME on the second connection.
    let mut second = next_connection();
    second.feed(&hex(HELLO), start());
    let welcome = second.sent()[64..].to_vec();
    let mut client = client_at(ClientAwaits::Welcome);
    let _ = client.sent();
    client.feed(&welcome, start());
    let initiate = client.sent();
    let mut first = server_at(ServerAwaits::Initiate);
    assert_eq!(refused_by_curve(&mut first, &initiate), CurveError::Cookie);
    second.feed(&initiate, start());
    assert_eq!((second.failed, second.seen.len()), (None, 1));
}

/// 26:curve:cookie.
#[test]
fn another_client_gets_nowhere_with_a_recorded_initiate() {
    let client = CurveClient::new(server_keys().public, client_keys(), from(0x55));
    let mut client = End::connector(ClientSecurity::Curve(Box::new(client)));
    client.feed(&greeting(SecurityRole::Server), start());
    let mut server = server_at(ServerAwaits::Hello);
    let _ = server.sent();
    server.feed(&client.sent()[64..], start());
    assert_eq!(server.sent().len(), hex(WELCOME).len());
    // The random part of the cookie is even the same here, but the key in it is not.
    assert_eq!(refused_by_curve(&mut server, &hex(INITIATE)), CurveError::Cookie);
}

/// 26:curve:order, 26:curve:silent-close.
#[test]
fn each_command_is_taken_once() {
    let server = |awaits, again| server_at(awaits).refuses(&hex(again));
    for error in [
        server(ServerAwaits::Initiate, HELLO),
        client_at(ClientAwaits::Ready).refuses(&hex(WELCOME)),
    ] {
        assert!(matches!(error, ConnectionError::Unexpected { .. }), "{error}");
    }
    for error in [
        server(ServerAwaits::Message, HELLO),
        server(ServerAwaits::Message, INITIATE),
        client_at(ClientAwaits::Message).refuses(&hex(WELCOME)),
        client_at(ClientAwaits::Message).refuses(&hex(READY)),
    ] {
        assert!(matches!(error, ConnectionError::Curve(_)), "{error}");
    }
}

/// 26:curve:message-prefixes.
#[test]
fn nobody_can_be_sent_his_own_messages() {
    let (mut client, mut server) =
        (client_at(ClientAwaits::Message), server_at(ServerAwaits::Message));
    for end in [&mut client, &mut server] {
        // The first has a counter that the peer has used in the handshake.
        end.connection.send(crate::Message::single(b"first")).unwrap();
        let _ = end.sent();
        end.connection.send(crate::Message::single(b"mirror")).unwrap();
        let own = end.sent();
        assert_eq!(refused_by_curve(end, &own), CurveError::Box);
    }
}

/// 26:curve:cookie, 26:curve:cookie-key-short-lived.
#[test]
fn without_the_key_that_sealed_it_a_cookie_is_worth_nothing() {
    let chance = joined(&[&from::<32>(SERVER_TRANSIENT), &from::<16>(0xa0), &from::<16>(0xb0)]);
    let later = Arc::new(CookieKey::from_octets(from(0x42)));
    let mut server = End::acceptor(security(CurveServer::new(server_keys(), later, chance)));
    server.feed(&greeting(SecurityRole::Client), start());
    server.feed(&hex(HELLO), start());
    assert_eq!(refused_by_curve(&mut server, &hex(INITIATE)), CurveError::Cookie);
}

/// 26:curve:welcome-box.
#[test]
fn a_server_that_does_not_hold_the_key_cannot_welcome() {
    let keys = Arc::new(KeyPair::from_secret(SecretKey::from_octets([7; 32])));
    let mut server = End::acceptor(security(CurveServer::new(keys, cookie_key(), from(1))));
    server.feed(&greeting(SecurityRole::Client), start());
    // It cannot even open HELLO.
    assert_eq!(refused_by_curve(&mut server, &hex(HELLO)), CurveError::Box);
    // A WELCOME for another HELLO does not open either.
    let mut client = End::connector(ClientSecurity::Curve(Box::new(CurveClient::new(
        server_keys().public,
        client_keys(),
        from(0x55),
    ))));
    client.feed(&greeting(SecurityRole::Server), start());
    assert_eq!(refused_by_curve(&mut client, &hex(WELCOME)), CurveError::Box);
}
