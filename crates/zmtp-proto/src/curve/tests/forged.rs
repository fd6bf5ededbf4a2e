//! Commands that a peer with keys of its own can make, each wrong in one thing.

use super::boxes::BoxKey;
use super::nonce::{INITIATE as INITIATE_PREFIX, READY as READY_PREFIX, VOUCH, long, short};
use super::*;
use crate::error::{DecodeError, Field, Phase, Unexpected};

fn transient(first: u8) -> KeyPair {
    KeyPair::from_secret(SecretKey::from_octets(from(first)))
}

fn other() -> KeyPair {
    transient(0x77)
}

fn shared(public: &PublicKey, secret: &SecretKey) -> BoxKey {
    BoxKey::shared(public, secret).unwrap()
}

/// An INITIATE to the server of these tests, right unless something is changed.
struct Initiate {
    counter: u64,
    /// Whose key it names.
    permanent: PublicKey,
    /// Who makes the vouch, and what it says.
    voucher: KeyPair,
    vouched: [PublicKey; 2],
    metadata: Vec<u8>,
}

impl Initiate {
    fn new() -> Self {
        let secret = SecretKey::from_octets(*client_keys().secret.as_octets());
        let voucher = KeyPair::from_secret(secret);
        Self {
            counter: 2,
            permanent: voucher.public,
            voucher,
            vouched: [transient(CLIENT_TRANSIENT).public, server_keys().public],
            metadata: b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0".to_vec(),
        }
    }

    fn frame(&self) -> Vec<u8> {
        let server = transient(SERVER_TRANSIENT).public;
        let random = from::<16>(0xc0);
        let mut vouch = BytesMut::from(&random[..]);
        let [client, for_server] = &self.vouched;
        shared(&server, &self.voucher.secret).seal(
            &long(VOUCH, &random),
            &[client.as_octets(), for_server.as_octets()],
            &mut vouch,
        );
        // The name and the cookie.
        let mut body = BytesMut::from(&body(&hex(INITIATE))[..105]);
        body.extend_from_slice(&self.counter.to_be_bytes());
        shared(&server, &transient(CLIENT_TRANSIENT).secret).seal(
            &short(INITIATE_PREFIX, self.counter),
            &[self.permanent.as_octets(), &vouch, &self.metadata],
            &mut body,
        );
        frame(&body)
    }

    fn refused(&self) -> ConnectionError {
        server_at(ServerAwaits::Initiate).refuses(&self.frame())
    }
}

/// 26:curve:vouch-both-halves, 26:curve:silent-close.
#[test]
fn a_vouch_is_for_this_connection_and_this_server_by_the_holder_of_the_key() {
    assert_eq!(Initiate::new().frame(), hex(INITIATE), "right, if nothing is changed");
    let right = Initiate::new().vouched;
    let (strange, vouch) = (other().public, ConnectionError::Curve(CurveError::Vouch));
    for vouched in [
        [strange, right[1]],
        [right[0], strange],
        [strange, strange],
        [right[1], right[0]],
        [right[0], transient(SERVER_TRANSIENT).public],
    ] {
        assert_eq!(Initiate { vouched, ..Initiate::new() }.refused(), vouch, "{vouched:?}");
    }
    // Whose key is named is not who made the vouch.
    assert_eq!(Initiate { permanent: strange, ..Initiate::new() }.refused(), vouch);
    assert_eq!(Initiate { voucher: other(), ..Initiate::new() }.refused(), vouch);
    // Whoever vouches for a key of its own may come.
    let own = Initiate { permanent: strange, voucher: other(), ..Initiate::new() };
    let mut server = server_at(ServerAwaits::Initiate);
    server.feed(&own.frame(), start());
    let shown = server.peer.unwrap().credentials;
    assert_eq!(shown, crate::Credentials::Curve(strange));
}

/// 26:curve:nonces-rise.
#[test]
fn the_counter_of_initiate_is_above_that_of_hello() {
    for got in [0, 1] {
        let refused = Initiate { counter: got, ..Initiate::new() }.refused();
        assert_eq!(refused, CurveError::Nonce { got, last: 1 }.into());
    }
    for counter in [3, 1 << 40, u64::MAX] {
        let mut server = server_at(ServerAwaits::Initiate);
        server.feed(&Initiate { counter, ..Initiate::new() }.frame(), start());
        assert_eq!(server.seen.len(), 1, "{counter}");
    }
    // Nothing is above the last.
    let mut server = server_at(ServerAwaits::Initiate);
    server.feed(&Initiate { counter: u64::MAX, ..Initiate::new() }.frame(), start());
    server.connection.accept(&router(), start()).unwrap();
    let expected = CurveError::Nonce { got: 3, last: u64::MAX };
    assert_eq!(refused_by_curve(&mut server, &hex(HI)), expected);
}

