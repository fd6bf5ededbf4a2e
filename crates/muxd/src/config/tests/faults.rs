//! What is wrong, in which line, in which words.

use crate::config::Config;
use crate::config::tests::in_limits;

/// Returns all that is wrong with a text, by line, in words.
fn faults(text: &str) -> Vec<(usize, String)> {
    let faults = Config::parse(text.as_bytes()).map(|_| ()).unwrap_err();
    faults.into_iter().map(|(line, problem)| (line, problem.to_string())).collect()
}

/// The one thing that is wrong with a text, which must be in `line` and say all of `sayings`.
fn fault(text: &str, line: usize, sayings: &[&str]) {
    let found = faults(text);
    assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [line], "{text} {found:?}");
    for saying in sayings {
        assert!(found[0].1.contains(saying), "{text}: no {saying} in {found:?}");
    }
}

/// mux:config:faults.
#[test]
fn an_unknown_key_is_told_with_the_nearest_of_its_table() {
    for (text, line, sayings) in [
        ("\ntreads = 3", 2, &["\"treads\"", "\"threads\""][..]),
        ("conections = 3", 1, &["\"conections\"", "nearest"]),
        ("connections = 3", 1, &["\"connections\"", "belongs into [limits]"]),
        ("[limits]\n\nconections = 3", 3, &["in limits", "\"connections\""]),
        ("[limits]\nmax_age = \"1 s\"", 2, &["\"max_age\"", "in limits"]),
        ("[limits.global_pool]\noctet = 3", 2, &["in limits.global_pool", "\"octets\""]),
        ("[limits]\nglobal_pool = {\n octets = 1_000_000_000,\n bytes = 3 }", 4, &["\"bytes\""]),
        ("[roles.service]", 1, &["\"roles\"", "\"role\""]),
        ("[role.sevice]", 1, &["in role", "\"service\""]),
        ("[role.service]\nqueue = 3", 2, &["in role.service", "the nearest one is"]),
        ("[[destination]]\npatern = \"x\"\npattern = \"x\"", 2, &["\"patern\"", "\"pattern\""]),
        ("[[listen]]\nrole = \"any\"\nurl = \"ipc://x\"\nname = \"x\"", 4, &["in listen"]),
        ("[[listener]]", 1, &["\"listener\"", "\"listen\""]),
        ("\"\" = 1", 1, &["\"\""]),
        ("\"\\u0007\" = 1", 1, &["\\u{7}"]),
    ] {
        fault(text, line, sayings);
    }
    let long = format!("{} = 1", "x".repeat(1000));
    assert!(faults(&long)[0].1.len() < 120);
}

/// mux:config:faults.
#[test]
fn a_wrong_value_is_told_with_what_is_expected() {
    for (line, sayings) in [
        ("connections = 0", &["limits.connections", "a number from 1 to", "not 0"][..]),
        ("connections = -1", &["not -1"]),
        ("connections = \"many\"", &["not \"many\""]),
        ("connections = 1.5", &["not 1.5"]),
        ("connections = 99999999999999999999999999", &["a number from"]),
        ("connections = {}", &["not a table"]),
        (
            "handshakes_per_ip = { per_second = 1, burst = 0 }",
            &["handshakes_per_ip.burst", "from 1"],
        ),
        ("handshakes_per_ip = 20", &["a table such as { per_second = 20, burst = 20 }", "not 20"]),
        ("handshake_time = 10", &["\"10 s\"", "with its unit, in quotes", "not 10"]),
        ("handshake_time = \"10\"", &["\"10 s\"", "not \"10\""]),
        ("handshake_time = \"0 s\"", &["from 1 ms to 1 h"]),
        ("handshake_time = \"2 h\"", &["from 1 ms to 1 h"]),
        ("handshake_time = \"off\"", &["not \"off\""]),
        ("ping_interval = \"of\"", &["or \"off\""]),
        ("ping_ttl = \"66 s\"", &["from 0 s to 65500 ms"]),
        ("message_len = \"16 MB\"", &["\"64 KiB\"", "not \"16 MB\""]),
        ("handshake_frame = 511", &["from 512 B to 1 MiB"]),
        (
            "destination_pool = \"32 MiB\"",
            &["a table such as { octets = \"32 MiB\", messages = 8192 }"],
        ),
        ("destination_pool = { octets = 0 }", &["limits.destination_pool.octets"]),
        ("exempt = \"127.0.0.1\"", &["a list of addresses", "not \"127.0.0.1\""]),
        ("exempt = [\"127.0.0.1\", \"local\"]", &["of \"local\": no IP address"]),
        ("exempt = [\"127.0.0.1/8\"]", &["bits beyond /8"]),
        ("exempt = [1]", &["a list of addresses"]),
        ("service_places_part = 1", &["from 2"]),
    ] {
        fault(&format!("[limits]\n\n{line}"), 3, sayings);
    }
    for (text, sayings) in [
        ("threads = 1025", &["threads", "1 to 1024"][..]),
        ("open = \"yes\"", &["open is true or false"]),
        ("curve_secret = \"\"", &["the path of a file"]),
        ("log = \"loud\"", &["\"off\"", "\"trace\""]),
        ("zmtp_version = 3.1", &["\"3.0\", or \"3.1\"", "not 3.1"]),
        ("limits = 3", &["limits is a table, [limits], not 3"]),
        ("role.client = 3", &["role.client is a table"]),
        ("role.client.policy = \"drop\"", &["\"reject\"", "\"drop_newest\"", "\"drop_oldest\""]),
        ("listen = 3", &["[[listen]]"]),
        ("[listen]\n", &["[[listen]]"]),
        ("destination = [1]", &["[[destination]]"]),
    ] {
        fault(text, 1, sayings);
    }
}

