//! Commands that are too short, too long, or damaged in a single bit.

use super::*;
use crate::error::DecodeError;
use crate::limits::Limits;

/// The first `len` octets of what there is, and zeros behind them.
fn cut(body: &[u8], len: usize) -> Vec<u8> {
    let mut body = body.to_vec();
    body.resize(len, 0);
    frame(&body)
}

/// Sees that the command in `good` is refused at each other length up to one above `max`.
fn refuses_other_lengths(good: &str, max: usize, fresh: impl Fn() -> End) {
    let good = hex(good);
    let good = body(&good);
    for len in (0..=max + 1).filter(|&len| len != good.len()) {
        let refused = fresh().refuses(&cut(good, len));
        if len > max {
            let too_long = DecodeError::CommandTooLong { len: len as u64, max };
            assert_eq!(refused, too_long.into());
        } else if len > 9 {
            assert!(matches!(refused, ConnectionError::Curve(_)), "{len}: {refused}");
        }
    }
    // A header alone tells what is too long.
    let announced = [&b"\x06"[..], &(max as u64 + 1).to_be_bytes()].concat();
    let too_long = DecodeError::CommandTooLong { len: max as u64 + 1, max };
    assert_eq!(fresh().refuses(&announced), too_long.into());
}

const METADATA_MAX: usize = 8192;

/// 26:curve:hello-size, 26:curve:silent-close.
#[test]
fn a_hello_has_exactly_its_length() {
    refuses_other_lengths(HELLO, HELLO_LEN, || server_at(ServerAwaits::Hello));
}

/// 26:curve:welcome-size, 26:curve:silent-close.
#[test]
fn a_welcome_has_exactly_its_length() {
    // An ERROR could stand there, which may be longer.
    refuses_other_lengths(WELCOME, 262, || client_at(ClientAwaits::Welcome));
}

/// 26:curve:initiate-size, 26:curve:metadata.
#[test]
fn an_initiate_is_neither_shorter_nor_longer_than_its_box() {
    assert_eq!(Limits::default().command_len_max, METADATA_MAX);
    let max = INITIATE_LEN_MIN + METADATA_MAX;
    refuses_other_lengths(INITIATE, max, || server_at(ServerAwaits::Initiate));
}

/// 26:curve:ready, 26:curve:metadata.
#[test]
fn a_ready_is_neither_shorter_nor_longer_than_its_box() {
    let max = READY_LEN_MIN + METADATA_MAX;
    refuses_other_lengths(READY, max, || client_at(ClientAwaits::Ready));
}

/// Sees that `good` is refused with any one of its bits inverted, but for the last one of the
/// octet at `key_end`, which has no meaning.
fn refuses_damage(good: &str, key_end: Option<usize>, fresh: impl Fn() -> End) {
    let good = hex(good);
    for at in 0..good.len() {
        for bit in (0..8).filter(|&bit| (Some(at), bit) != (key_end, 7)) {
            let mut damaged = good.clone();
            damaged[at] ^= 1 << bit;
            // Behind it what makes up for any length that the damage may announce.
            damaged.extend_from_slice(&[0; 10_000]);
            let _ = fresh().refuses(&damaged);
        }
    }
}

/// 26:curve:hello-box, 26:curve:hello-version, 26:curve:hello-padding.
#[test]
fn a_hello_with_any_bit_inverted_is_refused() {
    let key_end = Some(2 + 6 + 2 + 72 + 31);
    refuses_damage(HELLO, key_end, || server_at(ServerAwaits::Hello));
}

/// 26:curve:welcome-box.
#[test]
fn a_welcome_with_any_bit_inverted_is_refused() {
    refuses_damage(WELCOME, None, || client_at(ClientAwaits::Welcome));
}

/// 26:curve:initiate-box, 26:curve:cookie.
#[test]
fn an_initiate_with_any_bit_inverted_is_refused() {
    refuses_damage(INITIATE, None, || server_at(ServerAwaits::Initiate));
}

/// 26:curve:ready.
#[test]
fn a_ready_with_any_bit_inverted_is_refused() {
    refuses_damage(READY, None, || client_at(ClientAwaits::Ready));
}

/// 26:curve:hello-version, 26:curve:hello-padding.
#[test]
fn only_version_1_0_and_zeros_behind_it_are_a_hello() {
    let hello = hex(HELLO);
    for at in 8..82 {
        for octet in [0, 1, 2, 0x11, 0xff] {
            let mut other = hello.clone();
            other[at] = octet;
            if other == hello {
                continue;
            }
            let refused = refused_by_curve(&mut server_at(ServerAwaits::Hello), &other);
            let expected = match at {
                8 => CurveError::Version { major: octet, minor: 0 },
                9 => CurveError::Version { major: 1, minor: octet },
                _ => CurveError::Padding,
            };
            assert_eq!(refused, expected, "{octet} at {at}");
        }
    }
}
