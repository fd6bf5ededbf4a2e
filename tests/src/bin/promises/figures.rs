//! Times in order.

use std::time::Duration;

/// Returns the time that so many of a hundred are not above.
pub(crate) fn percentile(times: &mut [Duration], of_hundred: usize) -> Duration {
    assert!(!times.is_empty(), "nothing was timed");
    times.sort_unstable();
    times[(times.len() * of_hundred / 100).min(times.len() - 1)]
}

/// Returns a time in milliseconds, as text.
pub(crate) fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// Returns Jain's index of some counts: 1 if all are the same, near 0 if one has all.
pub(crate) fn jain(counts: &[usize]) -> f64 {
    let sum: f64 = counts.iter().map(|&count| count as f64).sum();
    let squares: f64 = counts.iter().map(|&count| (count as f64).powi(2)).sum();
    sum * sum / (counts.len() as f64 * squares)
}
