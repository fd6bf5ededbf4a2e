//! Each key, each kind of mistake, and whatever else a file may hold.

mod faults;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use proptest::prelude::*;
use tracing::level_filters::LevelFilter;
use zmtp_mux::{NamePolicy, Policy, PoolLimits, Rule};

use super::*;
use crate::config::keys::{Key, POOL, RATE, RULE};

const SECOND: Duration = Duration::from_secs(1);

fn config(text: &str) -> Config {
    let read = Config::parse(text.as_bytes());
    let config = read.unwrap_or_else(|faults| panic!("{text}: {faults:?}"));
    // Where a value stands is no part of it.
    Config { origins: Origins::default(), ..config }
}

fn in_limits(line: &str) -> Config {
    config(&format!("[limits]\n{line}\n"))
}

/// A line of `[limits]`, and whether it arrived.
type Row = (&'static str, fn(&MuxConfig) -> bool);

#[rustfmt::skip]
const ROWS: [Row; 38] = [
    ("connections = 7", |c| c.limits.connections == 7),
    ("service_places_part = 2", |c| c.limits.service_places_part == 2),
    ("connections_per_ip = 7", |c| c.limits.connections_per_ip == 7),
    ("handshakes_per_ip = { per_second = 7, burst = 9 }", |c| (c.limits.handshakes_per_ip.per_second, c.limits.handshakes_per_ip.burst) == (7, 9)),
    ("exempt = [\"10.0.0.0/8\", \"::1\"]", |c| c.exempt == ["10.0.0.0/8".parse().unwrap(), Prefix::LOOPBACK_V6]),
    ("handshakes = 7", |c| c.limits.handshakes == 7),
    ("handshake_time = \"7 s\"", |c| c.link.limits.handshake_time == 7 * SECOND),
    ("handshake_frame = \"7 KiB\"", |c| c.link.limits.command_len_max == 7 << 10),
    ("initiate_len = 700", |c| c.link.limits.initiate_len_max == 700),
    ("properties = 7", |c| c.link.limits.properties_max == 7),
    ("verdict_time = \"7 s\"", |c| c.verdict_time == 7 * SECOND),
    ("duplicates = 0", |c| c.limits.duplicates == 0),
    ("duplicate_hold = \"7 s\"", |c| c.limits.duplicate_hold == 7 * SECOND),
    ("message_len = \"7 MiB\"", |c| c.link.limits.message_len_max == 7 << 20),
    ("message_frames = 0x7", |c| c.link.limits.message_frames_max == 7),
    ("partial_message_time = \"7 min\"", |c| c.link.limits.partial_time == 420 * SECOND),
    ("destination_pool = { octets = \"70 MiB\", messages = 7 }", |c| (c.limits.destination_pool.octets, c.limits.destination_pool.messages) == (70 << 20, 7)),
    ("global_pool = { octets = \"70 MiB\", messages = 7 }", |c| (c.limits.global_pool.octets, c.limits.global_pool.messages) == (70 << 20, 7)),
    ("soft_mark = 700", |c| c.limits.soft_mark == 700),
    ("unsent_mark = \"7 KiB\"", |c| c.limits.unsent_mark == 7 << 10),
    ("refusals = { per_second = 7, burst = 9 }", |c| (c.limits.refusals.per_second, c.limits.refusals.burst) == (7, 9)),
    ("returns_unread = 7", |c| c.limits.returns_unread == 7),
    ("retry_after = \"7 s\"", |c| c.limits.retry_after == 7 * SECOND),
    ("tracked_services = 7", |c| c.limits.tracked == 7),
    ("watches_per_peer = 7", |c| c.limits.watches_per_peer == 7),
    ("watch_matches = 7", |c| c.limits.watch_matches == 7),
    ("write_stall = \"7 s\"", |c| c.limits.write_stall == 7 * SECOND),
    ("ping_interval = \"off\"", |c| c.link.heartbeat == Heartbeat::Off),
    ("dead_after = \"7 s\"", |c| matches!(c.link.heartbeat, Heartbeat::On(rhythm) if rhythm.timeout() == 7 * SECOND)),
    ("ping_ttl = \"700 ms\"", |c| matches!(c.link.heartbeat, Heartbeat::On(rhythm) if rhythm.time_to_live() == TimeToLive::new(SECOND * 7 / 10))),
    ("busy_timeout = \"7 h\"", |c| c.limits.busy_service == 7 * 3600 * SECOND),
    ("busy_client = \"7 h\"", |c| c.limits.busy_client == 7 * 3600 * SECOND),
    ("probe_timeout = \"7 s\"", |c| c.limits.probe_timeout == 7 * SECOND),
    ("name_policy = \"takeover\"", |c| c.limits.name_policy == NamePolicy::Takeover),
    ("takeovers = 7", |c| c.limits.takeovers_max == 7),
    ("takeover_window = \"7 s\"", |c| c.limits.takeover_window == 7 * SECOND),
    ("drain_time = \"7 s\"", |c| c.limits.drain_time == 7 * SECOND),
    ("end_flush = \"0 s\"", |c| c.limits.end_flush.is_zero()),
];

/// mux:config:keys.
#[test]
fn each_limit_arrives_in_its_field() {
    let as_given = |config: Config| config.mux(|_, _, _| {});
    let mut seen = BTreeSet::new();
    for (line, arrived) in ROWS {
        assert!(!arrived(&as_given(Config::default())), "{line} is the default");
        assert!(arrived(&as_given(in_limits(line))), "{line}");
        seen.extend(line.split_once(" =").map(|(name, _)| name));
    }
    let keys: BTreeSet<_> = LIMITS.iter().map(|key| key.name).collect();
    assert_eq!(keys, seen, "a key without a row, or a row without a key");
}

/// Shows each key of a table as it stands in `target`.
fn shown<T>(keys: &[Key<T>], target: &mut T) -> Vec<(&'static str, Option<String>)> {
    keys.iter().map(|key| (key.name, key.slot.show(target))).collect()
}

/// mux:config:keys.
#[test]
fn a_key_changes_nothing_else() {
    let defaults = shown(LIMITS, &mut Config::default());
    for (line, _) in ROWS {
        let name = line.split_once(" =").map_or("", |(name, _)| name);
        let changed = shown(LIMITS, &mut in_limits(line));
        for (before, after) in defaults.iter().zip(changed) {
            assert_eq!(*before != after, before.0 == name, "{line}: {before:?} {after:?}");
        }
    }
}

/// mux:config:keys.
#[test]
fn the_keys_of_the_command_line_arrive_too() {
    let all = config(
        "threads = 3\nopen = true\ncurve_secret = \"s\"\ncurve_clients = '/c'\nacl = '/a'\nlog = \"debug\"\n\
         zmtp_version = \"3.0\"\n",
    );
    let options = Options {
        threads: NonZeroUsize::new(3),
        open: true,
        curve_secret: Some("s".into()),
        curve_clients: Some("/c".into()),
        plain_users: None,
        acl: Some("/a".into()),
        log: Some(LevelFilter::DEBUG),
    };
    assert_eq!((all.options, all.version), (options, Version::V3_0));
    let plain = config("plain_users = \"u\"");
    assert_eq!(plain.options.plain_users, Some("u".into()));
}

#[test]
fn no_table_has_a_key_twice_or_one_that_another_may_be_taken_for() {
    fn names<T>(keys: &[Key<T>]) -> Vec<&'static str> {
        for key in keys {
            assert!(key.about.ends_with('.') && !key.about.contains('\n'), "{}", key.name);
        }
        keys.iter().map(|key| key.name).collect()
    }
    let tables = [names(TOP), names(LIMITS), names(ROLES), names(RULE), names(POOL), names(RATE)];
    for table in tables {
        let distinct: BTreeSet<_> = table.iter().collect();
        assert_eq!(distinct.len(), table.len(), "{table:?}");
        assert!(
            table.iter().all(|name| {
                name.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'_')
            })
        );
    }
}

