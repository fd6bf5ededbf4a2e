//! Values that are sound one by one, and cannot all be meant.

use zmtp_mux::{Pattern, Rhythm};

use crate::config::Config;
use crate::config::document::Reader;
use crate::config::fault::Problem;
use crate::config::units::{show_size, show_time};

/// Two keys or more that contradict each other, and how.
struct Clash {
    keys: &'static [&'static str],
    words: String,
}

/// Notes all contradictions, each at the last of the lines that take part in it.
// spec: mux:config:contradictions
pub(super) fn check(config: &Config, reader: &mut Reader<'_>) {
    let clashes = [
        heartbeat(config),
        promise(config),
        patience(config),
        longest_message(config),
        half_of_one(config),
        two_mechanisms(config),
        list_without_key(config),
        client_window(config),
        // The default is for pools of any size.
        reader.line(SOFT_MARK).and_then(|_| soft_mark(config)),
    ];
    for Clash { keys, words } in clashes.into_iter().flatten() {
        let line = keys.iter().filter_map(|key| reader.line(key)).max();
        reader.note(line.unwrap_or(1), Problem::Clash(words));
    }
}

fn heartbeat(config: &Config) -> Option<Clash> {
    let (interval, dead_after) = (config.pulse.ping_interval?, config.pulse.dead_after);
    Rhythm::new(interval, dead_after).is_err().then(|| Clash {
        keys: &["limits.ping_interval", "limits.dead_after"],
        words: format!(
            "dead_after, {}, must be longer than ping_interval, {}: a peer needs time to answer",
            show_time(dead_after),
            show_time(interval)
        ),
    })
}

fn promise(config: &Config) -> Option<Clash> {
    let promised = config.pulse.ping_interval.is_none() && !config.pulse.ping_ttl.is_zero();
    promised.then(|| Clash {
        keys: &["limits.ping_interval", "limits.ping_ttl"],
        words: "ping_ttl promises PINGs, and ping_interval is off".to_owned(),
    })
}

fn patience(config: &Config) -> Option<Clash> {
    config.pulse.ping_interval?;
    let dead_after = config.pulse.dead_after;
    let times =
        [("busy_timeout", config.limits.busy_service), ("busy_client", config.limits.busy_client)];
    let (name, time) = times.into_iter().find(|(_, time)| *time < dead_after)?;
    Some(Clash {
        keys: &["limits.busy_timeout", "limits.busy_client", "limits.dead_after"],
        words: format!(
            "{name}, {}, must not be shorter than dead_after, {}: a busy peer is silent for longer",
            show_time(time),
            show_time(dead_after)
        ),
    })
}

// spec: mux:limit:message-fits
fn longest_message(config: &Config) -> Option<Clash> {
    let len = config.link.message_len_max;
    let (usual, all) = (config.limits.destination_pool.octets, config.limits.global_pool.octets);
    let (service, client) = (config.rules.service.pool.octets, config.rules.client.pool.octets);
    let fits = |keys, pool: &str, octets| {
        let words = format!(
            "message_len, {}, must fit {pool}, which has {}",
            show_size(len),
            show_size(octets)
        );
        (octets < len).then_some(Clash { keys, words })
    };
    fits(&[MESSAGE_LEN, "limits.destination_pool.octets"], "destination_pool", usual)
        .or_else(|| {
            fits(&[MESSAGE_LEN, "role.service.pool.octets"], "the pool of services", service)
        })
        .or_else(|| fits(&[MESSAGE_LEN, "role.client.pool.octets"], "the pool of clients", client))
        .or_else(|| {
            let pool = format!("3/8 of global_pool, {}: what one client may take", show_size(all));
            let octets = config.limits.message_len_max();
            fits(&[MESSAGE_LEN, "limits.global_pool.octets"], &pool, octets)
        })
}

/// Returns what is wrong with the pool of a rule for a name, if the longest message does not fit it.
// spec: mux:limit:message-fits
pub(super) fn pool_of_name(pattern: &Pattern, octets: usize, len: usize) -> Option<Problem> {
    (octets < len).then(|| {
        Problem::Clash(format!(
            "message_len, {}, must fit the pool of \"{pattern}\", which has {}",
            show_size(len),
            show_size(octets)
        ))
    })
}

fn half_of_one(config: &Config) -> Option<Clash> {
    (config.limits.global_pool.messages < 2).then(|| Clash {
        keys: &["limits.global_pool.messages"],
        words: "global_pool has room for 1 message, and clients have half of it: none".to_owned(),
    })
}

fn two_mechanisms(config: &Config) -> Option<Clash> {
    let options = &config.options;
    (options.curve_secret.is_some() && options.plain_users.is_some()).then(|| Clash {
        keys: &["curve_secret", "plain_users"],
        words: "curve_secret and plain_users: a listener has one mechanism".to_owned(),
    })
}

fn list_without_key(config: &Config) -> Option<Clash> {
    let options = &config.options;
    (options.curve_clients.is_some() && options.plain_users.is_some()).then(|| Clash {
        keys: &["curve_clients", "plain_users"],
        words: "curve_clients is a list of keys, and users of PLAIN have none".to_owned(),
    })
}

fn client_window(config: &Config) -> Option<Clash> {
    config.rules.validate().err().map(|error| Clash {
        keys: &["role.client.window"],
        words: format!("{error}: it belongs into [role.service] or a [[destination]]"),
    })
}

/// Of what is more than a quarter of a pool that quarter counts; so this one never would.
fn soft_mark(config: &Config) -> Option<Clash> {
    let (mark, rules) = (config.limits.soft_mark, &config.rules);
    let named = rules.names.iter().map(|(_, rule)| rule);
    let pools = named.chain([&rules.service, &rules.client]).map(|rule| rule.pool.octets);
    let largest = pools.max().unwrap_or_default();
    (mark > largest / 4).then(|| Clash {
        keys: &[SOFT_MARK, "limits.destination_pool.octets"],
        words: format!(
            "soft_mark, {}, is more than a quarter of every pool, of which the largest has {}",
            show_size(mark),
            show_size(largest)
        ),
    })
}

const SOFT_MARK: &str = "limits.soft_mark";

pub(super) const MESSAGE_LEN: &str = "limits.message_len";
