use super::*;

mod damaged;
mod order;
mod rows;

fn hello(user: &str, password: &str) -> Vec<u8> {
    let mut out = BytesMut::new();
    PlainCredentials::new(user, password).unwrap().put_hello(&mut out);
    out.to_vec()
}

/// 24:plain:hello-layout, 24:plain:whole-body.
#[test]
fn a_hello_reads_back_and_nothing_shorter_or_longer_does() {
    assert_eq!(hello("admin", "secret"), b"\x04\x13\x05HELLO\x05admin\x06secret");
    let long = "x".repeat(255);
    for (user, password) in [("", ""), ("admin", ""), ("", "secret"), (&long, &long)] {
        let frame = hello(user, password);
        let header_len = if frame[0] & 2 == 0 { 2 } else { 9 };
        let data = &frame[header_len + 6..];
        assert!(data.len() + 6 <= HELLO_LEN_MAX);
        let read = PlainCredentials::parse(data).unwrap();
        assert_eq!(read.user(), user);
        assert!(read.has_password(password.as_bytes()));
        for end in 0..data.len() {
            let first = 1 + user.len();
            let len = if end < first { end } else { end - first };
            let cut = DecodeError::Truncated { field: Field::Credentials, len };
            assert_eq!(PlainCredentials::parse(&data[..end]).unwrap_err(), cut);
        }
        let more = [data, b"x"].concat();
        assert_eq!(PlainCredentials::parse(&more).unwrap_err(), DecodeError::TrailingOctets);
    }
}

/// 24:plain:printable.
#[test]
fn user_and_password_are_printable() {
    for octet in 0..=u8::MAX {
        let expected = (b' '..=b'~').contains(&octet);
        assert_eq!(PlainCredentials::parse(&[1, octet, 0]).is_ok(), expected, "{octet}");
        assert_eq!(PlainCredentials::parse(&[0, 1, octet]).is_ok(), expected, "{octet}");
    }
    let long = "x".repeat(256);
    assert_eq!(PlainCredentials::new(&long, "").unwrap_err(), PlainError::TooLong(256));
    assert_eq!(PlainCredentials::new("", "\n").unwrap_err(), PlainError::NotPrintable);
}

/// 24:plain:constant-time.
#[test]
fn only_the_very_password_fits_and_no_log_shows_it() {
    let credentials = PlainCredentials::new("admin", "secret").unwrap();
    assert!(credentials.has_password(b"secret"));
    for wrong in ["", "secre", "secrets", "Secret", "secreT", "secret\0"] {
        assert!(!credentials.has_password(wrong.as_bytes()), "{wrong}");
    }
    assert_eq!(format!("{credentials:?}"), "PlainCredentials(admin, ..)");
}

/// 24:plain:error-misspelt.
#[test]
fn only_the_error_that_libzmq_misspells_is_mended() {
    assert_eq!(*mend_error(b"^RROR\x03400"), *b"\x05ERROR\x03400");
    assert_eq!(*mend_error(b"^RROR"), *b"\x05ERROR");
    for other in [b"\x05ERROR\x03400".as_slice(), b"^RRO", b"^ERROR\x03400", b"\x07WELCOME", b""] {
        assert_eq!(*mend_error(other), *other);
    }
}
