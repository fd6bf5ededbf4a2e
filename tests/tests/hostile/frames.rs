//! Frames that break the rules, or stretch them, after a good handshake.

use crate::raw::Raw;
use crate::siege::{POLITE, Siege};
use crate::wire::{COMMAND, LONG, MORE, command, frame, long_header, message, opening, ready};

#[test]
fn broken_frames_close_the_connection_and_deliver_nothing() {
    let siege = Siege::start();
    let mut broken: Vec<(String, Vec<u8>)> = Vec::new();
    for flags in (0..=u8::MAX).filter(|flags| flags & !(MORE | LONG) != 0) {
        if flags & !LONG != COMMAND {
            broken.push((format!("flags {flags:#04x}"), vec![flags]));
        }
    }
    for size in [MESSAGE_MAX - 8, 1 << 31, 1 << 32, 1 << 40, (1 << 63) - 1, 1 << 63, u64::MAX] {
        broken.push((format!("a frame of {size}"), long_header(0, size)));
        broken.push((format!("a first frame of {size}"), long_header(MORE, size)));
        let second = [frame(MORE, POLITE), long_header(0, size)].concat();
        broken.push((format!("a second frame of {size}"), second));
    }
    for size in [8 * 1024 + 1, 1 << 32, 1 << 63, u64::MAX] {
        broken.push((format!("a command of {size}"), long_header(COMMAND, size)));
    }
    broken.push(("a second READY".into(), ready("DEALER", b"")));
    broken.push(("an ERROR".into(), command("ERROR", b"\x03400")));
    broken.push(("a command without a name".into(), frame(COMMAND, b"")));
    broken.push(("a command with an empty name".into(), frame(COMMAND, b"\0PING")));
    broken.push(("a command named by zeros".into(), frame(COMMAND, b"\x02\0\0")));
    for (what, octets) in &broken {
        let whole = [opening("DEALER", b""), frame(MORE, POLITE), octets.clone()].concat();
        Raw::dial_with(siege.muxd.clients(), &whole).closed(what);
        let mut service = Raw::join(siege.muxd.services(), "DEALER", b"bad");
        service.send(octets);
        service.closed("in traffic");
    }
    let counters = siege.end("broken frames");
    assert_eq!(counters.of("dropped_unknown"), 0);
}

#[test]
fn commands_inside_messages_and_unknown_ones_do_no_harm() {
    let siege = Siege::start();
    let mut client = Raw::join(siege.muxd.clients(), "DEALER", b"");
    let commands = [
        command("SUBSCRIBE", b"polite"),
        command("CANCEL", b""),
        command("JOIN", b"group"),
        command("LEAVE", b""),
        command("PONG", b"unasked"),
        command("A", b""),
        command(&"Z".repeat(255), &[0xFF; 4000]),
    ];
    for octets in &commands {
        client.send(octets);
        let whole = [frame(MORE, POLITE), octets.clone(), octets.repeat(9), frame(0, b"x")];
        client.send(&whole.concat());
        assert_eq!(client.receive(), [POLITE, b"x"]);
    }
    // The long form where the short one would do, and empty frames.
    client.send(&[frame(MORE | LONG, POLITE), frame(MORE, b""), frame(LONG, b"")].concat());
    assert_eq!(client.receive(), [POLITE, b"", b""]);
    // Single frames, empty ones, and messages for the MUX itself go nowhere.
    client.send(&frame(0, b"").repeat(10_000));
    client.send(&frame(LONG, POLITE).repeat(1000));
    client.send(&message(&[b"", b"GET"]).repeat(1000));
    client.send(&message(&[POLITE, b"y"]));
    assert_eq!(client.receive(), [POLITE, b"y"]);
    let counters = siege.end("commands everywhere");
    assert_eq!(counters.of("single_frame_dropped"), 11_000);
    assert_eq!((counters.of("to_mux"), counters.of("control_dropped")), (1000, 1000));
}

#[test]
fn a_message_cut_off_by_a_reset_is_not_delivered() {
    let siege = Siege::start();
    let mut sink = Raw::join(siege.muxd.services(), "DEALER", b"sink");
    let whole = message(&[b"sink", b"a", &[b'b'; 300], b"c"]);
    for cut in (0..whole.len()).step_by(7) {
        let octets = [opening("DEALER", b""), whole[..cut].to_vec()].concat();
        Raw::dial_with(siege.muxd.clients(), &octets).reset();
        let octets = [opening("DEALER", b""), whole[..cut].to_vec()].concat();
        Raw::dial_with(siege.muxd.clients(), &octets).half_close();
    }
    // All of them are over when none but the polite ones and the sink are left.
    siege.muxd.wait_counter("connections", |count| count == 3);
    let mut last = Raw::join(siege.muxd.clients(), "DEALER", b"");
    last.send(&message(&[b"sink", b"last"]));
    assert_eq!(sink.receive()[1..], [b"last"]);
    siege.end("resets inside messages");
}

/// A peer that closes its half is gone: nothing is sent to it any more.
#[test]
fn half_closed_connections_end() {
    let siege = Siege::start();
    for _ in 0..200 {
        let raw = Raw::join(siege.muxd.services(), "DEALER", b"half");
        raw.half_close();
        raw.closed("half closed");
        let raw = Raw::dial(siege.muxd.clients());
        raw.half_close();
        raw.closed("half closed in the greeting");
    }
    siege.end("half-closed connections");
}

/// The limit of a message, in octets.
const MESSAGE_MAX: u64 = 16 << 20;
