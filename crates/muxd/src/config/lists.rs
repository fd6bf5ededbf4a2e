//! What a file may have many of: `[[destination]]` and `[[listen]]`.

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zmtp_mux::{Acl, AclFault, Listen, ListenerRole, Pattern, Rule, Rules};

use crate::config::check::{MESSAGE_LEN, pool_of_name};
use crate::config::document::{Place, Reader};
use crate::config::fault::Problem;
use crate::config::keys::{Key, RULE};
use crate::listener::ListenerUrl;

impl<'t> Reader<'t> {
    /// Reads the rules for destinations by their names. What one does not say is as for all
    /// services: only services are found by name.
    // spec: mux:config:destinations
    pub(super) fn destinations(
        &mut self,
        root: &DeTable<'t>,
        rules: &mut Rules,
        message_len: usize,
    ) {
        let mut earlier: Vec<(Pattern, usize)> = Vec::new();
        for (line, table) in self.tables(root, DESTINATION) {
            let mut rule = rules.service;
            self.forget(POOL_OCTETS);
            self.read::<Rule>(table, DESTINATION, RULE, &["pattern"], &mut rule);
            let Some(place) = self.needed(table, line, DESTINATION, "pattern") else { continue };
            let Some(pattern) = self.pattern(place) else { continue };
            if let Some(line) = self.line(POOL_OCTETS).filter(|_| self.is_sound()) {
                let line = self.line(MESSAGE_LEN).map_or(line, |other| line.max(other));
                if let Some(problem) = pool_of_name(&pattern, rule.pool.octets, message_len) {
                    self.note(line, problem);
                }
            }
            let first = earlier.iter().find(|(other, _)| other.covers(&pattern));
            if let Some((other, first)) = first {
                let words = format!(
                    "the rule for \"{pattern}\" is never used: \"{other}\" in line {first} has all that it is for"
                );
                self.note(place.line, Problem::Clash(words));
            }
            earlier.push((pattern.clone(), place.line));
            rules.names.push((pattern, rule));
        }
    }

    /// Reads the listeners, in their order, and returns the lines of their URLs.
    // spec: mux:config:listeners
    pub(super) fn listeners(
        &mut self,
        root: &DeTable<'t>,
        listeners: &mut Vec<Listen>,
    ) -> Vec<usize> {
        let mut lines = Vec::new();
        for (line, table) in self.tables(root, LISTEN) {
            let nothing: &'static [Key<()>] = &[];
            self.read(table, LISTEN, nothing, &["role", "url"], &mut ());
            let role = self.needed(table, line, LISTEN, "role");
            let url = self.needed(table, line, LISTEN, "url");
            let (Some(role_place), Some(url_place)) = (role, url) else { continue };
            let role =
                ROLES.into_iter().find(|role| role_place.value.as_str() == Some(role.name()));
            let Some(role) = role else {
                self.note_value(role_place, "\"clients\", or \"services\", or \"any\"");
                continue;
            };
            let Some(text) = url_place.value.as_str() else {
                self.note_value(url_place, "a URL in quotes");
                continue;
            };
            let url = match role {
                ListenerRole::Services => ListenerUrl::parse_services(text),
                ListenerRole::Clients | ListenerRole::Any => ListenerUrl::parse_others(text),
            };
            match url {
                Ok(url) => {
                    listeners.push(url.listen(role));
                    lines.push(url_place.line);
                }
                Err(error) => self.note_value(url_place, format!("a URL ({error})")),
            }
        }
        lines
    }

    /// Reads a pattern as access rules have it, or notes that it is none.
    // spec: mux:acl:inner-star
    fn pattern(&mut self, place: Place<'_, 't>) -> Option<Pattern> {
        let why = match place.value.as_str().map(|text| Acl::pattern(text.as_bytes())) {
            Some(Ok(pattern)) => return Some(pattern),
            Some(Err(fault)) if fault != AclFault::Pattern => format!(" ({fault})"),
            Some(Err(_)) | None => String::new(),
        };
        self.note_value(place, format!("{PATTERN_FORM}{why}"));
        None
    }

    /// Returns the value of a key that a table must have, or notes that it does not.
    fn needed<'v>(
        &mut self,
        table: &'v DeTable<'t>,
        line: usize,
        name: &'static str,
        key: &'static str,
    ) -> Option<Place<'v, 't>> {
        let Some((at, value)): Option<(_, &Spanned<DeValue<'t>>)> = table.get_key_value(key) else {
            self.note(line, Problem::Missing { table: name, key });
            return None;
        };
        Some(Place { value: value.get_ref(), line: self.line_of(at), path: key })
    }
}

/// What a file may have many of.
pub(super) const LISTS: [&str; 2] = [DESTINATION, LISTEN];

const DESTINATION: &str = "destination";

const POOL_OCTETS: &str = "destination.pool.octets";

const LISTEN: &str = "listen";

const ROLES: [ListenerRole; 3] = [ListenerRole::Clients, ListenerRole::Services, ListenerRole::Any];

const PATTERN_FORM: &str =
    "a name, or a prefix and one final *, of 1 to 255 octets, the first not zero";
