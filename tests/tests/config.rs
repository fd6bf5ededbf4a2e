//! The configuration file: what `muxd` makes of it, and what it says to a wrong one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt;

use tempfile::TempDir;
use zmq::SocketType;
use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::peers::{expect, receive, send};
use zmtp_mux_tests::{DEADLINE, Muxd, Peers, run};

/// A folder with a configuration file in it.
struct Folder(TempDir);

impl Folder {
    fn new(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.put("mux.toml", text);
        folder
    }

    fn put(&self, name: &str, text: &str) {
        let mut file = std::fs::OpenOptions::new();
        let mut file =
            file.write(true).create_new(true).mode(0o600).open(self.0.path().join(name)).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    }

    fn config(&self) -> String {
        self.0.path().join("mux.toml").to_str().unwrap().to_owned()
    }
}

/// Both usual listeners on free ports, with these limits.
fn with_limits(limits: &str) -> Folder {
    Folder::new(&format!(
        "[limits]\n{limits}\n\
         [[listen]]\nrole = \"clients\"\nurl = \"{ANY_PORT}\"\n\
         [[listen]]\nrole = \"services\"\nurl = \"{ANY_PORT}\"\n"
    ))
}

/// Runs `muxd` with a file, which it must refuse and say all of this, before it listens.
fn refused(text: &str, more: &[&str], sayings: &[&str]) {
    let folder = Folder::new(text);
    let config = folder.config();
    for check in [&[][..], &["--check"]] {
        let args = [&["--config", &config], more, check].concat();
        let outcome = run(&args);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{text}: {outcome:?}");
        for saying in [&[config.as_str()], sayings].concat() {
            assert!(outcome.stderr.contains(saying), "{text}: no {saying:?} in {}", outcome.stderr);
        }
    }
}

