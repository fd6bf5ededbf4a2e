use proptest::prelude::*;

use super::*;
use crate::error::{ConnectionError, Deadline, DecodeError, Phase, Unexpected};
use crate::mechanism::Mechanism;
use crate::socket_type::SocketType;

const NANO: Duration = Duration::from_nanos(1);
const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// A chance that makes a wait as long as can be.
const LAST: u64 = u64::MAX;

fn wait(backoff: &mut Backoff, why: Retry, chance: u64) -> Duration {
    match backoff.next(why, chance) {
        Next::After(wait) => wait,
        Next::GiveUp => panic!("gave up"),
    }
}

/// Returns 64 bits at a time that look like chance, the same for the same seed (`SplitMix64`).
fn chances(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// 37:errors:backoff-jitter.
#[test]
fn the_longest_wait_doubles_up_to_the_longest_of_all() {
    let mut backoff = Backoff::new(Reconnect::default());
    for longest_ms in [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000] {
        let longest = longest_ms * MILLI;
        for (chance, share) in [(1 << 62, longest / 4), (1 << 63, longest / 2)] {
            assert_eq!(wait(&mut backoff.clone(), Retry::Later, chance), share);
        }
        assert_eq!(wait(&mut backoff.clone(), Retry::Later, 0), Backoff::WAIT_MIN);
        let last = wait(&mut backoff, Retry::Later, LAST);
        assert_eq!(last, longest.saturating_sub(NANO));
    }
}

/// 37:errors:backoff-jitter.
#[test]
fn only_a_connection_that_lived_starts_from_the_beginning() {
    let mut backoff = Backoff::new(Reconnect::default());
    let half = 1 << 63;
    assert_eq!(wait(&mut backoff, Retry::Later, half), 50 * MILLI);
    assert_eq!(wait(&mut backoff, Retry::Later, half), 100 * MILLI);
    backoff.succeeded(Duration::from_millis(29_999));
    assert_eq!(wait(&mut backoff, Retry::Later, half), 200 * MILLI);
    backoff.succeeded(30 * SECOND);
    assert_eq!(wait(&mut backoff, Retry::Later, half), 50 * MILLI);
}

/// 37:errors:no-retry-after-refusal.
#[test]
fn who_gave_up_stays_at_that() {
    let mut backoff = Backoff::new(Reconnect::default());
    assert_eq!(backoff.next(Retry::No, 0), Next::GiveUp);
    backoff.succeeded(Duration::MAX);
    for why in [Retry::Later, Retry::Slowly, Retry::No] {
        assert_eq!(backoff.next(why, LAST), Next::GiveUp);
        assert_eq!(Backoff::new(Reconnect::Never).next(why, LAST), Next::GiveUp);
    }
}

/// 37:errors:retry-slowly-after-violation.
#[test]
fn a_peer_that_breaks_the_protocol_is_tried_slowly_at_once() {
    let mut backoff = Backoff::new(Reconnect::default());
    for (chance, expected) in [(0, 15 * SECOND), (1 << 63, 22 * SECOND + 500 * MILLI)] {
        assert_eq!(wait(&mut backoff, Retry::Slowly, chance), expected);
    }
    assert_eq!(wait(&mut backoff, Retry::Slowly, LAST), (30 * SECOND).saturating_sub(NANO));
    // And it counts as a failure like any other.
    assert_eq!(wait(&mut backoff, Retry::Later, 1 << 63), 400 * MILLI);
}

/// 37:errors:retry-by-kind, 37:errors:no-retry-after-refusal,
/// 37:errors:retry-slowly-after-violation.
#[test]
fn each_end_of_a_connection_says_whether_to_try_again() {
    let unexpected = |state| ConnectionError::Unexpected { got: Unexpected::Ready, state };
    let timeout = |what| ConnectionError::Timeout { what, limit: SECOND };
    let incompatible =
        ConnectionError::Incompatible { ours: SocketType::Req, theirs: SocketType::Pub };
    for (error, expected) in [
        (ConnectionError::Refused { reason: "400".into() }, Retry::No),
        (ConnectionError::Decode(DecodeError::ErrorReason), Retry::No),
        (
            ConnectionError::MechanismMismatch { ours: Mechanism::NULL, theirs: Mechanism::PLAIN },
            Retry::No,
        ),
        (ConnectionError::RoleConflict, Retry::No),
        (incompatible, Retry::No),
        (ConnectionError::RefusedByUs, Retry::No),
        (ConnectionError::Closed, Retry::No),
        (ConnectionError::Decode(DecodeError::FrameFlags(0x80)), Retry::Slowly),
        (ConnectionError::Decode(DecodeError::Version { major: 2 }), Retry::Slowly),
        (unexpected(Phase::Handshake), Retry::Slowly),
        (unexpected(Phase::Traffic), Retry::Slowly),
        (timeout(Deadline::Handshake), Retry::Later),
        (timeout(Deadline::PartialMessage), Retry::Later),
        (timeout(Deadline::TimeToLive), Retry::Later),
    ] {
        assert_eq!(error.retry(), expected, "{error:?}");
    }
    assert_eq!(Retry::AFTER_CLOSE, Retry::Later);
}

proptest! {
    /// 37:errors:backoff-jitter: whatever the policy, up to the limits of what a duration can be.
    #[test]
    fn waits_stay_within_bounds(
        first in durations(),
        max in durations(),
        whys in prop::collection::vec(prop::sample::select(vec![Retry::Slowly, Retry::Later]), 200),
        seed: u64,
    ) {
        let mut chance = chances(seed);
        let mut backoff = Backoff::new(Reconnect::Backoff { first, max });
        let mut ceiling = first;
        for why in whys {
            let wait = wait(&mut backoff, why, chance());
            let longest = if why == Retry::Later { ceiling.min(max) } else { max };
            prop_assert!(wait >= Backoff::WAIT_MIN);
            prop_assert!(wait <= longest.max(Backoff::WAIT_MIN), "{wait:?} of {longest:?}");
            ceiling = ceiling.max(Backoff::WAIT_MIN).saturating_mul(2);
        }
    }

    /// 37:errors:backoff-jitter: the mean of 4,096 waits is that of a uniform choice, to within
    /// ten of its standard deviations, and so doubles from step to step.
    #[test]
    fn the_mean_wait_doubles_with_each_failure(seed: u64) {
        const COUNT: u32 = 4096;
        let mut chance = chances(seed);
        let mut backoff = Backoff::new(Reconnect::default());
        // From 400 ms on, where the shortest wait no longer shifts the mean by much.
        for longest_ms in [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000] {
            let sum: Duration =
                (0..COUNT).map(|_| wait(&mut backoff.clone(), Retry::Later, chance())).sum();
            let share = (sum / COUNT).as_secs_f64() / (longest_ms * MILLI).as_secs_f64();
            if longest_ms >= 400 {
                prop_assert!((share - 0.5).abs() < 0.05, "{share} of {longest_ms} ms");
            }
            let _ = backoff.next(Retry::Later, chance());
        }
    }

    /// 37:errors:backoff-jitter: of 64 waits, those of two peers are within a hundredth of each
    /// other about once, and twenty times in no run that anybody will see.
    #[test]
    fn two_peers_do_not_move_in_step(one: u64, other: u64) {
        prop_assume!(one != other);
        let (mut chance_of_one, mut chance_of_other) = (chances(one), chances(other));
        let mut peers = [Reconnect::default(); 2].map(Backoff::new);
        let mut ceiling = 100 * MILLI;
        let mut together = 0;
        for _ in 0..64 {
            let [one, other] = &mut peers;
            let one = wait(one, Retry::Later, chance_of_one());
            let other = wait(other, Retry::Later, chance_of_other());
            together += u32::from(one.abs_diff(other) < ceiling / 100);
            ceiling = (ceiling * 2).min(30 * SECOND);
        }
        prop_assert!(together < 20, "{together} of 64 waits are alike");
    }
}

/// Durations of every size, the extremes among them.
fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        Just(NANO),
        (0..100_000_u64).prop_map(Duration::from_millis),
        any::<u64>().prop_map(Duration::from_secs),
    ]
}
