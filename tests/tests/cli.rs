//! The command line of `muxd`: every documented form, and what it says to all others.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

use std::net::TcpListener;

use rustix::process::Signal;
use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::peers::{expect, fresh, receive, send};
use zmtp_mux_tests::{Muxd, Peers, run};

/// Runs `muxd`, which must refuse its arguments and say all of this.
fn refused(args: &[&str], sayings: &[&str]) {
    let outcome = run(args);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{args:?}: {outcome:?}");
    for saying in sayings {
        assert!(outcome.stderr.contains(saying), "{args:?}: no {saying:?} in {}", outcome.stderr);
    }
}

/// Returns the port behind the last colon.
fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn without_a_listener_the_two_usual_ones_are_there() {
    let usual = ["tcp://127.0.0.1:5555", "tcp://127.0.0.1:5556"];
    // They are known to everybody, so somebody may have taken them.
    if usual.iter().any(|url| TcpListener::bind(("127.0.0.1", port(url))).is_err()) {
        println!("skipped: {usual:?} are not both free");
        return;
    }
    let muxd = Muxd::start(&[]);
    assert_eq!([muxd.clients(), muxd.services()], usual);
    let _ = muxd.stop();
}

#[test]
fn listeners_are_told_in_their_order_with_the_ports_that_were_found() {
    let muxd = Muxd::start(&[
        "--services",
        ANY_PORT,
        "--any",
        "tcp://127.0.0.1:*",
        "--clients=tcp://localhost:0",
        "--services",
        "tcp://127.0.0.1:0?name=engine.7",
    ]);
    let urls: Vec<_> = ["services", "any", "clients"]
        .into_iter()
        .flat_map(|role| muxd.endpoints(role).collect::<Vec<_>>())
        .collect();
    let mut ports: Vec<_> = urls.iter().map(|url| port(url)).collect();
    assert!(!ports.contains(&0), "{urls:?}");
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), 4, "{urls:?}");
    let _ = muxd.stop();
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: no IPv6 here");
        return;
    }
    let muxd = Muxd::start(&["--clients", "tcp://[::1]:0"]);
    assert!(muxd.clients().starts_with("tcp://[::1]:"), "{}", muxd.clients());
    let _ = muxd.stop();
    refused(&["--clients", "tcp://::1:5555"], &["brackets", "tcp://[::1]:5555"]);
}

/// mux:listen:loopback-unless-open.
#[test]
fn an_address_that_others_can_reach_is_refused_unless_open() {
    for url in ["tcp://*:0", "tcp://0.0.0.0:0", "tcp://[::]:0", "tcp://192.0.2.1:5555"] {
        refused(&["--clients", ANY_PORT, "--services", url], &["--open", "loopback"]);
    }
    let muxd = Muxd::start(&["--open", "--clients", "tcp://*:0", "--services", ANY_PORT]);
    assert!(muxd.clients().starts_with("tcp://0.0.0.0:"), "{}", muxd.clients());
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let client = peers.dealer(&format!("tcp://127.0.0.1:{}", port(muxd.clients())), "");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    send(&client, &["engine", "ask"]);
    send(&service, &receive(&service));
    expect(&client, &["engine", "ask"]);
    let _ = muxd.stop();
}

#[test]
fn a_bad_url_is_refused_with_what_is_allowed() {
    for (url, saying) in [
        ("http://127.0.0.1:1", "tcp://"),
        ("127.0.0.1:5555", "tcp://"),
        ("", "tcp://"),
        ("tcp://", "0 to 65535"),
        ("tcp://127.0.0.1", "0 to 65535"),
        ("tcp://127.0.0.1:65536", "0 to 65535"),
        ("tcp://127.0.0.1:x", "0 to 65535"),
        ("tcp://:5555", "tcp://HOST:PORT"),
        ("ipc://", "ipc://PATH"),
        ("inproc://x", "ipc://"),
        ("tcp://127.0.0.1:0?nmae=x", "identity=NAME"),
        ("tcp://127.0.0.1:0?identity=", "1 to 255 octets"),
        ("tcp://127.0.0.1:0?identity=%0", "two hexadecimal digits"),
        ("tcp://127.0.0.1:0?name=x", "--services"),
    ] {
        refused(&["--clients", url], &["--clients", saying]);
    }
    let long = format!("ipc:///tmp/{}", "x".repeat(200));
    refused(&["--any", &long], &["octets"]);
    refused(&["--services", "tcp://127.0.0.1:0?name=%00x"], &["1 to 255 octets"]);
    refused(&["--services", "tcp://127.0.0.1:0?name=x&name=y"], &["twice"]);
}

