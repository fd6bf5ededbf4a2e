//! What a handshake costs the acceptor, in batches that take turns with the arithmetic of it.
//!
//! A neighbour on the same core can only add to the CPU time that is counted for a batch. So the best
//! of many short batches is what a handshake costs, and the median tells what it cost here and now.

use std::error::Error;
use std::time::Duration;

use dryoc::classic::crypto_core::{crypto_scalarmult, crypto_scalarmult_base};
use rustix::time::{ClockId, clock_gettime};
use zmtp_mux_benches::table::median;

use crate::peers::{client, server, take_handshake};

/// Batches of each kind, and what one counts.
const BATCHES: usize = 240;
const PER_BATCH: u8 = 25;

/// Handshakes for each second of the acceptor's CPU, without the system's part.
pub(crate) struct HandshakeRate {
    /// In the batch that was disturbed least.
    pub(crate) best: f64,
    /// In the batch in the middle.
    pub(crate) median: f64,
    /// The part of what the arithmetic takes in its batch beside: the median of the pairs.
    pub(crate) of_arithmetic: f64,
}

pub(crate) fn handshakes() -> Result<HandshakeRate, Box<dyn Error>> {
    let (mut rates, mut parts) = (Vec::new(), Vec::new());
    for _ in 0..BATCHES {
        let (whole, bare) = (handshake_cpu()?.as_secs_f64(), arithmetic_cpu()?.as_secs_f64());
        rates.push(f64::from(PER_BATCH) / whole);
        parts.push(bare / whole);
    }
    let best = rates.iter().copied().fold(0.0, f64::max);
    Ok(HandshakeRate { best, median: median(rates), of_arithmetic: median(parts) })
}

/// Returns the CPU time that a batch of handshakes costs the acceptor.
fn handshake_cpu() -> Result<Duration, Box<dyn Error>> {
    let mut spent = Duration::ZERO;
    for number in 0..PER_BATCH {
        let (mut client, mut server) = (client(number), server(number));
        let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
        while !(client.is_established() && server.is_established()) {
            while let Some(octets) = client.poll_transmit() {
                to_server.extend_from_slice(&octets);
            }
            let before = thread_cpu();
            take_handshake(&mut server, &mut to_server)?;
            while let Some(octets) = server.poll_transmit() {
                to_client.extend_from_slice(&octets);
            }
            spent += thread_cpu().saturating_sub(before);
            take_handshake(&mut client, &mut to_client)?;
        }
    }
    Ok(spent)
}

/// Returns the CPU time of what no acceptor can leave out, for a batch: three shared secrets and a
/// new key each.
fn arithmetic_cpu() -> Result<Duration, Box<dyn Error>> {
    let (mut secret, mut public) = ([7; 32], [0; 32]);
    crypto_scalarmult_base(&mut public, &secret);
    let before = thread_cpu();
    for _ in 0..PER_BATCH {
        for _ in 0..3 {
            let theirs = public;
            crypto_scalarmult(&mut public, &secret, &theirs)?;
        }
        secret = public;
        crypto_scalarmult_base(&mut public, &secret);
    }
    Ok(thread_cpu().saturating_sub(before))
}

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
