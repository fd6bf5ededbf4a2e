//! The roles of an application, taken by libzmq and by bare sockets, fit together.

use std::time::Duration;

use zmtp_mux_bench_roles::meter::Received;
use zmtp_mux_bench_roles::pings::Trips;
use zmtp_mux_benches::broker::Log;
use zmtp_mux_benches::stack::Stack;

fn bare() -> Stack {
    Stack { name: "bare", program: env!("CARGO_BIN_EXE_app-bare").into(), log: Log::Shown }
}

fn libzmq() -> Stack {
    Stack { name: "libzmq", program: env!("CARGO_BIN_EXE_app-libzmq").into(), log: Log::Shown }
}

/// Everything the sender numbered arrives in order, whoever is at either end.
#[test]
fn a_receiver_counts_what_either_sender_numbers() {
    for receiver in [libzmq(), bare()] {
        for sender in [libzmq(), bare()] {
            let words = ["receive", "--len", "300", "--count", "5000"];
            let receiving = receiver.start(&words, &[]).expect("a receiver");
            let url = receiving.url().expect("a URL");
            let _sending =
                sender.start(&["send", "--to", &url, "--len", "300"], &[]).expect("a sender");
            let received: Received = receiving.figures(PATIENCE).expect("figures");
            assert!(received.messages >= 5000, "{received}");
            assert_eq!(received.faults, 0);
            receiving.join().expect("an end");
        }
    }
}

/// An echo answers each ping, whoever is at either end.
#[test]
fn an_echo_answers_either_asker() {
    for echo in [libzmq(), bare()] {
        for asker in [libzmq(), bare()] {
            let echoing = echo.start(&["echo"], &[]).expect("an echo");
            let url = echoing.url().expect("a URL");
            let words = ["ping", "--to", &url, "--len", "64", "--warm-up", "0", "--seconds", "0.1"];
            let asking = asker.start(&words, &[]).expect("an asker");
            let trips: Trips = asking.figures(PATIENCE).expect("figures");
            assert!(trips.trips > 0 && trips.p50_us > 0.0, "{trips}");
        }
    }
}

/// How long a figure may take.
const PATIENCE: Duration = Duration::from_secs(30);
