use proptest::prelude::*;

use super::*;

/// The alphabet in the words of the text: digits, small and capital letters, and 23 others.
fn alphabet() -> Vec<char> {
    ('0'..='9').chain('a'..='z').chain('A'..='Z').chain(".-:+=^!/*?&<>()[]{}@%$#".chars()).collect()
}

/// 32:z85:big-endian: the example of the text, and the greatest number.
#[test]
fn texts_are_read_and_written_with_the_most_significant_first() {
    for (text, octets) in [
        ("HelloWorld", &b"\x86\x4f\xd2\x6f\xb5\x59\xf7\x5b"[..]),
        ("%nSc0", b"\xff\xff\xff\xff"),
        ("00000", b"\0\0\0\0"),
        ("00001", b"\0\0\0\x01"),
        ("0000#", b"\0\0\0\x54"),
        ("00010", b"\0\0\0\x55"),
    ] {
        assert_eq!(decode(text).as_deref(), Ok(octets), "{text}");
        assert_eq!(encode(octets).as_deref(), Ok(text));
    }
}

/// 32:z85:big-endian: the public key that the manual of libzmq has as its example.
#[test]
fn a_key_is_40_characters_for_32_octets() {
    let text = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
    let octets = decode(text).unwrap();
    assert_eq!(octets[..4], [0x54, 0xfc, 0xba, 0x24]);
    assert_eq!(octets.len(), 32);
    assert_eq!(encode(&octets).as_deref(), Ok(text));
}

/// 32:z85:overflow.
#[test]
fn a_group_above_32_bits_is_refused() {
    assert_eq!(decode("%nSc1"), Err(Z85Error::Overflow { offset: 0 }));
    assert_eq!(decode("#####"), Err(Z85Error::Overflow { offset: 0 }));
    assert_eq!(decode("HelloWorld%nSc1"), Err(Z85Error::Overflow { offset: 10 }));
    assert!(decode("%nSb#").is_ok());
}

/// 32:z85:lengths.
#[test]
fn lengths_are_multiples_of_four_and_five() {
    assert_eq!(decode("Hell"), Err(Z85Error::Length { len: 4, group_len: 5 }));
    assert_eq!(decode("").as_deref(), Ok(&b""[..]));
    assert_eq!(encode(b"").as_deref(), Ok(""));
    for len in 0..=40 {
        let encoded = encode(&vec![7; len]).map(|text| text.len());
        let decoded = decode(&"0".repeat(len)).map(|octets| octets.len());
        let error = |group_len| Err(Z85Error::Length { len, group_len });
        assert_eq!(encoded, if len % 4 == 0 { Ok(len / 4 * 5) } else { error(4) });
        assert_eq!(decoded, if len % 5 == 0 { Ok(len / 5 * 4) } else { error(5) });
    }
}

/// 32:z85:alphabet.
#[test]
fn exactly_the_85_characters_have_a_value() {
    assert_eq!(alphabet().len(), 85);
    for octet in 0..=127 {
        let character = char::from(octet);
        let value = alphabet().iter().position(|&known| known == character);
        let expected = match value {
            Some(value) => Ok(vec![0, 0, 0, u8::try_from(value).unwrap()]),
            None => Err(Z85Error::Character { offset: 4 }),
        };
        assert_eq!(decode(&format!("0000{character}")), expected, "{octet:#04x}");
    }
}

/// 32:z85:alphabet.
#[test]
fn a_character_outside_the_alphabet_is_refused_with_its_place() {
    assert_eq!(decode("Hel~o"), Err(Z85Error::Character { offset: 3 }));
    assert_eq!(decode("HelloW rld"), Err(Z85Error::Character { offset: 6 }));
    // Two octets of UTF-8 each, of which every value can occur.
    for octet in 128..=255 {
        let character = char::from(octet);
        assert_eq!(decode(&format!("000{character}")), Err(Z85Error::Character { offset: 3 }));
    }
    let shown = decode("Hel~o").unwrap_err().to_string();
    assert_eq!(shown, "no Z85 character at 3");
}

/// 32:z85:lengths: no text is allocated twice, so that none of it stays behind unwiped.
#[test]
fn results_are_allocated_in_their_full_length() {
    assert_eq!(encode(&[0; 32]).unwrap().capacity(), 40);
    assert_eq!(decode(&"0".repeat(40)).unwrap().capacity(), 32);
}

proptest! {
    /// 32:z85:big-endian, 32:z85:lengths, 32:z85:alphabet.
    #[test]
    fn what_is_encoded_decodes_to_the_same(groups in prop::collection::vec(any::<u32>(), 0..40)) {
        let octets: Vec<u8> = groups.iter().flat_map(|group| group.to_be_bytes()).collect();
        let text = encode(&octets).unwrap();
        prop_assert_eq!(text.len(), groups.len() * 5);
        prop_assert!(text.chars().all(|character| alphabet().contains(&character)));
        prop_assert_eq!(decode(&text), Ok(octets));
    }

    /// 32:z85:overflow.
    #[test]
    fn what_is_decoded_encodes_to_the_same(digits in prop::collection::vec(0..85_usize, 5)) {
        let text: String = digits.iter().map(|&digit| alphabet()[digit]).collect();
        let value = digits.iter().fold(0, |value, digit| value * 85 + digit);
        match decode(&text) {
            Ok(octets) => prop_assert_eq!(encode(&octets), Ok(text)),
            Err(error) => {
                prop_assert!(value > 0xFFFF_FFFF);
                prop_assert_eq!(error, Z85Error::Overflow { offset: 0 });
            }
        }
    }
}
