//! The table of texts in `z85-vectors.txt`.

use zmtp_proto::z85;

use crate::notation::octets;

/// 32:z85:big-endian, 32:z85:overflow, 32:z85:lengths, 32:z85:alphabet.
#[test]
fn texts_decode_as_the_table_says_and_encode_back() {
    let lines = include_str!("../z85-vectors.txt").lines().filter(|line| !line.starts_with('#'));
    let mut numbers = Vec::new();
    for line in lines {
        let (id, rest) = line.split_once(" \"").unwrap();
        let (text, expected) = rest.rsplit_once('"').unwrap();
        let decoded = z85::decode(text);
        if let Some(error) = expected.trim().strip_prefix("! ") {
            assert_eq!(decoded.map_err(|error| format!("{error:?}")), Err(error.into()), "{id}");
        } else {
            let octets = octets(expected).unwrap();
            assert_eq!(decoded.as_deref(), Ok(&octets[..]), "{id}");
            assert_eq!(z85::encode(&octets).as_deref(), Ok(text), "{id}");
        }
        numbers.push(id.strip_prefix("Z-").unwrap().parse::<usize>().unwrap());
    }
    assert!(numbers.iter().copied().eq(1..=numbers.len()), "{numbers:?}");
}
