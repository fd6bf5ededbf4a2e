use super::*;

fn parse(body: &[u8]) -> Result<Command, DecodeError> {
    Command::parse(body, &Limits::default())
}

fn other(name: &[u8]) -> Command {
    Command::Other(CommandName::new(name))
}

/// What a peer may write into a log by the name of a command is little, and letters.
#[test]
fn a_name_is_shown_cut() {
    let shown = |name: &[u8]| CommandName::new(name).to_string();
    assert_eq!(shown(b"HELLO"), "HELLO");
    assert_eq!(shown(&[b'n'; 15]), "n".repeat(15));
    assert_eq!(shown(&[b'n'; 255]), "n".repeat(15) + "..");
    assert_eq!(shown(b"\n\x1b"), "\\n\\x1b");
}

/// 37:command:name, 37:command:malformed, 37:command:unknown-ignored.
#[test]
fn takes_names_of_letters_and_refuses_all_others() {
    let cut = |field, len| Err(DecodeError::Truncated { field, len });
    assert_eq!(parse(b""), cut(Field::CommandName, 0));
    assert_eq!(parse(b"\x00"), Err(DecodeError::CommandName));
    assert_eq!(parse(b"\x05PING"), cut(Field::CommandName, 5));
    assert_eq!(parse(&[&[255][..], &[b'N'; 255]].concat()), Ok(other(&[b'N'; 255])));
    for octet in 0..=u8::MAX {
        let expected = if octet.is_ascii_alphabetic() {
            Ok(other(&[octet]))
        } else {
            Err(DecodeError::CommandName)
        };
        assert_eq!(parse(&[1, octet]), expected, "{octet:#04x}");
    }
}

/// 37:command:names-exact.
#[test]
fn a_name_in_other_letter_case_is_another_name() {
    for body in [&b"\x05ready"[..], b"\x05Error", b"\x04ping", b"\x04pONG"] {
        assert_eq!(parse(body), Ok(other(&body[1..])));
    }
}

/// 37:null:ready-properties.
#[test]
fn ready_carries_any_number_of_properties() {
    assert_eq!(parse(b"\x05READY"), Ok(Command::Ready(Metadata::default())));
    let Ok(Command::Ready(metadata)) =
        parse(b"\x05READY\x03X-A\x00\x00\x00\x01a\x01B\x00\x00\x00\x00")
    else {
        panic!("not a READY");
    };
    assert_eq!(metadata.iter().count(), 2);
    assert_eq!(parse(b"\x05READY\x00"), Err(DecodeError::PropertyName));
}

/// 37:errors:reason-printable.
#[test]
fn an_error_reason_is_printable_and_fills_the_command() {
    let refused = |reason: &'static [u8]| Ok(Command::Error { reason: Bytes::from_static(reason) });
    assert_eq!(parse(b"\x05ERROR\x00"), refused(b""));
    assert_eq!(parse(b"\x05ERROR\x03abc"), refused(b"abc"));
    let cut = |len| Err(DecodeError::Truncated { field: Field::Reason, len });
    assert_eq!(parse(b"\x05ERROR"), cut(0));
    assert_eq!(parse(b"\x05ERROR\x04abc"), cut(4));
    assert_eq!(parse(b"\x05ERROR\x02abc"), Err(DecodeError::TrailingOctets));
    for octet in 0..=u8::MAX {
        let ok = parse(&[&b"\x05ERROR\x01"[..], &[octet]].concat()).is_ok();
        assert_eq!(ok, (0x20..0x7F).contains(&octet), "{octet:#04x}");
    }
    let mut out = BytesMut::new();
    put_error("no\nway \u{e9}", &mut out);
    assert_eq!(parse(&out[2..]), refused(b"no-way---"));
}

/// 37:heartbeat:ping-layout, 37:heartbeat:context-length, 37:heartbeat:ttl-range.
#[test]
fn a_ping_has_two_octets_of_ttl_and_at_most_16_of_context() {
    for data_len in 0..=20 {
        let data = [0xFF; 20];
        let body = [&b"\x04PING"[..], &data[..data_len]].concat();
        let expected = match data_len {
            0 | 1 => Err(DecodeError::Truncated { field: Field::TimeToLive, len: data_len }),
            2..=18 => Ok(Command::Ping {
                time_to_live: Duration::from_millis(6_553_500),
                context: Context::new(&data[2..data_len]).unwrap(),
            }),
            _ => Err(DecodeError::ContextTooLong { len: data_len - 2 }),
        };
        assert_eq!(parse(&body), expected, "{data_len} octets of data");
    }
    let long = [&b"\x04PONG"[..], &[7; 17]].concat();
    assert_eq!(parse(&long), Err(DecodeError::ContextTooLong { len: 17 }));
}

/// 37:heartbeat:pong-repeats-context.
#[test]
fn a_pong_is_what_the_ping_asked_for() {
    for len in 0..=16 {
        let context = Context::new(&[9; 16][..len]).unwrap();
        let mut out = Vec::new();
        Pong(context).put(&mut out);
        assert_eq!(out[..2], [4, u8::try_from(5 + len).unwrap()]);
        assert_eq!(parse(&out[2..]), Ok(Command::Pong { context }));
    }
}
