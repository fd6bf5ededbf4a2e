//! Security between us and libzmq: every mechanism in both directions, and every way to fail.

mod admitted;
mod broken_judges;
mod credentials;
mod guard;
mod inbound;
mod mismatches;
mod outbound;
mod refused_by_libzmq;
mod refused_by_us;
mod returning;
mod reversed;
mod rows;
mod subscriptions;
mod through;

pub(crate) use rows::bodies;

/// Without it most of these tests would fail, but none would say why.
#[test]
fn the_libzmq_that_is_linked_has_curve_and_is_one_that_is_known() {
    assert_eq!(zmq::has("curve"), Some(true), "link the system's libzmq: .cargo/config.toml");
    assert_eq!((zmq::version().0, zmq::version().1), (4, 3));
}
