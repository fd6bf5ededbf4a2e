//! A configuration as a file: every key, those with their defaults as comments.

use std::fmt::Write as _;

use zmtp_mux::{Pattern, Rules};

use crate::config::keys::{Key, LIMITS, ROLES, RULE, TOP};
use crate::config::slot::quoted;
use crate::config::{Config, Given};
use crate::listener::url_of;

/// Returns a file that has every key, and reads back as this configuration.
///
/// A `#` with a space begins words, one without a space a default. So the file of what is usual changes
/// nothing.
// spec: mux:config:printed
pub(crate) fn printed(mut config: Config) -> String {
    let mut base = Config::default();
    // Written down even if it is the default: only then it is left as it is.
    if config.global_pool.octets == Given::ByFile {
        base.limits.global_pool.octets = 0;
    }
    if config.global_pool.messages == Given::ByFile {
        base.limits.global_pool.messages = 0;
    }
    let mut text = HEAD.to_owned();
    put_keys(TOP, &mut config, &mut base, &mut text);
    text.push_str("[limits]\n\n");
    put_keys(LIMITS, &mut config, &mut base, &mut text);
    let mut usual = Rules::with_pool(config.limits.destination_pool);
    for role in ROLES {
        text.extend(["# ", role.about, "\n[role.", role.name, "]\n\n"]);
        let (rule, base) = match role.name {
            "client" => (&mut config.rules.client, &mut usual.client),
            _ => (&mut config.rules.service, &mut usual.service),
        };
        put_keys(RULE, rule, base, &mut text);
    }
    put_lists(&mut config, &mut text);
    text
}

fn put_keys<T>(keys: &[Key<T>], target: &mut T, base: &mut T, text: &mut String) {
    for key in keys {
        let line = match (key.slot.changes(target, base), key.slot.show(target)) {
            (Some(value), _) => format!("{} = {value}", key.name),
            (None, Some(value)) => format!("#{} = {value}", key.name),
            (None, None) => format!("# {} = ...", key.name),
        };
        text.extend(["# ", key.about, "\n", &line, "\n\n"]);
    }
}

fn put_lists(config: &mut Config, text: &mut String) {
    text.push_str(DESTINATIONS);
    for (pattern, rule) in &mut config.rules.names {
        text.extend(["[[destination]]\npattern = ", &quoted(escaped(pattern)), "\n"]);
        for key in RULE {
            if let Some(value) = key.slot.changes(rule, &mut config.rules.service) {
                text.extend([key.name, " = ", &value, "\n"]);
            }
        }
        text.push('\n');
    }
    text.push_str(LISTENERS);
    if config.listeners.is_empty() {
        text.push_str(USUAL_LISTENERS);
    }
    for listen in &config.listeners {
        let (role, url) = (quoted(listen.role.name()), quoted(url_of(listen)));
        text.extend(["[[listen]]\nrole = ", &role, "\nurl = ", &url, "\n\n"]);
    }
}

/// Returns a pattern as a file has it.
// spec: mux:acl:escapes
fn escaped(pattern: &Pattern) -> String {
    let (octets, star) = match pattern.as_octets() {
        [stem @ .., b'*'] => (stem, "*"),
        name => (name, ""),
    };
    let mut text = String::new();
    for octet in octets {
        if octet.is_ascii_graphic() && !b"\\*".contains(octet) {
            text.push(char::from(*octet));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{octet:02X}");
        }
    }
    text + star
}

const HEAD: &str = "\
# The configuration of muxd, with every key. Behind each # without a space stands a default, which is
# so already; without any # stands what differs from it. Read this file with muxd --config FILE; see
# what is wrong with it with muxd --config FILE --check, and what it comes to with --print-config. An
# option of the command line wins over its key.
#
# Times have a unit: ms, s, min or h. Sizes are octets, or have one: B, KiB, MiB, GiB or TiB. Paths
# begin at the folder of this file.

";

const DESTINATIONS: &str = "\
# Rules for services by name, as many as there are; the first that has a service's name counts. A
# pattern is a name, or a prefix and a final *, with other octets as \\xNN. What a rule does not say
# is as in [role.service].
#
# [[destination]]
# pattern = \"log.*\"
# policy = \"drop_oldest\"
# max_age = \"30 s\"

";

const LISTENERS: &str = "\
# Listeners, as many as there are; role is clients, services or any. Those of the command line
# replace all of these.
#
";

const USUAL_LISTENERS: &str = "\
#[[listen]]
#role = \"clients\"
#url = \"tcp://127.0.0.1:5555\"

#[[listen]]
#role = \"services\"
#url = \"tcp://127.0.0.1:5556\"
";