/// mux:config:destinations, mux:config:listeners.
#[test]
fn what_a_list_needs_is_asked_for() {
    for (text, line, sayings) in [
        ("\n[[destination]]\npolicy = \"reject\"", 2, &["[[destination]]", "pattern"][..]),
        ("[[destination]]\npattern = \"\"", 2, &["1 to 255 octets"]),
        ("[[destination]]\npattern = 3", 2, &["a name", "not 3"]),
        ("[[destination]]\n\npattern = \"a.*.b\"", 3, &["at the end", "written as \\x2A", "a.*.b"]),
        ("[[destination]]\npattern = 'a\\b'", 2, &["behind a backslash"]),
        ("[[destination]]\npattern = \"a*\"\n[[destination]]\npattern = \"ab\"", 4, &["line 2"]),
        ("[[destination]]\npattern = \"a*\"\n[[destination]]\npattern = \"ab*\"", 4, &["never"]),
        ("[[destination]]\npattern = \"a\"\n[[destination]]\npattern = \"a\"", 4, &["never"]),
        ("[[listen]]\nrole = \"any\"", 1, &["[[listen]]", "url"]),
        ("[[listen]]\nurl = \"ipc://x\"", 1, &["[[listen]]", "role"]),
        (
            "[[listen]]\nrole = \"all\"\nurl = \"ipc://x\"",
            2,
            &["\"clients\"", "\"any\"", "\"all\""],
        ),
        ("[[listen]]\nrole = \"any\"\nurl = 3", 3, &["a URL"]),
        ("[[listen]]\nrole = \"any\"\nurl = \"http://x\"", 3, &["tcp://", "not \"http://x\""]),
        ("[[listen]]\nrole = \"any\"\nurl = \"ipc://x?name=y\"", 3, &["--services"]),
    ] {
        fault(text, line, sayings);
    }
    // One name, and a prefix that has others as well.
    let text = "[[destination]]\npattern = \"a\"\n[[destination]]\npattern = \"a*\"";
    assert_eq!(Config::parse(text.as_bytes()).unwrap().rules.names.len(), 2);
}

