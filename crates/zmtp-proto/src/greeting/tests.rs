use super::*;

fn octets() -> [u8; 64] {
    Greeting::NULL.to_octets()
}

/// 37:greeting:layout, 37:version:padding-zero.
#[test]
fn sends_the_worked_example_of_the_grammar() {
    let mut expected = [0; 64];
    expected[0] = 0xFF;
    expected[9] = 0x7F;
    expected[10] = 3;
    expected[11] = 1;
    expected[12..16].copy_from_slice(b"NULL");
    assert_eq!(octets(), expected);
}

#[test]
fn reads_back_every_greeting_that_it_can_send() {
    for version in [Version::V3_0, Version::V3_1] {
        for mechanism in [Mechanism::NULL, Mechanism::PLAIN, Mechanism::CURVE] {
            for security_role in [SecurityRole::Client, SecurityRole::Server] {
                let greeting = Greeting { version, mechanism, security_role };
                assert_eq!(Greeting::parse(&greeting.to_octets()), Ok(Some(greeting)));
            }
        }
    }
}

#[test]
fn waits_at_every_split_point() {
    for end in 0..64 {
        assert_eq!(Greeting::parse(&octets()[..end]), Ok(None), "{end} octets");
    }
}

/// 37:greeting:signature, 37:greeting:early-refusal.
#[test]
fn refuses_a_wrong_signature_as_soon_as_it_is_seen() {
    for octet in 0..0xFF {
        assert_eq!(Greeting::parse(&[octet]), Err(DecodeError::Signature { offset: 0, octet }));
    }
    for octet in (0..=u8::MAX).filter(|&octet| octet != 0x7F) {
        let mut input = octets();
        input[9] = octet;
        assert_eq!(Greeting::parse(&input[..10]), Err(DecodeError::Signature { offset: 9, octet }));
    }
}

/// 37:version:padding-ignored, 37:greeting:filler-ignored.
#[test]
fn looks_at_neither_padding_nor_filler() {
    for offset in (1..9).chain(33..64) {
        let mut input = octets();
        input[offset] = 0xAA;
        assert_eq!(Greeting::parse(&input), Ok(Some(Greeting::NULL)), "octet {offset}");
    }
}

/// 37:version:older-refused, 37:version:higher-accepted, 37:version:downgrade-to-3-0.
#[test]
fn follows_every_version_from_3_0_on_and_none_before() {
    for major in 0..=u8::MAX {
        for minor in 0..=u8::MAX {
            let mut input = octets();
            input[10] = major;
            input[11] = minor;
            let expected = match (major, minor) {
                (0..3, _) => Err(DecodeError::Version { major }),
                (3, 0) => Ok(Version::V3_0),
                _ => Ok(Version::V3_1),
            };
            let parsed = Greeting::parse(&input).map(|greeting| greeting.unwrap().version);
            assert_eq!(parsed, expected, "{major}.{minor}");
        }
    }
    assert_eq!(Greeting::parse(&octets()[..10]), Ok(None));
    let mut old = octets();
    old[10] = 1;
    assert_eq!(Greeting::parse(&old[..11]), Err(DecodeError::Version { major: 1 }));
}

/// 37:greeting:as-server-octet.
#[test]
fn refuses_every_as_server_octet_but_0_and_1() {
    for octet in 2..=u8::MAX {
        let mut input = octets();
        input[32] = octet;
        assert_eq!(Greeting::parse(&input), Err(DecodeError::AsServer(octet)));
    }
}

/// 37:greeting:mechanism-chars.
#[test]
fn refuses_a_mechanism_field_outside_its_alphabet() {
    for octet in 0..=u8::MAX {
        let legal =
            octet.is_ascii_uppercase() || octet.is_ascii_digit() || b"-_.+".contains(&octet);
        let mut input = octets();
        input[16] = octet;
        assert_eq!(Greeting::parse(&input).is_ok(), legal || octet == 0, "{octet:#04x}");
        // Behind the padding nothing may follow.
        input[16] = 0;
        input[17] = octet;
        assert_eq!(Greeting::parse(&input).is_ok(), octet == 0, "{octet:#04x} behind a zero");
    }
}

/// 37:auth:mechanisms-match, 37:topology:null-has-no-roles.
#[test]
fn agrees_only_on_one_mechanism_with_at_most_one_server() {
    use SecurityRole::{Client, Server};
    let with = |mechanism, security_role| Greeting { mechanism, security_role, ..Greeting::NULL };
    for ours in [Mechanism::NULL, Mechanism::PLAIN, Mechanism::CURVE] {
        for theirs in [Mechanism::NULL, Mechanism::PLAIN, Mechanism::CURVE] {
            for (our_role, their_role) in
                [(Client, Client), (Client, Server), (Server, Client), (Server, Server)]
            {
                let expected = if ours != theirs {
                    Err(ConnectionError::MechanismMismatch { ours, theirs })
                } else if ours != Mechanism::NULL && (our_role, their_role) == (Server, Server) {
                    Err(ConnectionError::RoleConflict)
                } else {
                    Ok(())
                };
                assert_eq!(with(ours, our_role).agree(&with(theirs, their_role)), expected);
            }
        }
    }
}