fn connect(url: &str) -> TcpStream {
    let address: SocketAddr = url.strip_prefix("tcp://").unwrap().parse().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// mux:config:faults, mux:config:contradictions.
#[test]
fn what_is_wrong_with_a_file_is_told_by_line() {
    refused("\n[limits]\nconections = 3\n", &[], &["line 3", "\"conections\"", "\"connections\""]);
    refused("[limits]\nhandshake_time = 10\n", &[], &["line 2", "handshake_time", "\"10 s\""]);
    refused("threads = 0\nlog = 3\n", &[], &["line 1", "1 to 1024", "line 2", "\"trace\""]);
    refused("threads", &[], &["line 1", "TOML"]);
    refused(
        "[limits]\nping_interval = \"20 s\"\n",
        &[],
        &["line 2", "dead_after, 15 s", "ping_interval, 20 s"],
    );
    refused("[limits]\nhandshakes_per_ip.burst = 0", &[], &["line 2", "burst"]);
    refused("[role.client]\nwindow = 1\n", &[], &["line 2", "window", "clients"]);
}

/// mux:config:faults.
#[test]
fn each_line_says_who_speaks() {
    let folder = Folder::new("threads = 0\nlog = 3\n");
    let outcome = run(&["--config", &folder.config()]);
    let lines: Vec<_> = outcome.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{outcome:?}");
    assert!(lines.iter().all(|line| line.starts_with("muxd: ")), "{outcome:?}");
}

/// mux:config:faults.
#[test]
fn what_fails_only_together_is_told_with_the_key_and_its_line() {
    let listen = "[[listen]]\nrole = \"any\"\nurl = ";
    refused("\nacl = \"rulez\"\n", &[], &["line 2, acl: cannot read", "rulez"]);
    refused("plain_users = \"users\"\n", &[], &["line 1, plain_users: cannot read"]);
    refused("\ncurve_secret = \"s\"\n", &[], &["line 2, curve_secret: ", "with curve_clients,"]);
    refused("open = true\ncurve_secret = \"s\"\n", &[], &["line 2, curve_secret: cannot read"]);
    let lists = "curve_secret = \"s\"\ncurve_clients = \"c\"\n";
    refused(lists, &[], &["line 2, curve_clients: cannot read"]);
    refused("curve_clients = \"c\"\n", &[], &["line 1, curve_clients: ", "key of our own"]);
    let open = format!("{listen}\"tcp://127.0.0.1:0\"\n{listen}\"tcp://*:0\"\n");
    refused(&open, &[], &["line 6, url: tcp://*:0 can be reached", "or allow it with open = true"]);
    // Options over it are not in the file.
    let folder = Folder::new("acl = \"rulez\"\n");
    let outcome = run(&["--config", &folder.config(), "--acl", "/nonexistent"]);
    assert!(outcome.stderr.starts_with("muxd: cannot read /nonexistent: "), "{outcome:?}");
}

/// mux:config:listeners, mux:config:check.
#[test]
fn two_listeners_in_one_place_are_refused_before_one_listens() {
    let listen = "[[listen]]\nrole = \"any\"\nurl = \"tcp://127.0.0.1:5555\"\n";
    refused(&listen.repeat(2), &[], &["line 6, url: two listeners are on tcp://127.0.0.1:5555"]);
    for check in [&[][..], &["--check"]] {
        let args = ["--clients", "tcp://127.0.0.1:5555", "--any", "tcp://127.0.0.1:5555"];
        let outcome = run(&[&args, check].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
        let said = "muxd: two listeners are on tcp://127.0.0.1:5555";
        assert!(outcome.stderr.contains(said), "{outcome:?}");
    }
}

/// mux:config:check, mux:listen:loopback-unless-open.
#[test]
fn listeners_are_checked_without_a_configuration() {
    let good = run(&["--clients", "tcp://127.0.0.1:5555", "--check"]);
    assert_eq!((good.code, good.stdout.as_str()), (Some(0), "ok\n"), "{good:?}");
    let bad = run(&["--clients", "tcp://*:5555", "--check"]);
    assert_eq!((bad.code, bad.stdout.as_str()), (Some(2), ""), "{bad:?}");
    assert!(bad.stderr.contains("--open"), "{bad:?}");
}

/// mux:config:faults.
#[test]
fn a_file_that_cannot_be_read_is_named() {
    for path in ["/nonexistent/mux.toml", "/"] {
        let outcome = run(&["--config", path]);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stderr.contains(path), "{outcome:?}");
    }
    let outcome = run(&["--check"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    for option in ["--config", "--acl"] {
        assert!(outcome.stderr.contains(option), "{outcome:?}");
    }
}

/// mux:config:check.
#[test]
fn a_check_says_ok_and_listens_nowhere() {
    // A port in use is no matter for it.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", taken.local_addr().unwrap());
    let text = format!("[[listen]]\nrole = \"any\"\nurl = \"{url}\"\n");
    let outcome = run(&["--config", &Folder::new(&text).config(), "--check"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), "ok\n"), "{outcome:?}");
}

/// mux:config:check.
#[test]
fn a_check_reads_the_files_that_are_named_beside_the_configuration() {
    let text = "plain_users = \"users\"\n";
    let folder = Folder::new(text);
    let config = folder.config();
    let none = run(&["--config", &config, "--check"]);
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(none.stderr.contains(folder.0.path().join("users").to_str().unwrap()), "{none:?}");
    folder.put("users", "admin:x\n");
    assert_eq!(run(&["--config", &config, "--check"]).code, Some(0));
    let open = "[[listen]]\nrole = \"any\"\nurl = \"tcp://*:0\"\n";
    let outcome = run(&["--config", &Folder::new(open).config(), "--check"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let open = format!("open = true\n{open}");
    assert_eq!(run(&["--config", &Folder::new(&open).config(), "--check"]).code, Some(0));
}

/// mux:config:check, mux:acl:error-by-line.
#[test]
fn rules_are_checked_without_a_configuration() {
    let folder = Folder::new("");
    folder.put("good", "* send engine.*\n");
    folder.put("bad", "* send engine.*\n* send engine.*.log\n");
    let path = |name: &str| folder.0.path().join(name).to_str().unwrap().to_owned();
    let good = run(&["--acl", &path("good"), "--check"]);
    assert_eq!((good.code, good.stdout.as_str()), (Some(0), "ok\n"), "{good:?}");
    let bad = run(&["--acl", &path("bad"), "--check"]);
    assert_eq!((bad.code, bad.stdout.as_str()), (Some(2), ""), "{bad:?}");
    assert!(bad.stderr.contains("bad, line 2: ") && bad.stderr.contains("\\x2A"), "{bad:?}");
}

/// mux:config:printed.
#[test]
fn the_printed_configuration_is_one() {
    let printed = run(&["--print-config"]);
    assert_eq!(printed.code, Some(0));
    for key in ["#connections = 65536", "#policy = \"reject\"", "# threads = "] {
        assert!(printed.stdout.contains(key), "{key}");
    }
    let outcome = run(&["--config", &Folder::new(&printed.stdout).config(), "--check"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
}

/// mux:config:printed, mux:config:command-line-wins.
#[test]
fn what_a_file_and_options_come_to_is_printed() {
    let folder = Folder::new("acl = \"rules\"\n[limits]\nconnections = 3\n");
    let rules = folder.0.path().join("rules");
    let args = ["--config", &folder.config(), "--print-config", "--threads", "7"];
    let printed = run(&args);
    assert_eq!(printed.code, Some(0), "{printed:?}");
    let acl = format!("\nacl = \"{}\"\n", rules.display());
    for line in ["\nthreads = 7\n", "\nconnections = 3\n", "\n#handshakes = 1024\n", &acl] {
        assert!(printed.stdout.contains(line), "{line} in {}", printed.stdout);
    }
    let other = Folder::new(&printed.stdout);
    let again = run(&["--config", &other.config(), "--print-config"]);
    assert_eq!(again.stdout, printed.stdout);
}

/// mux:config:listeners, mux:config:command-line-wins.
#[test]
fn listeners_of_the_command_line_replace_those_of_the_file() {
    let folder = with_limits("connections = 100");
    let config = folder.config();
    let muxd = Muxd::start(&["--config", &config]);
    let peers = Peers::new();
    let service = peers.dealer(muxd.services(), "engine");
    let client = peers.dealer(muxd.clients(), "");
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    send(&client, &["engine", "ask"]);
    send(&service, &receive(&service));
    expect(&client, &["engine", "ask"]);
    let _ = muxd.stop();
    let muxd = Muxd::start(&["--config", &config, "--any", ANY_PORT]);
    let roles = ["clients", "services", "any"];
    assert_eq!(roles.map(|role| muxd.endpoints(role).count()), [0, 0, 1]);
    let _ = muxd.stop();
}

/// mux:config:command-line-wins.
#[test]
fn options_of_both_places_must_go_together() {
    let users = "plain_users = \"users\"\n";
    let folder = Folder::new(users);
    folder.put("users", "admin:x\n");
    let clients = folder.0.path().join("keys");
    let args = ["--config", &folder.config(), "--curve-clients", clients.to_str().unwrap()];
    let outcome = run(&args);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("--curve-secret"), "{outcome:?}");
}

/// mux:limit:connections-per-ip, mux:limit:exempt-addresses.
#[test]
fn without_exempt_addresses_the_limit_per_address_holds_here_too() {
    let folder = with_limits("connections_per_ip = 2\nexempt = []");
    let muxd = Muxd::start(&["--config", &folder.config()]);
    let _held = [connect(muxd.clients()), connect(muxd.services())];
    muxd.wait_counter("connections", |connections| connections == 2);
    let mut third = connect(muxd.clients());
    // Closed without a word: whether that is an end or a reset is the system's to say.
    assert_eq!(third.read(&mut [0; 1]).unwrap_or(0), 0);
    assert_eq!(muxd.wait_counter("connections_refused_per_ip", |refused| refused > 0), 1);
    drop(muxd);
    let exempt = with_limits("connections_per_ip = 2");
    let muxd = Muxd::start(&["--config", &exempt.config()]);
    let _held: Vec<_> = (0..3).map(|_| connect(muxd.clients())).collect();
    muxd.wait_counter("connections", |connections| connections == 3);
}

/// mux:limit:handshakes-per-ip.
#[test]
fn an_address_that_begins_too_many_handshakes_of_curve_is_refused() {
    let folder = with_limits(
        "exempt = [\"192.0.2.0/24\"]\nhandshakes_per_ip = { per_second = 1, burst = 3 }",
    );
    let (config, keys) = (folder.config(), run(&["keygen"]));
    folder.put("key", &keys.stdout);
    let secret = folder.0.path().join("key");
    let args = ["--open", "--config", &config, "--curve-secret", secret.to_str().unwrap()];
    let muxd = Muxd::start(&args);
    let held: Vec<_> = (0..30).map(|_| connect(muxd.clients())).collect();
    muxd.wait_counters("all are accepted or refused", |counters| {
        let sum = counters.of("connections_accepted") + counters.of("connections_refused_rate");
        counters.of("connections_refused_rate") > 0 && sum == 30
    });
    drop(held);
    drop(muxd);
    // It costs nothing to have many who ask for no cryptography.
    let muxd = Muxd::start(&["--config", &config]);
    let _held: Vec<_> = (0..30).map(|_| connect(muxd.clients())).collect();
    muxd.wait_counter("connections_accepted", |accepted| accepted == 30);
    assert_eq!(muxd.counters().of("connections_refused_rate"), 0);
}

/// mux:limit:service-places.
#[test]
fn the_last_places_are_for_services() {
    let folder = with_limits("connections = 4\nservice_places_part = 2");
    let muxd = Muxd::start(&["--config", &folder.config()]);
    let peers = Peers::new();
    let clients: Vec<_> = (0..3).map(|_| peers.dealer(muxd.clients(), "")).collect();
    muxd.wait_counter("connections_refused_reserved", |refused| refused > 0);
    let services = [peers.dealer(muxd.services(), "a"), peers.dealer(muxd.services(), "b")];
    muxd.wait_counter("bindings", |bindings| bindings == 4);
    drop((clients, services));
}

/// mux:takeover:policy.
#[test]
fn the_newcomer_gets_the_name_where_the_file_says_so() {
    let folder = with_limits("name_policy = \"takeover\"");
    let muxd = Muxd::start(&["--config", &folder.config()]);
    let peers = Peers::new();
    let client = peers.dealer(muxd.clients(), "");
    let holder = peers.socket(SocketType::DEALER);
    holder.set_identity(b"engine").unwrap();
    // It would take the name again.
    holder.set_reconnect_ivl(-1).unwrap();
    holder.connect(muxd.services()).unwrap();
    muxd.wait_counter("bindings", |bindings| bindings == 2);
    let newcomer = peers.dealer(muxd.services(), "engine");
    muxd.wait_counter("takeovers", |takeovers| takeovers == 1);
    send(&client, &["engine", "to the newcomer"]);
    assert_eq!(receive(&newcomer)[1], b"to the newcomer");
}