/// mux:config:contradictions, mux:overload:window-of-services.
#[test]
fn values_that_contradict_each_other_are_refused_at_the_later_one() {
    for (text, line, sayings) in [
        ("[limits]\ndead_after = \"5 s\"", 2, &["dead_after, 5 s", "ping_interval, 5 s"][..]),
        ("[limits]\ndead_after = \"9 s\"\n\nping_interval = \"10 s\"", 4, &["10 s"]),
        ("[limits]\nping_interval = \"off\"\nping_ttl = \"1 s\"", 3, &["ping_interval is off"]),
        ("[limits]\nbusy_client = \"14 s\"", 2, &["busy_client, 14 s", "dead_after, 15 s"]),
        ("[limits]\ndead_after = \"11 min\"", 2, &["busy_timeout, 10 min"]),
        ("[limits]\nmessage_len = \"33 MiB\"", 2, &["destination_pool", "32 MiB"]),
        ("[limits]\ndestination_pool.octets = \"64 KiB\"", 2, &["message_len, 16 MiB"]),
        ("[limits]\nmessage_len = 99\nglobal_pool = { octets = 98 }", 3, &["global_pool", "98 B"]),
        ("[limits]\nglobal_pool = { octets = \"42 MiB\" }", 2, &["3/8", "16 MiB", "42 MiB"]),
        ("[limits]\nmessage_len = 8\nglobal_pool.messages = 1", 3, &["half"]),
        ("[role.client]\n\npool = { octets = \"1 MiB\" }", 3, &["pool of clients", "1 MiB"]),
        ("[role.service.pool]\noctets = 9\n[limits]\nmessage_len = 10", 4, &["of services", "9 B"]),
        (
            "[[destination]]\npattern = \"a\"\npool.octets = \"1 MiB\"\n\
             [[destination]]\npattern = \"b\"\n",
            3,
            &["pool of \"a\"", "16 MiB", "1 MiB"],
        ),
        // The pool of one rule is not that of the next.
        (
            "[role.service]\npool.octets = \"1 MiB\"\n[[destination]]\npattern = \"a\"\n\
             pool.octets = \"32 MiB\"\n[[destination]]\npattern = \"b\"\n",
            2,
            &["pool of services", "1 MiB"],
        ),
        ("plain_users = \"u\"\ncurve_secret = \"s\"", 2, &["one mechanism"]),
        ("plain_users = \"u\"\ncurve_clients = \"c\"", 2, &["PLAIN"]),
        ("[limits]\nsoft_mark = \"9 MiB\"", 2, &["soft_mark, 9 MiB", "a quarter", "32 MiB"]),
        ("[role.client]\npolicy = \"reject\"\nwindow = 2", 3, &["window of 2", "[role.service]"]),
        ("[role]\nclient = { window = 1 }", 2, &["window of 1", "[[destination]]"]),
    ] {
        fault(text, line, sayings);
    }
    let off = Config::parse(b"[role.client]\nwindow = \"off\"").unwrap();
    assert_eq!(off.rules.client.window, None);
    // It counts where there is one pool that is large enough, and the default is for all.
    let large = "[limits]\nsoft_mark = \"9 MiB\"\n[role.client]\npool.octets = \"36 MiB\"";
    let small =
        "[limits]\nmessage_len = 9\ndestination_pool.octets = 9\n[role.client]\npool.octets = 9";
    for text in [large, small] {
        assert!(Config::parse(text.as_bytes()).is_ok(), "{text}");
    }
    // Of a peer that is never asked nothing is expected.
    let silent = in_limits("ping_interval = \"off\"\ndead_after = \"1 s\"\nbusy_client = \"1 s\"");
    assert_eq!(silent.pulse.ping_interval, None);
}

/// mux:config:faults.
#[test]
fn what_is_no_toml_is_told_with_its_line() {
    for (text, line) in [
        ("threads = 3\nthreads = 4\n", 2),
        ("threads =\n", 1),
        ("\n\n[limits", 3),
        ("[limits]\n[limits]\n", 2),
        ("log = \"info\nopen = true\n", 1),
    ] {
        fault(text, line, &["no TOML: "]);
    }
    for (text, line, list) in [
        ("[destination]\npattern = \"a\"\n[destination]\npattern = \"b\"\n", 3, "[[destination]]"),
        (
            "[[destination]]\npattern = \"a\"\n[destination]\npattern = \"b\"\n",
            3,
            "[[destination]]",
        ),
        ("[listen]\nurl = \"a\"\n  [ listen ] # b\n", 3, "[[listen]]"),
    ] {
        fault(text, line, &["no TOML: ", list, "two brackets"]);
    }
    let faults = Config::parse(b"threads = 3\nlog = \"\xFF\"").map(|_| ()).unwrap_err();
    assert_eq!(faults[0].0, 2);
}

/// mux:config:faults.
#[test]
fn all_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() {
    let text = "threads = 0\n[limits]\nverdict_time = 3\nconnections = 0\n\nx = 1\n[role]\nx = 1\n";
    let lines: Vec<_> = faults(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 3, 4, 6, 8]);
}
