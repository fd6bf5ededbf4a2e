use super::*;

fn encode(properties: &[(&str, &[u8])]) -> Bytes {
    let mut out = BytesMut::new();
    for (name, value) in properties {
        put_property(name, value, &mut out);
    }
    out.freeze()
}

fn parse(octets: Bytes) -> Result<Metadata, DecodeError> {
    Metadata::parse(octets, &Limits::default())
}

#[test]
fn gives_back_what_was_put_in() {
    let properties: [(&str, &[u8]); 3] =
        [("Socket-Type", b"DEALER"), ("Identity", b"me"), ("X-Empty", b"")];
    let metadata = parse(encode(&properties)).unwrap();
    let read: Vec<_> = metadata.iter().collect();
    let sent: Vec<_> = properties.iter().map(|&(name, value)| (name.as_bytes(), value)).collect();
    assert_eq!(read, sent);
    assert_eq!(metadata.socket_type(), Ok(SocketType::Dealer));
    assert_eq!(metadata.identity(SocketType::Dealer).unwrap().as_octets(), b"me");
}

/// 37:metadata:overrun.
#[test]
fn refuses_metadata_cut_anywhere_but_between_properties() {
    let first = encode(&[("Socket-Type", b"REQ")]);
    let both = encode(&[("Socket-Type", b"REQ"), ("Identity", b"abc")]);
    let cut = |end| {
        let len = if end < first.len() { end } else { end - first.len() };
        Err(DecodeError::Truncated { field: Field::Property, len })
    };
    for end in 0..both.len() {
        let expected = if end == 0 || end == first.len() { Ok(()) } else { cut(end) };
        assert_eq!(parse(both.slice(..end)).map(|_| ()), expected, "cut at {end}");
    }
}

/// 37:metadata:name-case.
#[test]
fn letter_case_of_names_means_nothing() {
    let metadata = parse(encode(&[("sOCKET-tYPE", b"ROUTER"), ("IDENTITY", b"x")])).unwrap();
    assert_eq!(metadata.socket_type(), Ok(SocketType::Router));
    assert_eq!(metadata.get("identity"), Some(&b"x"[..]));
}

/// 37:metadata:duplicates, 37:metadata:others-harmless.
#[test]
fn refuses_a_known_name_twice_in_any_letter_case() {
    for (one, other) in
        [("Socket-Type", "Socket-Type"), ("Identity", "identity"), ("Resource", "RESOURCE")]
    {
        let twice = encode(&[(one, b"DEALER"), ("X-Other", b""), (other, b"DEALER")]);
        assert_eq!(parse(twice), Err(DecodeError::DuplicateProperty));
    }
    assert!(parse(encode(&[("X-Twice", b"1"), ("X-Twice", b"2")])).is_ok());
}

/// 37:metadata:name-length, 37:metadata:name-chars.
#[test]
fn takes_names_of_1_to_255_octets_of_the_alphabet() {
    assert_eq!(parse(Bytes::from_static(b"\x00\x00\x00\x00\x00")), Err(DecodeError::PropertyName));
    assert!(parse(encode(&[(&"N".repeat(255), b"")])).is_ok());
    for octet in 0..=u8::MAX {
        let legal = octet.is_ascii_alphanumeric() || b"-_.+".contains(&octet);
        let octets = Bytes::from(vec![1, octet, 0, 0, 0, 0]);
        let expected = if legal { Ok(()) } else { Err(DecodeError::PropertyName) };
        assert_eq!(parse(octets).map(|_| ()), expected, "{octet:#04x}");
    }
}

/// 37:metadata:value-length.
#[test]
fn refuses_a_value_length_of_2_to_the_31_before_looking_for_the_octets() {
    assert_eq!(
        parse(Bytes::from_static(b"\x01X\x80\x00\x00\x00")),
        Err(DecodeError::PropertyValueTooLong(1 << 31))
    );
    assert_eq!(
        parse(Bytes::from_static(b"\x01X\x7f\xff\xff\xff")),
        Err(DecodeError::Truncated { field: Field::Property, len: 6 })
    );
}

/// 37:metadata:count-limit.
#[test]
fn refuses_more_properties_than_the_limit() {
    let limits = Limits { properties_max: 3, ..Limits::default() };
    let of = |count| encode(&vec![("X-P", &b""[..]); count]);
    assert!(Metadata::parse(of(3), &limits).is_ok());
    assert_eq!(Metadata::parse(of(4), &limits), Err(DecodeError::TooManyProperties { max: 3 }));
}

/// 37:metadata:socket-type-required, 37:socket-type:listed.
#[test]
fn refuses_a_socket_type_that_is_missing_or_unknown() {
    assert_eq!(Metadata::default().socket_type(), Err(DecodeError::NoSocketType));
    for value in [&b""[..], b"dealer", b"DEALER\0", b"MUX"] {
        let metadata = parse(encode(&[("Socket-Type", value)])).unwrap();
        assert_eq!(metadata.socket_type(), Err(DecodeError::UnknownSocketType));
    }
}

/// 37:identity:length, 37:identity:first-octet, 37:identity:other-types-ignored.
#[test]
fn judges_the_identity_only_of_types_that_have_one() {
    for (value, error) in [
        (vec![b'i'; 256], DecodeError::IdentityTooLong { len: 256 }),
        (vec![0, b'a'], DecodeError::IdentityLeadingZero),
    ] {
        let metadata = parse(encode(&[("Identity", &value)])).unwrap();
        for kind in SocketType::ALL {
            let expected = if kind.has_identity() { Err(error) } else { Ok(Identity::ANONYMOUS) };
            assert_eq!(metadata.identity(kind), expected, "{kind}");
        }
    }
}
