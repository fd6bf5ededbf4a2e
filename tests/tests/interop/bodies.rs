//! Bodies of all sizes, which must arrive octet for octet.

use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::peers::{expect, receive, send};
use zmtp_mux_tests::{Muxd, Peers};

use crate::kinds::{Client, ClientKind, Service, ServiceKind, round_trip};

const KIB: usize = 1024;

/// Around the lengths at which frame headers, buffers and copies change.
const LENS: [usize; 14] = [
    0,
    1,
    255,
    256,
    8 * KIB - 1,
    8 * KIB,
    16 * KIB - 1,
    16 * KIB,
    16 * KIB + 1,
    64 * KIB - 1,
    64 * KIB,
    64 * KIB + 1,
    KIB * KIB,
    8 * KIB * KIB,
];

/// Returns octets that show every shift and every swap: no two stretches are the same.
pub(crate) fn octets(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    let mut octets: Vec<u8> = words.take(len.div_ceil(8)).flatten().collect();
    octets.truncate(len);
    octets
}

/// mux:envelope:rest-unchanged.
#[test]
fn bodies_of_every_size_arrive_unchanged_in_both_directions() {
    let rep = format!("{ANY_PORT}?name=rep");
    let muxd = Muxd::start(&["--clients", ANY_PORT, "--services", ANY_PORT, "--services", &rep]);
    let peers = Peers::new();
    let at: Vec<_> = muxd.endpoints("services").collect();
    let dealers = (
        Client::connect(&peers, ClientKind::Dealer, muxd.clients()),
        Service::connect(&peers, ServiceKind::Dealer, at[0], "dealer"),
    );
    let req_rep = (
        Client::connect(&peers, ClientKind::ReqCorrelated, muxd.clients()),
        Service::connect(&peers, ServiceKind::Rep, at[1], "rep"),
    );
    muxd.wait_counter("bindings", |bindings| bindings == 4);
    for (client, service) in [&dealers, &req_rep] {
        for len in LENS {
            let (asked, answered) = (octets(len, 1), octets(len, 2));
            round_trip(client, service, &[&asked], &[&answered]);
            let (one, other) = asked.split_at(len / 3);
            round_trip(client, service, &[b"", one, b"", other, b""], &[b"", b"", &answered]);
        }
    }
    assert_eq!(muxd.stop().of("handed_over"), 8 * i64::try_from(LENS.len()).unwrap());
}

/// mux:order:pair-fifo.
#[test]
fn a_stream_of_mixed_sizes_keeps_its_order() {
    const COUNT: usize = 2_000;
    let muxd = Muxd::start_usual();
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let client = peers.dealer(muxd.clients(), "");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    let body = |number: usize| {
        // Every tenth is large, of those every tenth much larger.
        let len = match number {
            _ if number.is_multiple_of(100) => 200 * KIB,
            _ if number.is_multiple_of(10) => 20 * KIB,
            _ => number % 300,
        };
        octets(len, u64::try_from(number).unwrap())
    };
    // The window keeps what waits far below what a destination may have.
    let window = 50;
    for number in 0..COUNT + window {
        if number < COUNT {
            let number_frame = number.to_string();
            send(&client, &[b"engine".as_slice(), number_frame.as_bytes(), &body(number)]);
        }
        if let Some(number) = number.checked_sub(window) {
            let request = receive(&service);
            assert_eq!(request[1], number.to_string().as_bytes());
            assert!(request[2] == body(number), "another body of {number}");
            send(&service, &request);
        }
        if let Some(number) = number.checked_sub(2 * window) {
            expect(&client, &[b"engine".as_slice(), number.to_string().as_bytes(), &body(number)]);
        }
    }
    for number in COUNT - window..COUNT {
        expect(&client, &[b"engine".as_slice(), number.to_string().as_bytes(), &body(number)]);
    }
    assert_eq!(muxd.stop().of("handed_over"), 2 * i64::try_from(COUNT).unwrap());
}
