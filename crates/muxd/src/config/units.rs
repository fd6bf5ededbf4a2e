//! Times and sizes as they stand in a file: a whole number and a unit.

use std::time::Duration;

/// Milliseconds in each unit of time, the largest first.
const TIMES: [(&str, u64); 4] = [("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1)];

/// Octets in each unit of size, the largest first.
const SIZES: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads a time: `10 s`, `500ms`.
pub(super) fn time(text: &str) -> Option<Duration> {
    read(text, &TIMES).map(Duration::from_millis)
}

/// Reads a size: `32 MiB`, `64KiB`.
pub(super) fn size(text: &str) -> Option<usize> {
    read(text, &SIZES).and_then(|octets| usize::try_from(octets).ok())
}

/// Returns a time in the largest unit that leaves no rest; what is less than a millisecond is cut.
pub(super) fn show_time(time: Duration) -> String {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if milliseconds == 0 { "0 s".to_owned() } else { show(milliseconds, &TIMES) }
}

/// Returns a size in the largest unit that leaves no rest.
pub(super) fn show_size(octets: usize) -> String {
    if octets == 0 { "0 B".to_owned() } else { show(octets as u64, &SIZES) }
}

/// `quantity = 1*DIGIT [SP] unit`
fn read(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let unit_at = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show(number: u64, units: &[(&str, u64)]) -> String {
    let whole = units.iter().find(|(_, factor)| number.checked_rem(*factor) == Some(0));
    let (unit, factor) = whole.copied().unwrap_or(("", 1));
    format!("{} {unit}", number.checked_div(factor).unwrap_or(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_shows_in_the_largest_unit() {
        for (text, milliseconds) in [
            ("0 s", 0),
            ("1 ms", 1),
            ("1500 ms", 1500),
            ("10 s", 10_000),
            ("10 min", 600_000),
            ("90 min", 5_400_000),
            ("2 h", 7_200_000),
        ] {
            assert_eq!(time(text), Some(Duration::from_millis(milliseconds)));
            assert_eq!(show_time(Duration::from_millis(milliseconds)), text);
        }
        for (text, octets) in
            [("0 B", 0), ("1 B", 1), ("1000 B", 1000), ("8 KiB", 8192), ("1 GiB", 1 << 30)]
        {
            assert_eq!((size(text), show_size(octets)), (Some(octets), text.to_owned()));
        }
        assert_eq!((time("10s"), size("3KiB")), (time("10 s"), size("3072 B")));
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "10", "s", " s", "-1 s", "+1 s", "1.5 s", "1  s", "1 s ", "1 S", "1 m"] {
            assert_eq!(time(text), None, "{text:?}");
        }
        for text in ["99999999999999999999 s", "18446744073709551615 h", "1 year", "1 KiB"] {
            assert_eq!(time(text), None, "{text:?}");
        }
        for text in ["1 MB", "1 K", "1 kib", "16777216 TiB", "1_000 B", "1"] {
            assert_eq!(size(text), None, "{text:?}");
        }
    }
}
