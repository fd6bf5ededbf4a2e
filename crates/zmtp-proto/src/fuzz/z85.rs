//! Z85 against arithmetic as one would do it on paper.

use crate::curve::{PublicKey, SecretKey};
use crate::z85::{Z85Error, decode, encode};

/// What encodes decodes to the same, what decodes encodes to the same, and all else is refused for
/// the first thing that is wrong with it.
pub fn z85(data: &[u8]) {
    match encode(data) {
        Ok(text) => {
            assert_eq!(text.len() * 4, data.len() * 5);
            assert!(text.bytes().all(|character| ALPHABET.contains(character as char)));
            assert_eq!(decode(&text), Ok(data.to_vec()));
        }
        Err(error) => {
            assert_ne!(data.len() % 4, 0);
            assert_eq!(error, Z85Error::Length { len: data.len(), group_len: 4 });
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let decoded = decode(text);
    assert_eq!(decoded, on_paper(text));
    if let Ok(octets) = &decoded {
        assert_eq!(encode(octets).as_deref(), Ok(text));
    }
    let is_key = text.len() == 40 && decoded.is_ok();
    let public = text.parse::<PublicKey>();
    assert_eq!(public.is_ok(), is_key);
    assert_eq!(text.parse::<SecretKey>().is_ok(), is_key);
    if let (Ok(key), Ok(octets)) = (public, decoded) {
        // The bit that means nothing is gone, and nothing else.
        let mut octets = octets;
        octets[31] &= 0x7F;
        assert_eq!(key.to_string(), encode(&octets).unwrap());
    }
}

fn on_paper(text: &str) -> Result<Vec<u8>, Z85Error> {
    if !text.len().is_multiple_of(5) {
        return Err(Z85Error::Length { len: text.len(), group_len: 5 });
    }
    let mut octets = Vec::new();
    for (index, group) in text.as_bytes().chunks(5).enumerate() {
        let mut number = 0_u128;
        for (place, &character) in group.iter().enumerate() {
            let digit = ALPHABET
                .bytes()
                .position(|known| known == character)
                .ok_or(Z85Error::Character { offset: index * 5 + place })?;
            number += (digit as u128) * 85_u128.pow(4 - u32::try_from(place).unwrap());
        }
        if number >= 1 << 32 {
            return Err(Z85Error::Overflow { offset: index * 5 });
        }
        for place in [16_777_216, 65_536, 256, 1] {
            octets.push(u8::try_from(number / place % 256).unwrap());
        }
    }
    Ok(octets)
}

const ALPHABET: &str =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