/// 26:curve:hello-box, 26:curve:nonces-rise.
#[test]
fn a_hello_boxes_zeros_behind_a_counter_that_is_none() {
    let hello = |counter: u64, data: &[u8]| {
        let mut octets = body(&hex(HELLO))[..112].to_vec();
        octets.extend_from_slice(&counter.to_be_bytes());
        let mut octets = BytesMut::from(&octets[..]);
        let key = shared(&server_keys().public, &transient(CLIENT_TRANSIENT).secret);
        key.seal(&short(nonce::HELLO, counter), &[data], &mut octets);
        frame(&octets)
    };
    assert_eq!(hello(1, &[0; 64]), hex(HELLO));
    let refused = |frame: &[u8]| refused_by_curve(&mut server_at(ServerAwaits::Hello), frame);
    assert_eq!(refused(&hello(0, &[0; 64])), CurveError::Nonce { got: 0, last: 0 });
    for at in 0..64 {
        let mut data = [0; 64];
        data[at] = 1;
        assert_eq!(refused(&hello(1, &data)), CurveError::Padding, "{at}");
    }
    // INITIATE has to be above whatever HELLO had.
    let mut server = server_at(ServerAwaits::Hello);
    server.feed(&hello(9, &[0; 64]), start());
    let cookie_is_the_same = hex(INITIATE);
    let expected = CurveError::Nonce { got: 2, last: 9 };
    assert_eq!(refused_by_curve(&mut server, &cookie_is_the_same), expected);
}

/// 26:curve:metadata.
#[test]
fn the_rules_of_metadata_hold_in_the_boxes_as_well() {
    let dealer = b"\x0bSocket-Type\0\0\0\x06DEALER";
    let cases: [(&[u8], DecodeError); 5] = [
        (b"", DecodeError::NoSocketType),
        (&dealer[..21], DecodeError::Truncated { field: Field::Property, len: 21 }),
        (&[&dealer[..], dealer].concat(), DecodeError::DuplicateProperty),
        (&[&dealer[..], b"\x08Identity\0\0\0\x01\0"].concat(), DecodeError::IdentityLeadingZero),
        (b"\x0bSocket-Type\0\0\0\x04ODD!", DecodeError::UnknownSocketType),
    ];
    let key = || shared(&transient(SERVER_TRANSIENT).public, &transient(CLIENT_TRANSIENT).secret);
    for (metadata, expected) in cases {
        let initiate = Initiate { metadata: metadata.to_vec(), ..Initiate::new() };
        assert_eq!(initiate.refused(), expected.into());

        let mut ready = BytesMut::from(&b"\x05READY\0\0\0\0\0\0\0\x01"[..]);
        key().seal(&short(READY_PREFIX, 1), &[metadata], &mut ready);
        let refused = client_at(ClientAwaits::Ready).refuses(&frame(&ready));
        assert_eq!(refused, expected.into());
    }
}

/// 26:curve:client-never-errors, 26:curve:ready.
#[test]
fn a_client_whose_server_does_not_fit_closes_without_a_word() {
    let key = shared(&transient(SERVER_TRANSIENT).public, &transient(CLIENT_TRANSIENT).secret);
    let ready = |counter: u64| {
        let mut ready = BytesMut::from(&b"\x05READY"[..]);
        ready.extend_from_slice(&counter.to_be_bytes());
        let metadata = b"\x0bSocket-Type\0\0\0\x03PUB";
        key.seal(&short(READY_PREFIX, counter), &[metadata], &mut ready);
        client_at(ClientAwaits::Ready).refuses(&frame(&ready))
    };
    let (ours, theirs) = (crate::SocketType::Dealer, crate::SocketType::Pub);
    assert_eq!(ready(1), ConnectionError::Incompatible { ours, theirs });
    assert_eq!(ready(0), CurveError::Nonce { got: 0, last: 0 }.into());
}

/// 26:curve:silent-close.
#[test]
fn a_frame_in_a_box_that_has_no_place_in_traffic_closes() {
    let key = shared(&transient(SERVER_TRANSIENT).public, &transient(CLIENT_TRANSIENT).secret);
    for (command, got) in
        [(&b"\x05READY"[..], Unexpected::Ready), (b"\x05ERROR\0", Unexpected::Error)]
    {
        let mut sealed = BytesMut::from(&b"\x07MESSAGE\0\0\0\0\0\0\0\x03"[..]);
        key.seal(&short(nonce::MESSAGE_OF_CLIENT, 3), &[&[2], command], &mut sealed);
        let refused = server_at(ServerAwaits::Message).refuses(&frame(&sealed));
        assert_eq!(refused, ConnectionError::Unexpected { got, state: Phase::Traffic });
    }
}
