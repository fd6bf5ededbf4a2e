//! What a client says to every octet that a proxy can say.

use zmtp_proto::Retry;

use super::*;

const USER: &[u8] = b"user";
const PASSWORD: &[u8] = b"password";

/// The reply of success, with 127.0.0.1:1 as the address that the proxy connects from.
const REPLY: [u8; 10] = [5, 0, 0, 1, 127, 0, 0, 1, 0, 1];

fn credentials() -> Credentials {
    Credentials::new(USER, PASSWORD).unwrap()
}

fn start(credentials: Option<Credentials>) -> (Socks, Outbox) {
    let mut outbox = Outbox::default();
    let target = Target::new("name", 0x1234).unwrap();
    (Socks::start(target, credentials, &mut outbox), outbox)
}

/// Returns the state, or error, after `input`, and all that was sent.
fn converse(
    credentials: Option<Credentials>,
    inputs: &[&[u8]],
) -> (Result<Socks, SocksError>, Outbox) {
    let (mut socks, mut outbox) = start(credentials);
    for input in inputs {
        let mut input = *input;
        socks = match socks.handle(&mut input, &mut outbox) {
            Ok(socks) => socks,
            Err(error) => return (Err(error), outbox),
        };
        assert!(input.is_empty());
    }
    (Ok(socks), outbox)
}

fn failure(credentials: Option<Credentials>, input: &[u8]) -> SocksError {
    converse(credentials, &[input]).0.unwrap_err()
}

/// Both conversations that end well: what the proxy says, and what we have said by then.
fn conversations() -> [(Option<Credentials>, Vec<u8>, Vec<u8>); 2] {
    let request = b"\x05\x01\x00\x03\x04name\x12\x34".as_slice();
    [
        (None, [&[5, 0], REPLY.as_slice()].concat(), [&[5, 1, 0], request].concat()),
        (
            Some(credentials()),
            [&[5, 2, 1, 0], REPLY.as_slice()].concat(),
            [b"\x05\x02\x00\x02\x01\x04user\x08password".as_slice(), request].concat(),
        ),
    ]
}

/// 37:dial:socks5.
#[test]
fn says_what_the_protocol_asks_for() {
    for (credentials, input, output) in conversations() {
        let (socks, outbox) = converse(credentials, &[&input]);
        assert!(matches!(socks, Ok(Socks::Connected)));
        assert_eq!(*outbox, output);
    }
}

#[test]
fn speaks_only_when_it_is_its_turn() {
    let (socks, outbox) = converse(Some(credentials()), &[&[5]]);
    assert_eq!((socks.unwrap().wanted(), outbox.len()), (1, 4));
    let (socks, outbox) = converse(Some(credentials()), &[&[5, 2, 1]]);
    assert_eq!((socks.unwrap().wanted(), outbox.len()), (1, 4 + 15));
    // A proxy may choose to ask for no password.
    let (socks, outbox) = converse(Some(credentials()), &[&[5, 0]]);
    assert_eq!((socks.unwrap().wanted(), outbox.len()), (7, 4 + 11));
}

#[test]
fn any_cut_ends_alike_and_waits_at_each() {
    for (credentials, input, output) in conversations() {
        for at in 0..=input.len() {
            let (head, tail) = input.split_at(at);
            let (socks, _) = converse(credentials.clone(), &[head]);
            assert_eq!(socks.unwrap().wanted() == 0, tail.is_empty(), "cut at {at}");
            let (socks, outbox) = converse(credentials.clone(), &[head, tail]);
            assert!(matches!(socks, Ok(Socks::Connected)), "cut at {at}");
            assert_eq!(*outbox, output, "cut at {at}");
        }
        let octets: Vec<&[u8]> = input.chunks(1).collect();
        assert!(matches!(converse(credentials, &octets).0, Ok(Socks::Connected)));
    }
}

