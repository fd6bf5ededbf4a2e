//! Access rules: names bound to keys, rules read again while the broker runs, and what is no rule.

use rustix::process::{Signal, getuid};
use zmq::SocketType;
use zmtp_mux_tests::muxd::ANY_PORT;
use zmtp_mux_tests::peers::{expect, receive, send};
use zmtp_mux_tests::{Muxd, Peers};
use zmtp_proto::{ClientSecurity, ConnectionError};

use crate::arguments::refused;
use crate::files::{Files, Keys};
use crate::peer::{Peer, curve, plain};

/// Starts a broker with these rules and whatever else, with a listener for each role.
fn start(rules: &str, other: &[&str]) -> Muxd {
    Muxd::start(&[&["--acl", rules, "--clients", ANY_PORT, "--services", ANY_PORT], other].concat())
}

/// Says that a service is refused for good because the name is not its own.
fn assert_not_granted(url: &str, security: ClientSecurity, name: &'static str) {
    match Peer::connect(url, security, name) {
        Err(ConnectionError::Refused { reason }) => assert_eq!(reason, "name-not-granted"),
        other => panic!("not refused: {other:?}"),
    }
}

/// mux:authority:claim-denied, mux:authority:before-existence, mux:authority:alias-ignored.
#[test]
fn a_forged_identity_gets_no_name_with_any_other_key_than_the_one_it_is_bound_to() {
    let (files, server) = (Files::new(), Keys::generate());
    let [engine, client, rogue] = [(); 3].map(|()| Keys::generate());
    let listed = [&engine, &client, &rogue].map(|keys| keys.public().to_string()).join("\n");
    let rules = format!(
        "# who may do what\ncurve:{} claim engine.*\ncurve:{} send engine.*\n\
         curve:{} alias ui.client\ncurve:{} claim rogue\n",
        engine.public(),
        client.public(),
        client.public(),
        rogue.public(),
    );
    let (secret, listed, rules) = (
        files.secret("server", &server.printed),
        files.secret("listed", &listed),
        files.secret("rules", &rules),
    );
    let muxd = start(&rules, &["--curve-secret", &secret, "--curve-clients", &listed]);
    let by = |keys| curve(server.public(), keys);
    let names = ["engine.7", "engine.8", "engine.", "rogue2", "ui.client"];
    let storm = |keys, names: &[&'static str], mut meanwhile: Box<dyn FnMut() + '_>| {
        for attempt in 0..attempts() / 4 {
            assert_not_granted(muxd.services(), by(keys), names[attempt % names.len()]);
            if attempt % 50 == 0 {
                meanwhile();
            }
        }
    };
    // Held or free, it makes no difference.
    storm(&rogue, &names, Box::new(|| {}));
    let mut service = Peer::connect(muxd.services(), by(&engine), "engine.7").unwrap();
    let mut asker = Peer::connect(muxd.clients(), by(&client), "ui.client").unwrap();
    let mut ask = || {
        asker.send(&["engine.7", "ask"]);
        service.echo();
        asker.expect(&["engine.7", "ask"]);
    };
    storm(&rogue, &names, Box::new(&mut ask));
    storm(&client, &names, Box::new(&mut ask));
    // Nor with the right key for another name.
    storm(&engine, &names[3..], Box::new(&mut ask));
    for name in ["ui.client", "engine.7", "engine.8"] {
        let _squatter = Peer::connect(muxd.clients(), by(&rogue), name).unwrap();
    }
    ask();
    let counters = muxd.stop();
    let forged = i64::try_from(attempts()).unwrap();
    assert_eq!((counters.of("claims_denied"), counters.of("ended_refused")), (forged, forged));
    assert_eq!((counters.of("duplicates"), counters.of("aliases_not_granted")), (0, 3));
}

/// mux:authority:send, mux:authority:before-existence, mux:authority:binding.
#[test]
fn what_may_not_be_sent_is_dropped_and_counted_alike_for_names_held_and_free() {
    let files = Files::new();
    let users = files.secret("users", "service:x\nclient:x\n");
    let rules = files.secret(
        "rules",
        "plain:service claim *\nplain:client send engine\nplain:client send free\n",
    );
    let muxd = start(&rules, &["--plain-users", &users]);
    let mut engine = Peer::connect(muxd.services(), plain("service", "x"), "engine").unwrap();
    let _other = Peer::connect(muxd.services(), plain("service", "x"), "other").unwrap();
    let mut client = Peer::connect(muxd.clients(), plain("client", "x"), "").unwrap();
    for name in ["other", "nobody", "free", "engine"] {
        client.send(&[name, "ask"]);
    }
    // Its answer is allowed without a rule.
    engine.echo();
    client.expect(&["engine", "ask"]);
    let counters = muxd.stop();
    assert_eq!((counters.of("dropped_denied"), counters.of("dropped_unknown")), (2, 1));
}

/// mux:acl:reload, mux:authority:replaced, mux:authority:withdrawn, mux:log:losses.
#[test]
fn hangup_reads_the_rules_again_and_takes_names_that_are_granted_no_more() {
    let files = Files::new();
    let users = files.secret("users", "one:x\ntwo:x\n");
    let rules = files.secret("rules", "plain:one claim *\n* send *\n");
    let muxd = start(&rules, &["--plain-users", &users]);
    muxd.wait_log("access rules read from");
    let mut kept = Peer::connect(muxd.services(), plain("one", "x"), "kept").unwrap();
    let lost = Peer::connect(muxd.services(), plain("one", "x"), "lost").unwrap();
    let mut client = Peer::connect(muxd.clients(), plain("two", "x"), "").unwrap();
    client.send(&["kept", "1"]);
    kept.echo();
    client.expect(&["kept", "1"]);

    std::fs::write(&rules, "plain:one claim kept\nplain:two claim lost\n* send lost\n").unwrap();
    muxd.signal(Signal::HUP);
    let counters =
        muxd.wait_counters("the one closed", |counters| counters.of("ended_evicted") == 1);
    assert_eq!((counters.of("acl_reloads"), counters.of("evicted")), (1, 1));
    lost.expect_end();
    muxd.wait_log("WARN new rules closed services");
    muxd.wait_log("counter=\"evicted\" count=1 name=lost");
    assert_not_granted(muxd.services(), plain("one", "x"), "lost");
    let mut heir = Peer::connect(muxd.services(), plain("two", "x"), "lost").unwrap();
    client.send(&["kept", "2"]);
    client.send(&["lost", "3"]);
    heir.echo();
    client.expect(&["lost", "3"]);
    assert_eq!(muxd.counters().of("dropped_denied"), 1);

    // An error changes nothing.
    for (text, saying) in [
        ("* send *\n* sends *\n", "line 2: the second word is"),
        ("*\n", "line 1: a rule is three words"),
    ] {
        let failures = muxd.counters().of("acl_reload_failures");
        std::fs::write(&rules, text).unwrap();
        muxd.signal(Signal::HUP);
        muxd.wait_counter("acl_reload_failures", |count| count == failures + 1);
        muxd.wait_log(&format!("the access rules stay as they were: {rules}, {saying}"));
    }
    std::fs::remove_file(&rules).unwrap();
    muxd.signal(Signal::HUP);
    muxd.wait_counter("acl_reload_failures", |count| count == 3);
    client.send(&["kept", "4"]);
    client.send(&["lost", "5"]);
    heir.echo();
    client.expect(&["lost", "5"]);
    let counters = muxd.stop();
    assert_eq!((counters.of("dropped_denied"), counters.of("acl_reloads")), (2, 1));
}

/// mux:acl:reload.
#[test]
fn without_rules_hangup_is_warned_of_and_ends_nothing() {
    let muxd = Muxd::start_usual();
    muxd.signal(Signal::HUP);
    muxd.wait_log("WARN SIGHUP: nothing to reload");
    assert_eq!(muxd.stop().of("acl_reloads"), 0);
}

/// mux:log:losses, mux:log:bounded: the line of the handshake is not the only one.
#[test]
fn a_denied_claim_is_told_where_its_address_has_had_its_line() {
    let files = Files::new();
    let rules = files.secret("rules", "none claim mine\n");
    let muxd = start(&rules, &["--log", "warn"]);
    assert_not_granted(muxd.services(), ClientSecurity::Null, "theirs");
    muxd.wait_log("WARN services refused for good: their names are not granted");
    muxd.wait_log("counter=\"claims_denied\" count=1 name=theirs");
    let _ = muxd.stop();
}

/// mux:authority:withdrawn, mux:log:losses.
#[test]
fn a_client_that_loses_its_name_to_new_rules_is_told_of() {
    let files = Files::new();
    let rules = files.secret("rules", "none alias ui\n");
    let muxd = start(&rules, &[]);
    let _client = Peer::connect(muxd.clients(), ClientSecurity::Null, "ui").unwrap();
    std::fs::write(&rules, "none alias other\n").unwrap();
    muxd.signal(Signal::HUP);
    muxd.wait_log("WARN new rules took the names of clients");
    muxd.wait_log("counter=\"aliases_withdrawn\" count=1 name=ui");
    let _ = muxd.stop();
}

/// mux:authority:withdrawn.
#[test]
fn a_service_that_reads_nothing_is_closed_as_well_when_its_name_is_taken_away() {
    let files = Files::new();
    let rules = files.secret("rules", "none claim stuck\n* send *\n");
    let muxd = start(&rules, &[]);
    let stuck = Peer::connect(muxd.services(), ClientSecurity::Null, "stuck").unwrap();
    let mut client = Peer::connect(muxd.clients(), ClientSecurity::Null, "").unwrap();
    let large = "x".repeat(1 << 20);
    for _ in 0..28 {
        client.send(&["stuck", &large]);
    }
    muxd.wait_counter("queued", |queued| queued > 0);
    std::fs::write(&rules, "* send *\n").unwrap();
    muxd.signal(Signal::HUP);
    muxd.wait_counter("ended_evicted", |ended| ended == 1);
    let counters = muxd.wait_counters("all received", |counters| counters.of("received") == 28);
    assert_eq!(counters.of("bindings"), 1);
    drop(stuck);
    let _ = muxd.stop();
}

/// mux:acl:who, mux:acl:any-by-grant, mux:authority:claim-denied.
#[test]
fn stock_peers_without_security_come_under_the_rules_too() {
    let files = Files::new();
    let ipc = format!("ipc://{}", files.missing());
    let rules = format!(
        "none claim adder\nipc:{} claim local\nnone alias ui\nnone send adder\nnone send ui\n",
        getuid().as_raw()
    );
    let rules = files.secret("rules", &rules);
    let given = format!("{ANY_PORT}?name=adder");
    let muxd = start(&rules, &["--services", &given, "--services", &ipc, "--any", ANY_PORT]);
    muxd.wait_log("nobody shows a key or a user");
    let peers = Peers::new();
    let urls: Vec<_> = muxd.endpoints("services").collect();
    let rep = peers.connect(SocketType::REP, urls[1], "");
    let local = peers.dealer(urls[2], "local");
    let alias = peers.dealer(muxd.endpoint("any"), "ui");
    muxd.wait_counter("bindings", |bindings| bindings == 3);
    // None of these comes again.
    let refused = [
        peers.dealer(urls[0], "local"),
        peers.dealer(urls[0], "ui"),
        peers.dealer(urls[2], "adder"),
        peers.dealer(muxd.endpoint("any"), "local"),
    ];
    muxd.wait_counter("claims_denied", |denied| denied == 4);
    send(&alias, &["adder", "", "1"]);
    expect(&rep, &["1"]);
    send(&rep, &["2"]);
    expect(&alias, &["adder", "", "2"]);
    send(&local, &["ui", "denied"]);
    muxd.wait_counter("dropped_denied", |denied| denied == 1);
    let other = peers.dealer(urls[0], "adder");
    muxd.wait_counter("duplicates", |count| count == 1);
    drop(rep);
    send(&other, &["ui", "from a service"]);
    assert_eq!(receive(&alias), [b"adder".to_vec(), b"from a service".to_vec()]);
    assert_eq!(muxd.counters().of("connections_accepted"), 8);
    drop(refused);
    let _ = muxd.stop();
}

/// mux:acl:file, mux:acl:error-by-line.
#[test]
fn a_file_with_an_error_is_refused_by_line_before_anything_listens() {
    let files = Files::new();
    for (number, (text, sayings)) in [
        ("# ours\n\n* clam x\n", &["line 3", "claim, alias, send or watch"][..]),
        ("hunter2 claim x\n", &["line 1", "curve:KEY"]),
        ("* send x\ncurve:hunter2 send x\n", &["line 2", "40 characters"]),
        ("plain:hunter2 send", &["line 1", "three words"]),
    ]
    .into_iter()
    .enumerate()
    {
        let rules = files.secret(&number.to_string(), text);
        refused(&["--acl", &rules], &[&[rules.as_str()], sayings].concat());
    }
    let missing = files.missing();
    refused(&["--acl", &missing], &["cannot read", &missing]);
    refused(&["--acl", "/"], &["/ is no regular file"]);
}

/// mux:acl:authenticates-nobody, mux:listen:loopback-unless-open, mux:security:open-needed.
#[test]
fn rules_alone_open_nothing_to_other_machines() {
    let (files, keys) = (Files::new(), Keys::generate());
    let secret = files.secret("server", &keys.printed);
    let all = files.secret("all", "* claim *\n* alias *\n* send *\n* watch *\n");
    let bound = files.secret("bound", &format!("curve:{} claim *\n", keys.public()));
    for rules in [&all, &bound] {
        refused(&["--acl", rules, "--any", "tcp://*:0"], &["nobody is authenticated", "--open"]);
        refused(&["--acl", rules, "--curve-secret", &secret], &["--curve-clients", "--open"]);
    }
    // Whoever has any key comes in, and gets nothing.
    let muxd = start(&bound, &["--open", "--curve-secret", &secret]);
    let stranger = Keys::generate();
    assert_not_granted(muxd.services(), curve(keys.public(), &stranger), "engine");
    let mut client = Peer::connect(muxd.clients(), curve(keys.public(), &stranger), "").unwrap();
    client.send(&["engine", "ask"]);
    muxd.wait_counter("dropped_denied", |denied| denied == 1);
    let _ = muxd.stop();
}

/// How many forged identities come, in four rounds. `FORGED_IDENTITIES` asks for more.
fn attempts() -> usize {
    let asked = std::env::var("FORGED_IDENTITIES").ok().and_then(|count| count.parse().ok());
    asked.unwrap_or(200_usize).next_multiple_of(4)
}
