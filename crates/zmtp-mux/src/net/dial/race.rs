//! The race: several attempts at one thing, of which the first to succeed wins.

use std::io;
use std::panic::resume_unwind;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

/// Runs `attempts` until one succeeds, and ends the others. Each begins when `stagger` has passed
/// since the one before it began, or at once when one fails meanwhile, and goes on beside those
/// after it: a dead address costs `stagger` and no more.
///
/// # Errors
///
/// All failed: the last failure.
///
/// # Panics
///
/// An attempt does.
///
/// # Cancel safety
///
/// When dropped, all attempts end.
pub(super) async fn race<T, F>(attempts: Vec<F>, stagger: Duration) -> io::Result<T>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let mut running = JoinSet::new();
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for attempt in attempts {
        running.spawn(attempt);
        if let Ok(Some(ended)) = timeout(stagger, running.join_next()).await {
            match outcome(ended) {
                Ok(winner) => return Ok(winner),
                Err(error) => failure = error,
            }
        }
    }
    while let Some(ended) = running.join_next().await {
        match outcome(ended) {
            Ok(winner) => return Ok(winner),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Returns what came of an attempt. One that panics says what the runtime lacks, which is for whoever
/// dials to see.
fn outcome<T>(ended: Result<io::Result<T>, JoinError>) -> io::Result<T> {
    ended.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(error) => Err(error.into()),
    })
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::Pin;

    use tokio::time::Instant;

    use super::*;

    type Attempt = Pin<Box<dyn Future<Output = io::Result<u8>> + Send>>;

    const STAGGER: Duration = Duration::from_millis(250);

    fn dead() -> Attempt {
        Box::pin(pending())
    }

    fn fails(kind: io::ErrorKind) -> Attempt {
        Box::pin(ready(Err(kind.into())))
    }

    fn wins(after: Duration, value: u8) -> Attempt {
        Box::pin(async move {
            tokio::time::sleep(after).await;
            Ok(value)
        })
    }

    /// 37:dial:connect-timeout.
    #[tokio::test(start_paused = true)]
    async fn a_dead_attempt_holds_the_next_up_for_the_stagger_only() {
        let start = Instant::now();
        let attempts = vec![dead(), dead(), wins(Duration::ZERO, 7)];
        assert_eq!(race(attempts, STAGGER).await.unwrap(), 7);
        let took = start.elapsed();
        assert!((2 * STAGGER..3 * STAGGER).contains(&took), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_attempt_holds_up_nobody() {
        let start = Instant::now();
        let attempts = vec![fails(io::ErrorKind::ConnectionRefused), wins(Duration::ZERO, 7)];
        assert_eq!(race(attempts, STAGGER).await.unwrap(), 7);
        assert!(start.elapsed() < STAGGER);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_attempt_still_wins_while_later_ones_run() {
        let attempts = vec![wins(3 * STAGGER, 1), dead(), dead()];
        assert_eq!(race(attempts, STAGGER).await.unwrap(), 1);
        let attempts = vec![wins(3 * STAGGER / 2, 1), dead(), dead()];
        assert_eq!(race(attempts, STAGGER).await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn tells_the_last_failure_when_all_fail() {
        let attempts =
            vec![fails(io::ErrorKind::ConnectionRefused), fails(io::ErrorKind::ConnectionReset)];
        let failure = race(attempts, STAGGER).await.unwrap_err();
        assert_eq!(failure.kind(), io::ErrorKind::ConnectionReset);
    }

    #[tokio::test]
    async fn no_attempt_is_a_failure() {
        let failure = race(Vec::<Attempt>::new(), STAGGER).await.unwrap_err();
        assert_eq!(failure.kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    #[should_panic(expected = "the runtime has no I/O")]
    async fn what_an_attempt_lacks_is_told_to_who_dials() {
        let attempt: Attempt = Box::pin(async { panic!("the runtime has no I/O") });
        let _ = race(vec![attempt], STAGGER).await;
    }
}