#[test]
fn never_wants_more_than_the_proxy_says() {
    for (credentials, input, _) in conversations() {
        let (mut socks, mut outbox) = start(credentials);
        let mut rest = input.as_slice();
        while socks.wanted() > 0 {
            // What it wants is there: one that reads as much waits for nothing that never comes.
            let (mut turn, later) = rest.split_at(usize::from(socks.wanted()));
            socks = socks.handle(&mut turn, &mut outbox).unwrap();
            assert!(turn.is_empty());
            rest = later;
        }
        assert!(rest.is_empty());
    }
}

#[test]
fn takes_an_address_of_each_kind_and_nothing_after_it() {
    let name = |len: u8| [vec![3, len], vec![b'x'; usize::from(len)]].concat();
    let kinds = [vec![1, 0, 0, 0, 0], [vec![4], vec![0xFF; 16]].concat()];
    for address in kinds.into_iter().chain((0..=u8::MAX).map(name)) {
        let input = [&[5, 0, 5, 0, 0], address.as_slice(), &[0xAB, 0xCD], b"target"].concat();
        let (socks, mut outbox) = start(None);
        let mut rest = input.as_slice();
        let socks = socks.handle(&mut rest, &mut outbox).unwrap();
        assert!(matches!(socks, Socks::Connected));
        assert_eq!(rest, b"target");
        let socks = socks.handle(&mut rest, &mut outbox).unwrap();
        assert!(matches!(socks, Socks::Connected));
        assert_eq!(rest, b"target");
    }
}

#[test]
fn refuses_every_other_version() {
    for octet in (0..=u8::MAX).filter(|octet| *octet != VERSION) {
        assert_eq!(failure(None, &[octet]), SocksError::Version(octet));
        assert_eq!(failure(None, &[5, 0, octet]), SocksError::Version(octet));
    }
    for octet in (0..=u8::MAX).filter(|octet| *octet != AUTH_VERSION) {
        assert_eq!(failure(Some(credentials()), &[5, 2, octet]), SocksError::AuthVersion(octet));
    }
}

#[test]
fn refuses_every_method_that_it_did_not_offer() {
    for octet in 1..=u8::MAX {
        let expected = match octet {
            0xFF => SocksError::NoAcceptableMethod,
            _ => SocksError::MethodNotOffered(octet),
        };
        assert_eq!(failure(None, &[5, octet]), expected);
        if octet != USER_PASSWORD {
            assert_eq!(failure(Some(credentials()), &[5, octet]), expected);
        }
    }
}

#[test]
fn takes_every_other_status_as_a_refusal() {
    for octet in 1..=u8::MAX {
        let expected = SocksError::AuthRefused(octet);
        assert_eq!(failure(Some(credentials()), &[5, 2, 1, octet]), expected);
    }
}

#[test]
fn tells_every_reply_code_at_once() {
    let refusals = [
        (Refusal::General, Blame::Proxy, Retry::Later),
        (Refusal::NotAllowed, Blame::Caller, Retry::No),
        (Refusal::NetworkUnreachable, Blame::Target, Retry::Later),
        (Refusal::HostUnreachable, Blame::Target, Retry::Later),
        (Refusal::ConnectionRefused, Blame::Target, Retry::Later),
        (Refusal::TtlExpired, Blame::Target, Retry::Later),
        (Refusal::CommandUnsupported, Blame::Proxy, Retry::No),
        (Refusal::AddressUnsupported, Blame::Proxy, Retry::No),
    ];
    let unassigned = (9..=u8::MAX).map(|c| (Refusal::Unassigned(c), Blame::Proxy, Retry::Later));
    for (code, (refusal, blame, retry)) in (1..=u8::MAX).zip(refusals.into_iter().chain(unassigned))
    {
        // The rest of the reply is not waited for.
        let error = failure(None, &[5, 0, 5, code]);
        assert_eq!(error, SocksError::Refused(refusal), "code {code}");
        assert_eq!((error.blame(), error.retry()), (blame, retry), "code {code}");
    }
}

