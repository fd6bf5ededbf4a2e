//! The configuration file that changes nothing: every key with its default, as a comment.

use crate::config::Config;
use crate::config::keys::{Key, LIMITS, ROLES, RULE, TOP};

/// Returns a file that has every key.
///
/// It says what it would be without it: a `#` with a space begins words, one without a space a
/// default.
// spec: mux:config:printed
pub(crate) fn example() -> String {
    let mut config = Config::default();
    let mut text = HEAD.to_owned();
    put_keys(TOP, &mut config, &mut text);
    text.push_str("[limits]\n\n");
    put_keys(LIMITS, &mut config, &mut text);
    for role in ROLES {
        text.extend(["# ", role.about, "\n[role.", role.name, "]\n\n"]);
        let rule = match role.name {
            "client" => &mut config.rules.client,
            _ => &mut config.rules.service,
        };
        put_keys(RULE, rule, &mut text);
    }
    text.push_str(TAIL);
    text
}

fn put_keys<T>(keys: &[Key<T>], target: &mut T, text: &mut String) {
    for key in keys {
        let line = match key.slot.show(target) {
            Some(value) => format!("# {}\n#{} = {value}\n\n", key.about, key.name),
            None => format!("# {}\n# {} = ...\n\n", key.about, key.name),
        };
        text.push_str(&line);
    }
}

const HEAD: &str = "\
# The configuration of muxd, with every key. This file changes nothing: behind each # without a
# space stands what is so already. Read it with muxd --config FILE; see what is wrong with it with
# muxd --config FILE --check. An option of the command line wins over its key.
#
# Times have a unit: ms, s, min or h. Sizes are octets, or have one: B, KiB, MiB, GiB or TiB. Paths
# begin at the folder of this file.

";

const TAIL: &str = "\
# Rules for services by name, as many as there are; the first that has a service's name counts. A
# pattern is a name, or a prefix and a final *, with other octets as \\xNN. What a rule does not say
# is as in [role.service].
#
# [[destination]]
# pattern = \"log.*\"
# policy = \"drop_oldest\"
# max_age = \"30 s\"

# Listeners, as many as there are; role is clients, services or any. Those of the command line
# replace all of these.
#
#[[listen]]
#role = \"clients\"
#url = \"tcp://127.0.0.1:5555\"

#[[listen]]
#role = \"services\"
#url = \"tcp://127.0.0.1:5556\"
";