#[test]
fn an_unknown_argument_is_refused() {
    refused(&["--client", ANY_PORT], &["--client", "--clients"]);
    refused(&["serve"], &["serve"]);
    refused(&["--threads", "0"], &["--threads", "1 to 1024"]);
    refused(&["--threads"], &["--threads"]);
    refused(&["--log", "loud"], &["--log"]);
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", taken.local_addr().unwrap());
    let outcome = run(&["--services", ANY_PORT, "--clients", &url]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains(&url), "{outcome:?}");
    assert!(!outcome.stdout.contains("ready"), "{outcome:?}");
}

#[test]
fn a_path_in_use_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("ipc://{}", folder.path().join("mux").display());
    let muxd = Muxd::start(&["--any", &url]);
    let outcome = run(&["--any", &url]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains(&url), "{outcome:?}");
    let service = Peers::new().dealer(&url, "engine");
    muxd.wait_counter("bindings", |bindings| bindings == 1);
    drop(service);
    let _ = muxd.stop();
}

#[test]
fn a_path_is_removed_at_the_end_and_a_stale_one_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mux");
    let url = format!("ipc://{}", path.display());
    // A killed MUX leaves its path behind.
    drop(Muxd::start(&["--any", &url]));
    assert!(path.exists());
    let muxd = Muxd::start(&["--any", &url]);
    assert_eq!(muxd.endpoint("any"), url);
    let _ = muxd.stop();
    assert!(!path.exists());
}

#[test]
fn a_file_that_is_no_socket_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes");
    std::fs::write(&path, "precious").unwrap();
    let url = format!("ipc://{}", path.display());
    let outcome = run(&["--any", &url]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn it_tells_its_version_and_how_to_use_it() {
    let version = run(&["--version"]);
    assert_eq!(version.code, Some(0));
    assert_eq!(version.stdout, format!("muxd {}\n", env!("CARGO_PKG_VERSION")));
    let help = run(&["--help"]);
    assert_eq!(help.code, Some(0));
    for word in [
        "--clients",
        "--services",
        "--any",
        "--threads",
        "--open",
        "--log",
        "?name=",
        "--config",
        "--check",
        "--print-config",
    ] {
        assert!(help.stdout.contains(word), "no {word} in {}", help.stdout);
    }
}

/// mux:conservation:difference-shown.
#[test]
fn usr1_writes_all_counters_and_changes_nothing() {
    let muxd = Muxd::start(&["--any", ANY_PORT, "--log", "off"]);
    let service = Peers::new().dealer(muxd.endpoint("any"), &fresh("engine"));
    muxd.wait_counter("bindings", |bindings| bindings == 1);
    let (one, other) = (muxd.counters(), muxd.counters());
    assert_eq!(one, other);
    for name in ["received", "handed_over", "returned", "queued", "difference", "connections"] {
        assert!(one.names().any(|other| other == name), "no {name} in {one:?}");
    }
    drop(service);
    assert_eq!(muxd.stop().names().count(), one.names().count());
}

/// mux:log:losses.
#[test]
fn the_log_says_that_messages_are_lost_and_for_whom() {
    let muxd = Muxd::start(&["--any", ANY_PORT]);
    let peers = Peers::new();
    let client = peers.dealer(muxd.endpoint("any"), "");
    muxd.wait_counter("bindings", |bindings| bindings == 1);
    send(&client, &["engine.8", "ask"]);
    muxd.wait_log("WARN messages dropped: no service has their name counter=\"dropped_unknown\" count=1 name=engine.8");
    // Told at the end at the latest.
    send(&client, &["engine.9", "ask"]);
    muxd.wait_counter("dropped_unknown", |dropped| dropped == 2);
    muxd.signal(Signal::TERM);
    muxd.wait_log("count=1 name=engine.9");
    let _ = muxd.wait_end();
}

/// mux:limit:counted.
#[test]
fn the_readme_tells_of_every_counter() {
    let readme = include_str!("../../crates/muxd/README.md");
    let muxd = Muxd::start(&["--any", ANY_PORT]);
    let counters = muxd.counters();
    let missing: Vec<_> =
        counters.names().filter(|name| !readme.contains(&format!("`{name}`"))).collect();
    assert_eq!(missing, [""; 0]);
    muxd.wait_log("counters 20");
    let _ = muxd.stop();
}

#[test]
fn both_signals_end_it_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let muxd = Muxd::start_usual();
        muxd.signal(signal);
        assert_eq!(muxd.wait_end().of("connections"), 0);
    }
}

#[test]
fn the_demo_shows_its_rate() {
    let outcome = run(&["demo"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let rate = outcome.stdout.lines().find_map(|line| line.strip_suffix(" requests/s"));
    let rate = rate.and_then(|line| line.rsplit(' ').next());
    assert!(rate.unwrap().parse::<u64>().unwrap() > 100, "{outcome:?}");
}