#[test]
fn refuses_every_malformed_reply() {
    for octet in 1..=u8::MAX {
        assert_eq!(failure(None, &[5, 0, 5, 0, octet]), SocksError::Reserved(octet));
    }
    for octet in (0..=u8::MAX).filter(|octet| ![1, 3, 4].contains(octet)) {
        assert_eq!(failure(None, &[5, 0, 5, 0, 0, octet]), SocksError::AddressKind(octet));
    }
}

#[test]
fn says_whose_fault_it_is_and_whether_to_retry() {
    for (error, blame, retry) in [
        (SocksError::HostLen(0), Blame::Caller, Retry::No),
        (SocksError::NoAcceptableMethod, Blame::Caller, Retry::No),
        (SocksError::AuthRefused(1), Blame::Caller, Retry::No),
        (SocksError::Version(4), Blame::Proxy, Retry::No),
        (SocksError::MethodNotOffered(3), Blame::Proxy, Retry::No),
        (SocksError::AuthVersion(5), Blame::Proxy, Retry::No),
        (SocksError::Reserved(1), Blame::Proxy, Retry::No),
        (SocksError::AddressKind(2), Blame::Proxy, Retry::No),
        (SocksError::Closed, Blame::Proxy, Retry::Later),
    ] {
        assert_eq!((error.blame(), error.retry()), (blame, retry), "{error}");
    }
}

#[test]
fn asks_for_addresses_as_such() {
    for (host, kind_and_address) in [
        ("192.0.2.7", vec![1, 192, 0, 2, 7]),
        ("::1", [vec![4], vec![0; 15], vec![1]].concat()),
        ("1.example", b"\x03\x091.example".to_vec()),
    ] {
        let mut outbox = Outbox::default();
        Target::new(host, 443).unwrap().put(&mut outbox);
        assert_eq!(*outbox, [kind_and_address, vec![1, 0xBB]].concat());
    }
}

#[test]
fn refuses_names_that_do_not_fit_a_request() {
    for (len, fits) in [(0, false), (1, true), (255, true), (256, false)] {
        match Target::new(&"x".repeat(len), 1) {
            Ok(_) => assert!(fits),
            Err(error) => assert_eq!((error, fits), (SocksError::HostLen(len), false)),
        }
    }
}

#[test]
fn refuses_credentials_that_do_not_fit() {
    for len in [0, 256] {
        let bad = vec![b'x'; len];
        let error = Credentials::new(&bad, PASSWORD).unwrap_err();
        assert_eq!(error, CredentialsError::UserLen(len));
        let error = Credentials::new(USER, &bad).unwrap_err();
        assert_eq!(error, CredentialsError::PasswordLen(len));
    }
}

#[test]
fn sends_credentials_of_one_and_of_255_octets_and_never_moves_them() {
    for len in [1_u8, 255] {
        let octets = vec![0xFE; usize::from(len)];
        let target = Target::new(&"x".repeat(255), 1).unwrap();
        let mut outbox = Outbox::default();
        let credentials = Credentials::new(&octets, &octets).unwrap();
        let socks = Socks::start(target, Some(credentials), &mut outbox);
        let place = outbox.as_ptr();
        socks.handle(&mut [5, 2, 1, 0].as_slice(), &mut outbox).unwrap();
        let said = [&[5, 2, 0, 2, 1, len], octets.as_slice(), &[len], &octets].concat();
        assert!(outbox.starts_with(&said));
        assert_eq!(outbox.as_ptr(), place);
    }
}

/// 37:dial:socks5.
#[test]
fn never_shows_a_password() {
    let (socks, _) = start(Some(credentials()));
    let shown = format!("{socks:?}");
    assert!(shown.contains("user") && shown.contains("name:4660"), "{shown}");
    assert!(!shown.contains("password") && !shown.contains("112, 97"), "{shown}");
}