/// mux:config:destinations.
#[test]
fn rules_say_what_differs_from_that_for_services() {
    let config = config(
        "[limits]\nmessage_len = 7\ndestination_pool = { messages = 70 }\n\
         [role.service]\nblock_timeout = \"0 s\"\n\
         [role.client]\npolicy = \"drop_oldest\"\n\
         [[destination]]\npattern = \"log.7\"\nmax_age = \"7 s\"\nwindow = 7\n\
         [[destination]]\npolicy = \"drop_newest\"\npattern = \"log.*\"\npool = { octets = 7 }\nwindow = \"off\"\n",
    );
    let usual = PoolLimits { messages: 70, ..MuxLimits::default().destination_pool };
    let service = Rule { block_timeout: Duration::ZERO, pool: usual, ..Rule::SERVICE };
    let client = Rule { policy: Policy::DropOldest, pool: usual, ..Rule::CLIENT };
    let (one, all) = (&config.rules.names[0], &config.rules.names[1]);
    assert_eq!((config.rules.service, config.rules.client), (service, client));
    assert_eq!((one.0.as_octets(), all.0.as_octets()), (&b"log.7"[..], &b"log.*"[..]));
    assert_eq!(one.1, Rule { max_age: Some(7 * SECOND), window: NonZeroUsize::new(7), ..service });
    let pool = PoolLimits { octets: 7, ..usual };
    assert_eq!(all.1, Rule { policy: Policy::DropNewest, pool, ..service });
}

