//! The notation for octets in the table.
//!
//! ```text
//! octets = *( item [ "*" count ] )
//! item   = two hex digits | "text in quotes" | "(" octets ")"
//! ```
//!
//! Blanks separate for the eye only, and a count repeats the item right before it: `ff 00*8 7f`.

use std::iter::Peekable;
use std::str::Chars;

/// Returns the octets that `text` stands for.
pub(crate) fn octets(text: &str) -> Result<Vec<u8>, String> {
    let mut chars = text.chars().peekable();
    let octets = sequence(&mut chars)?;
    match chars.next() {
        None => Ok(octets),
        Some(stray) => Err(format!("stray {stray:?} in octets {text:?}")),
    }
}

/// Takes items up to a closing parenthesis or the end.
fn sequence(chars: &mut Peekable<Chars<'_>>) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    while let Some(next) = chars.next_if(|&next| next != ')') {
        let item = match next {
            ' ' => continue,
            '(' => {
                let inner = sequence(chars)?;
                chars.next().ok_or("a parenthesis is not closed")?;
                inner
            }
            '"' => quoted(chars)?,
            high => vec![hex_pair(high, chars.next())?],
        };
        octets.extend(item.repeat(count(chars)?));
    }
    Ok(octets)
}

fn quoted(chars: &mut Peekable<Chars<'_>>) -> Result<Vec<u8>, String> {
    let text: String = std::iter::from_fn(|| chars.next_if(|&next| next != '"')).collect();
    chars.next().ok_or("a quote is not closed")?;
    Ok(text.into_bytes())
}

fn hex_pair(high: char, low: Option<char>) -> Result<u8, String> {
    let digits = high.to_digit(16).zip(low.and_then(|low| low.to_digit(16)));
    digits
        .and_then(|(high, low)| u8::try_from(high * 16 + low).ok())
        .ok_or_else(|| format!("{high:?}, {low:?} are not two hex digits"))
}

fn count(chars: &mut Peekable<Chars<'_>>) -> Result<usize, String> {
    if chars.next_if_eq(&'*').is_none() {
        return Ok(1);
    }
    let digits: String = std::iter::from_fn(|| chars.next_if(char::is_ascii_digit)).collect();
    digits.parse().map_err(|_| format!("{digits:?} is no count"))
}

#[test]
fn reads_hex_text_groups_and_counts() {
    assert_eq!(octets(r#"ff00*2 "ab"*2 ("c" 01)*2"#), Ok(b"\xff\0\0ababc\x01c\x01".to_vec()));
    assert_eq!(octets(r#""""#), Ok(Vec::new()));
    for wrong in ["f", "fg", "+f", "00)", "(00", r#""a"#, "00*", "*2", "00*x"] {
        assert!(octets(wrong).is_err(), "{wrong}");
    }
}
