//! What it costs to find messages in octets, and to make octets of messages.

#![allow(
    clippy::cast_precision_loss,
    clippy::arithmetic_side_effects,
    reason = "figures are printed with a few digits, and runs last seconds"
)]

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use bytes::BytesMut;
use clap::{Parser, ValueEnum};
use zmtp_mux_benches::instructions::per_time;
use zmtp_proto::{Decoder, FrameKind, Item, Limits, Octets, put_frame};

/// Counts the instructions of decoding and encoding. Without arguments it reports on both.
#[derive(Debug, Parser)]
struct Cli {
    /// What to do.
    work: Option<Work>,
    /// Octets in a body.
    #[arg(default_value_t = 64)]
    len: usize,
    /// Frames.
    #[arg(default_value_t = 1_000_000)]
    times: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Work {
    Decode,
    Encode,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cli = Cli::parse();
    match cli.work {
        Some(Work::Decode) => decode(cli.len, cli.times),
        Some(Work::Encode) => {
            encode(cli.len, cli.times);
            Ok(())
        }
        None => report(),
    }
}

fn report() -> Result<(), Box<dyn Error>> {
    let own = std::env::current_exe()?;
    for (work, name) in [(Work::Decode, "decode"), (Work::Encode, "encode")] {
        match per_time(&own, &[name, "64"], 100_000)? {
            Some(count) => {
                let said = if count <= 60.0 { "reached" } else { "missed" };
                println!(
                    "{name} a frame of 64 octets in a batch: {count:.1} instructions (<= 60 {said})"
                );
            }
            None => println!("{name}: not countable without valgrind"),
        }
        for len in [64, 8192] {
            let times = 400_000_000 / (len as u64 + 100);
            let began = Instant::now();
            match work {
                Work::Decode => decode(len, times)?,
                Work::Encode => encode(len, times),
            }
            let rate = times as f64 * len as f64 / began.elapsed().as_secs_f64() / 1e9;
            println!("  {len} octets: {rate:.2} GB/s");
        }
    }
    Ok(())
}

/// Finds so many messages in batches of 64 KiB. None is copied: each is a part of the batch.
fn decode(len: usize, times: u64) -> Result<(), Box<dyn Error>> {
    let mut batch = BytesMut::new();
    let frames = (64 * 1024 / len).max(1) as u64;
    for _ in 0..frames {
        put_frame(FrameKind::MessageLast, &vec![7; len], &mut batch);
    }
    let mut decoder = Decoder::new(Limits::default());
    let mut left = times;
    while left > 0 {
        let mut rest: &[u8] = black_box(&batch);
        while let Some(decoded) = decoder.decode(rest)? {
            let Item::Message(Octets::InPlace(octets)) = decoded.item else {
                return Err("a message that was copied".into());
            };
            black_box(octets);
            rest = rest.get(decoded.consumed..).unwrap_or_default();
            left = left.saturating_sub(1);
            if left == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Makes so many frames in batches of 64 KiB.
fn encode(len: usize, times: u64) {
    let body = vec![7; len];
    let mut batch = BytesMut::with_capacity(80 * 1024);
    for _ in 0..times {
        if batch.len() > 64 * 1024 {
            black_box(&batch);
            batch.clear();
        }
        put_frame(FrameKind::MessageLast, black_box(&body), &mut batch);
    }
}
