//! The options and their files: what is refused, with what words, and what is not.

use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::{Muxd, run};

use crate::files::{Files, Keys};

/// Runs `muxd`, which must refuse its arguments and say all of this, but none of its secrets.
pub(crate) fn refused(args: &[&str], sayings: &[&str]) {
    let mut all = vec!["--clients", ANY_PORT, "--services", ANY_PORT];
    all.extend(args);
    let outcome = run(&all);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{args:?}: {outcome:?}");
    for saying in sayings {
        assert!(outcome.stderr.contains(saying), "{args:?}: no {saying:?} in {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("hunter2"), "{}", outcome.stderr);
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    refused(&["--curve-clients", "x"], &["--curve-secret"]);
    refused(&["--curve-secret", "x", "--plain-users", "x"], &["--curve-secret", "--plain-users"]);
    refused(&["--plain-users"], &["--plain-users"]);
}

/// mux:security:open-needed.
#[test]
fn curve_without_a_list_is_refused_unless_open() {
    let files = Files::new();
    let secret = files.secret("server", &Keys::generate().printed);
    refused(&["--curve-secret", &secret], &["--curve-clients", "--open"]);
}

/// mux:security:open-needed, mux:listen:loopback-unless-open.
#[test]
fn whoever_authenticates_may_listen_for_other_machines() {
    let (files, keys) = (Files::new(), Keys::generate());
    let secret = files.secret("server", &keys.printed);
    let clients = files.secret("clients", &keys.public().to_string());
    let users = files.secret("users", "admin:hunter2\n");
    for guard in
        [&["--curve-secret", &secret, "--curve-clients", &clients][..], &["--plain-users", &users]]
    {
        let muxd = Muxd::start(&[guard, &["--any", "tcp://*:0"]].concat());
        assert!(muxd.endpoint("any").starts_with("tcp://0.0.0.0:"));
        let _ = muxd.stop();
    }
    refused(&["--any", "tcp://*:0"], &["--open", "--curve-clients", "--plain-users"]);
}

/// mux:security:plain-users.
#[test]
fn plain_on_the_network_is_warned_of() {
    let files = Files::new();
    let users = files.secret("users", "admin:hunter2\n");
    let warning = "PLAIN sends passwords in clear";
    let muxd = Muxd::start(&["--plain-users", &users, "--any", ANY_PORT, "--any", "tcp://*:0"]);
    muxd.wait_log(warning);
    let _ = muxd.stop();
    // A port in use, so that it ends by itself.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", taken.local_addr().unwrap());
    let outcome = run(&["--plain-users", &users, "--any", &url]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(!outcome.stderr.contains(warning), "{outcome:?}");
}

/// mux:security:secret-file-mode.
#[test]
fn secrets_that_others_can_get_at_are_refused_with_their_mode() {
    let files = Files::new();
    let keys = Keys::generate();
    for (number, mode) in [0o640, 0o604, 0o644, 0o620, 0o601, 0o660, 0o777].into_iter().enumerate()
    {
        let shown = format!("{mode:04o}");
        let secret = files.with_mode(&format!("server{number}"), &keys.printed, mode);
        refused(&["--open", "--curve-secret", &secret], &[&secret, &shown, "chmod 600"]);
        let users = files.with_mode(&format!("users{number}"), "admin:hunter2\n", mode);
        refused(&["--plain-users", &users], &[&users, &shown, "chmod 600"]);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let files = Files::new();
    let (missing, keys) = (files.missing(), Keys::generate());
    let secret = files.secret("server", &keys.printed);
    for args in [
        &["--open", "--curve-secret", &missing][..],
        &["--curve-secret", &secret, "--curve-clients", &missing],
        &["--plain-users", &missing],
    ] {
        refused(args, &["cannot read", args[args.len() - 1]]);
    }
    refused(&["--plain-users", "/"], &["/ is no regular file"]);
}

/// mux:security:curve-clients, mux:acl:file.
#[test]
fn lists_that_others_can_write_are_warned_of() {
    let (files, keys) = (Files::new(), Keys::generate());
    let secret = files.secret("server", &keys.printed);
    let key = keys.public().to_string();
    for (number, mode) in [0o644, 0o664, 0o646, 0o600].into_iter().enumerate() {
        let clients = files.with_mode(&format!("clients{number}"), &key, mode);
        let rules = files.with_mode(&format!("rules{number}"), "* send *\n", mode);
        let args = ["--curve-secret", &secret, "--curve-clients", &clients, "--acl", &rules];
        let outcome = run(&[&args[..], &["--any", &taken_url()]].concat());
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        for path in [&clients, &rules] {
            let warning = format!("{path} has mode {mode:04o}: others can write it");
            assert_eq!(outcome.stderr.contains(&warning), mode & 0o022 != 0, "{outcome:?}");
        }
    }
}

/// Returns a URL that somebody listens on already, so that a broker ends by itself.
fn taken_url() -> String {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", taken.local_addr().unwrap());
    // Held until the process ends.
    std::mem::forget(taken);
    url
}

/// mux:security:curve-secret-file.
#[test]
fn a_file_without_a_secret_key_is_named() {
    let (files, keys, other) = (Files::new(), Keys::generate(), Keys::generate());
    let none = files.secret("none", "hunter2\n");
    refused(&["--open", "--curve-secret", &none], &[&none, "no secret key", "keygen"]);
    let mixed = format!("public {}\nsecret {}\n", other.public(), *keys.pair.secret.to_z85());
    let mixed = files.secret("mixed", &mixed);
    refused(&["--open", "--curve-secret", &mixed], &[&mixed, "does not belong"]);
}

/// mux:security:curve-clients.
#[test]
fn a_malformed_key_of_a_client_is_named_by_its_line() {
    let (files, keys) = (Files::new(), Keys::generate());
    let secret = files.secret("server", &keys.printed);
    let list = format!("# ours\n{}\n\nhunter2\n", keys.public());
    let clients = files.secret("clients", &list);
    let args = ["--curve-secret", &secret, "--curve-clients", &clients];
    refused(&args, &[&clients, "line 4", "public key"]);
}

/// mux:security:plain-users.
#[test]
fn a_malformed_user_is_named_by_its_line() {
    let files = Files::new();
    for (number, (text, sayings)) in [
        ("admin:hunter2\n\nhunter2\n", &["line 3", "no colon"][..]),
        ("admin:hunter2\nguest:hunter2\t\n", &["line 2", "printable ASCII"]),
        ("admin:hunter2\nguest:x\n\nadmin:hunter2\n", &["line 4", "line 1"]),
        ("admin:hunter2\nguest:\n", &["line 2", "empty"]),
        (":hunter2\n", &["line 1", "empty"]),
        ("# hunter2\nadmin:hunter2\n", &["line 1", "no comments"]),
    ]
    .into_iter()
    .enumerate()
    {
        let users = files.secret(&number.to_string(), text);
        refused(&["--plain-users", &users], &[sayings, &[users.as_str()]].concat());
    }
}

#[test]
fn help_tells_of_the_options() {
    let help = run(&["--help"]).stdout;
    for word in ["keygen", "--curve-secret", "--curve-clients", "--plain-users", "chmod 600"] {
        assert!(help.contains(word), "no {word} in {help}");
    }
}
