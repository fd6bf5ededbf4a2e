//! Figures: what a MUX tells of itself, for whoever shows it.

use crate::core::{MuxCore, Name};
use crate::net::mux::Mux;
use crate::net::shared::Shared;

/// Something that has counters and gauges to show.
///
/// A program that exports figures takes `&dyn Figures`, and so all that has some: a
/// [`Mux`](crate::Mux), and what is its own. For Prometheus, say:
///
/// ```
/// use std::fmt::Write;
/// use zmtp_mux::{Figure, Figures, Mux, MuxConfig};
///
/// /// Shows all figures in the text format of Prometheus.
/// fn prometheus(of: &dyn Figures) -> String {
///     let mut text = String::new();
///     // Writing to a string cannot fail.
///     of.each(&mut |figure| {
///         let _ = match figure {
///             Figure::Counter(name, count) => {
///                 writeln!(text, "# TYPE mux_{name}_total counter\nmux_{name}_total {count}")
///             }
///             Figure::Gauge(name, level) => {
///                 writeln!(text, "# TYPE mux_{name} gauge\nmux_{name} {level}")
///             }
///         };
///     });
///     text
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let text = prometheus(&Mux::new(MuxConfig::default())?);
/// assert!(text.contains("# TYPE mux_received_total counter\nmux_received_total 0\n"));
/// assert!(text.contains("# TYPE mux_queued gauge\nmux_queued 0\n"));
/// # Ok(())
/// # }
/// ```
pub trait Figures {
    /// Shows every figure once, in an order that does not change.
    fn each(&self, see: &mut dyn FnMut(Figure));
}

/// A number by its name: letters in lower case, digits and `_`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// What has happened so far. It only grows, but for one that is full and begins again.
    Counter(&'static str, u64),
    /// How something stands now.
    Gauge(&'static str, i64),
}

impl Figure {
    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Counter(name, _) | Self::Gauge(name, _) => name,
        }
    }

    /// Returns its number.
    #[must_use]
    pub fn value(&self) -> i64 {
        match self {
            Self::Counter(_, count) => count.cast_signed(),
            Self::Gauge(_, level) => *level,
        }
    }
}

/// The last is `difference`: by how much the conservation law is violated, which is 0.
// spec: mux:conservation:difference-shown, mux:limit:counted
impl Figures for Shared {
    fn each(&self, see: &mut dyn FnMut(Figure)) {
        let counter = |(name, count)| Figure::Counter(name, count);
        let gauge = |name, level: u64| Figure::Gauge(name, level.cast_signed());
        // Seen when the locks are free: who sees them may ask the MUX something.
        let mut all = Vec::new();
        let difference = self.with_core(|core: &mut MuxCore| {
            let queued = core.queued();
            all.extend(core.counters().iter().map(counter));
            all.push(gauge("queued", queued));
            all.push(gauge("queued_octets", core.queued_octets() as u64));
            all.push(gauge("bindings", core.bindings() as u64));
            core.counters().difference(queued)
        });
        self.with_lobby(|lobby| {
            let (connections, handshakes) = lobby.count();
            all.push(gauge("connections", connections as u64));
            all.push(gauge("handshakes", handshakes as u64));
            all.extend(lobby.counters().iter().map(counter));
        });
        all.extend(self.ends().into_iter().map(counter));
        all.push(Figure::Gauge("difference", difference));
        all.into_iter().for_each(see);
    }
}

impl Mux {
    /// Returns the counters by their names, and no gauge. Those of [`each`](Figures::each) cost a walk
    /// through all queues, and these nothing, so they can be looked at often.
    #[must_use]
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.shared().counts()
    }

    /// Returns for each counter of dropped messages, and of names that are denied, taken away or fought
    /// over, a name that it has counted since this was called last, if there is one: who looks into such
    /// things may begin there.
    #[must_use]
    pub fn take_lost_names(&self) -> Vec<(&'static str, Name)> {
        self.shared().with_core(MuxCore::take_lost_names)
    }
}

impl Shared {
    fn counts(&self) -> Vec<(&'static str, u64)> {
        let mut all: Vec<_> = self.with_core(|core| core.counters().iter().collect());
        self.with_lobby(|lobby| all.extend(lobby.counters().iter()));
        all.extend(self.ends());
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::net::mux::MuxConfig;

    /// mux:limit:counted, mux:conservation:difference-shown.
    #[test]
    fn every_figure_is_seen_once_by_a_name_that_exporters_can_use() {
        let mux = Mux::new(MuxConfig::default()).unwrap();
        let mut names = Vec::new();
        mux.each(&mut |figure| {
            names.push(figure.name());
            // Who looks may ask the MUX something.
            assert!(mux.counters().contains(&(figure.name(), figure.value())));
        });
        let mut counters = Vec::new();
        mux.each(&mut |figure| {
            if let Figure::Counter(name, _) = figure {
                counters.push(name);
            }
        });
        let counts: BTreeSet<_> = mux.counts().into_iter().map(|(name, _)| name).collect();
        assert_eq!(counts, counters.into_iter().collect());
        let plain = |octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'_');
        assert!(names.iter().all(|name| name.bytes().all(plain)), "{names:?}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert_eq!(names.last(), Some(&"difference"));
    }
}
