//! Public keys with which there is no secret, in each place where a key can stand.

use super::boxes::BoxKey;
use super::*;

/// All points of low order, in each way to write them, the unused top bit set as well.
fn weak_keys() -> Vec<PublicKey> {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let mut keys = Vec::new();
    for point in points {
        let mut octets: [u8; 32] = hex(point).try_into().unwrap();
        keys.push(PublicKey::from_octets(octets));
        octets[31] |= 0x80;
        keys.push(PublicKey::from_octets(octets));
    }
    keys
}

/// 26:curve:weak-keys.
#[test]
fn with_a_weak_key_nothing_is_shared() {
    for weak in weak_keys() {
        for octet in 0..8 {
            let secret = SecretKey::from_octets([octet; 32]);
            assert_eq!(BoxKey::shared(&weak, &secret).unwrap_err(), CurveError::WeakKey);
        }
    }
}

/// 26:curve:weak-keys.
#[test]
fn a_client_is_told_when_its_servers_key_is_weak() {
    for weak in weak_keys() {
        let client = CurveClient::new(weak, client_keys(), from(1));
        let mut client = End::connector(ClientSecurity::Curve(Box::new(client)));
        let refused = refused_by_curve(&mut client, &greeting(SecurityRole::Server));
        assert_eq!(refused, CurveError::WeakKey);
    }
}

/// 26:curve:weak-keys.
#[test]
fn a_hello_with_a_weak_key_is_refused() {
    for weak in weak_keys() {
        let mut hello = hex(HELLO);
        hello[82..114].copy_from_slice(weak.as_octets());
        let refused = refused_by_curve(&mut server_at(ServerAwaits::Hello), &hello);
        assert_eq!(refused, CurveError::WeakKey);
    }
}

/// 26:curve:weak-keys.
#[test]
fn a_welcome_with_a_weak_key_is_refused() {
    let client = KeyPair::from_secret(SecretKey::from_octets(from(CLIENT_TRANSIENT)));
    let key = BoxKey::shared(&client.public, &server_keys().secret).unwrap();
    for weak in weak_keys() {
        let mut welcome = BytesMut::from(&b"\x07WELCOME"[..]);
        let random = from(0xa0);
        welcome.extend_from_slice(&random);
        let nonce = nonce::long(nonce::WELCOME, &random);
        key.seal(&nonce, &[weak.as_octets(), &[0; 96]], &mut welcome);
        let refused = refused_by_curve(&mut client_at(ClientAwaits::Welcome), &frame(&welcome));
        assert_eq!(refused, CurveError::WeakKey);
    }
}

/// 26:curve:weak-keys.
#[test]
fn an_initiate_of_a_weak_permanent_key_is_refused() {
    let server = KeyPair::from_secret(SecretKey::from_octets(from(SERVER_TRANSIENT)));
    let secret = SecretKey::from_octets(from(CLIENT_TRANSIENT));
    let key = BoxKey::shared(&server.public, &secret).unwrap();
    for weak in weak_keys() {
        let mut initiate = BytesMut::from(&body(&hex(INITIATE))[..113]);
        let nonce = nonce::short(nonce::INITIATE, 2);
        key.seal(&nonce, &[weak.as_octets(), &[0; 96]], &mut initiate);
        let refused = refused_by_curve(&mut server_at(ServerAwaits::Initiate), &frame(&initiate));
        assert_eq!(refused, CurveError::WeakKey);
    }
}
