//! What the broker holds for clients that have not shown who they are.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::{DEADLINE, Muxd};
use zmtp_proto::{Connection, Limits, Local, SocketType};

use crate::files::{Files, Keys};
use crate::peer::curve;

/// 26:curve:bounded-before-vouch.
#[test]
fn ten_kib_at_most_while_an_initiate_is_unfinished() {
    let (files, keys) = (Files::new(), Keys::generate());
    let secret = files.secret("server", &keys.printed);
    // On a slow machine the first of them would be late before the last one is there.
    let config = files.with_mode("config", "[limits]\nhandshake_time = \"5 min\"\n", 0o600);
    let keys_given = ["--open", "--curve-secret", &secret];
    let muxd =
        Muxd::start(&[&["--config", &config, "--clients", ANY_PORT], &keys_given[..]].concat());
    let begin = |len| begin_initiate(muxd.clients(), &keys, len);
    // The first ones pay for what all share.
    let first: Vec<_> = (0..20).map(|_| begin(LONGEST)).collect();
    let before = muxd.resident_kib();
    let all: Vec<_> = (0..STRANGERS).map(|_| begin(LONGEST)).collect();
    let _ = muxd.wait_counter("handshakes", |count| count == 20 + STRANGERS.cast_signed());
    let grown = muxd.resident_kib().saturating_sub(before);
    let each = grown * 1024 / STRANGERS;
    println!("an unfinished INITIATE of {LONGEST} octets: {each} octets");
    assert!(each <= 10 * 1024, "{each} octets");
    drop((first, all));
    let longer = begin(LONGEST + 1);
    let _ = muxd.wait_counter("ended_command_too_long", |count| count == 1);
    drop(longer);
    let _ = muxd.stop();
}

/// Shakes hands up to an INITIATE of `len` octets, of which the last is not sent.
fn begin_initiate(url: &str, keys: &Keys, len: u64) -> TcpStream {
    let mut stream = TcpStream::connect(url.strip_prefix("tcp://").unwrap()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let security = curve(keys.public(), keys);
    let local = Local::new(SocketType::Dealer);
    let mut client = Connection::connector(local, security, Limits::default(), Instant::now());
    let mut greeting = [0; 64];
    stream.write_all(&client.poll_transmit().unwrap()).unwrap();
    stream.read_exact(&mut greeting).unwrap();
    let _ = client.handle_input(&greeting, Instant::now()).unwrap();
    stream.write_all(&client.poll_transmit().unwrap()).unwrap();
    stream.read_exact(&mut [0; WELCOME_LEN]).unwrap();
    let mut initiate = [&b"\x06"[..], &len.to_be_bytes(), b"\x08INITIATE"].concat();
    initiate.resize(8 + usize::try_from(len).unwrap(), 0);
    // An INITIATE that is too long is refused by its header, and perhaps before it is all sent.
    let _ = stream.write_all(&initiate);
    stream
}

/// How many strangers come at once.
const STRANGERS: u64 = 700;

/// Octets of the longest INITIATE that a broker takes.
const LONGEST: u64 = 257 + 4096;

/// Octets of a WELCOME with its header.
const WELCOME_LEN: usize = 170;
