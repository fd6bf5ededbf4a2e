//! Idle peers connect, are held, and cost a broker memory that can be read.
#![cfg(target_os = "linux")]

use zmtp_mux_benches::broker::{BrokerCommand, Log};
use zmtp_mux_benches::idle_memory;
use zmtp_mux_benches::rows::RunOptions;

#[test]
fn two_hundred_idle_peers_cost_swap_some_memory_each() {
    let command = BrokerCommand {
        name: "swap".to_owned(),
        words: vec![env!("CARGO_BIN_EXE_swap").to_owned()],
        threads: 1,
        log: Log::Shown,
    };
    let options =
        RunOptions { loadgen: env!("CARGO_BIN_EXE_loadgen").into(), warm_up_s: 0.0, window_s: 0.0 };
    let kib = idle_memory::kib_each(&command, 200, &options).expect("a figure");
    assert!((1.0..1000.0).contains(&kib), "{kib} KiB");
}