/// mux:config:destinations, mux:acl:inner-star.
#[test]
fn a_pattern_may_have_any_octet() {
    let config = config("[[destination]]\npattern = 'a\\x2Ab\\\\\\xFF*'\n");
    assert_eq!(config.rules.names[0].0.as_octets(), b"a*b\\\xFF*");
}

/// mux:config:listeners.
#[test]
fn listeners_keep_their_order() {
    let config = config(
        "[[listen]]\nrole = \"services\"\nurl = \"tcp://127.0.0.1:1?name=x\"\n\
         [[listen]]\nurl = \"ipc:///tmp/a?identity=mux\"\nrole = \"any\"\n",
    );
    let shown: Vec<_> = config
        .listeners
        .iter()
        .map(|listen| format!("{} {}", listen.role.name(), listen.endpoint))
        .collect();
    assert_eq!(shown, ["services tcp://127.0.0.1:1", "any ipc:///tmp/a"]);
    assert!(config.listeners[0].name.is_some() && !config.listeners[1].identity.is_anonymous());
}

/// mux:config:printed.
#[test]
fn the_example_has_every_key_and_changes_nothing() {
    let text = printed(Config::default());
    let read = config(&text);
    let defaults = format!("{:?}", Config::default());
    assert_eq!(format!("{read:?}"), defaults);
    // The same with each default written down.
    let written: Vec<_> = text
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .collect();
    let written = written.join("\n");
    let mut read = config(&written);
    assert_eq!(read.listeners.len(), 2, "{written}");
    (read.listeners, read.global_pool) = (Vec::new(), PoolGiven::NOTHING);
    assert_eq!(format!("{read:?}"), defaults);
    for (name, _) in shown(TOP, &mut Config::default()) {
        assert!(
            text.contains(&format!("\n#{name} = ")) || text.contains(&format!("\n# {name} = "))
        );
    }
    for name in LIMITS.iter().map(|key| key.name).chain(RULE.iter().map(|key| key.name)) {
        assert!(written.contains(&format!("\n{name} = ")), "{name}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "a line is too long");
}

/// mux:config:printed.
#[test]
fn what_a_file_says_is_printed_and_reads_back() {
    let mut texts: Vec<_> = ROWS.iter().map(|(line, _)| format!("[limits]\n{line}\n")).collect();
    texts.extend(
        [
            "threads = 3\nopen = true\nlog = \"debug\"\nzmtp_version = \"3.0\"\n\
             curve_secret = '/a\"b\\c'\ncurve_clients = \"/d\\u0007\"\nacl = \"/é\"\n",
            "plain_users = \"/u\"\n",
            "[limits]\nglobal_pool.octets = \"1 GiB\"\n",
            "[limits]\nglobal_pool.messages = 7\ndestination_pool.messages = 7\n",
            "[role.service]\nwindow = 3\nmax_age = \"3 s\"\n[role.client]\npool.messages = 9\n",
            "[role.service]\nwindow = 3\n[[destination]]\npattern = 'a\\x2A\\xFF\"é *'\nwindow = \"off\"\n\
             pool.messages = 9\n[[destination]]\npattern = \"b\"\n",
            "[[listen]]\nrole = \"services\"\nurl = \"tcp://*:5?name=a%00%26&identity=x&notices=always\"\n\
             [[listen]]\nrole = \"any\"\nurl = \"ipc:///tmp/a\"\n",
        ]
        .map(str::to_owned),
    );
    for text in texts {
        let config = config(&text);
        let printed = printed(config.clone());
        let read = self::config(&printed);
        assert_eq!(format!("{read:?}"), format!("{config:?}"), "{text}");
        // What nobody has changed is a comment.
        let changed = printed.lines().filter(|line| line.contains(" = ") && !line.starts_with('#'));
        assert!(changed.count() <= text.matches('=').count(), "{printed}");
    }
}

#[test]
fn the_example_of_the_readme_is_read() {
    let text = include_str!("../../README.md");
    let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let config = config(example.unwrap());
    assert_eq!((config.listeners.len(), config.rules.names.len()), (2, 2));
}

#[test]
fn a_global_pool_that_was_asked_for_is_told_from_the_default() {
    let octets = in_limits("global_pool = { octets = 1_073_741_824 }");
    let [octets_alone, messages_alone] =
        [(Given::ByFile, Given::ByDefault), (Given::ByDefault, Given::ByFile)]
            .map(|(octets, messages)| PoolGiven { octets, messages });
    assert_eq!(octets.global_pool, octets_alone);
    assert_eq!(octets.limits.global_pool, MuxLimits::default().global_pool);
    assert_eq!(in_limits("global_pool.messages = 5").global_pool, messages_alone);
}

proptest! {
    /// mux:config:faults.
    #[test]
    fn no_text_makes_it_panic(octets in any::<Vec<u8>>(), text in ".*") {
        for octets in [&*octets, text.as_bytes()] {
            if let Err(faults) = Config::parse(octets) {
                prop_assert!(!faults.is_empty());
            }
        }
    }

    /// mux:config:faults.
    #[test]
    fn no_value_makes_it_panic_and_each_fault_has_its_line(
        table in prop::sample::select(vec!["", "[limits]", "[role]", "[role.client]", "[[destination]]", "[[listen]]"]),
        lines in prop::collection::vec((0..60_usize, value()), 1..6),
    ) {
        let names: Vec<_> = shown(LIMITS, &mut Config::default())
            .into_iter()
            .chain(shown(TOP, &mut Config::default()))
            .chain(shown(RULE, &mut Rule::SERVICE.clone()))
            .map(|(name, _)| name)
            .chain(["role", "url", "pattern", "service", "limits", "listen", "destination", "x"])
            .collect();
        let mut text = format!("{table}\n");
        for (name, value) in lines {
            let name = names.iter().cycle().nth(name).unwrap();
            text.extend([name, " = ", &value, "\n"]);
        }
        if let Err(faults) = Config::parse(text.as_bytes()) {
            let lines = text.lines().count();
            for (line, problem) in faults {
                prop_assert!((1..=lines).contains(&line), "{}: {}", line, problem);
            }
        }
    }
}

/// Something that TOML takes for a value.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("TOML has it", |number| number.is_finite())
            .prop_map(|number| format!("{number:?}")),
        any::<bool>().prop_map(|choice| choice.to_string()),
        "[a-z0-9*./:? ]{0,12}".prop_map(|text| format!("\"{text}\"")),
        "[0-9]{1,20} ?(ms|s|min|h|KiB|MiB|TiB)".prop_map(|text| format!("'{text}'")),
        Just("[]".to_owned()),
        Just("[1, \"127.0.0.1\"]".to_owned()),
        Just("{ octets = 1, burst = \"x\", pool = {}, policy = \"reject\" }".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
    ]
}
