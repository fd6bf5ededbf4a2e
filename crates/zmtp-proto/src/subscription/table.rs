//! The topics that one peer, or one socket, subscribes to, with how often.
//!
//! | on          | count before | becomes | gives           |
//! |-------------|--------------|---------|-----------------|
//! | `Subscribe` | 0            | 1       | the `Subscribe` |
//! | `Subscribe` | n            | n + 1   | nothing         |
//! | `Cancel`    | 1            | 0       | the `Cancel`    |
//! | `Cancel`    | n > 1        | n - 1   | nothing         |
//! | `Cancel`    | 0            | 0       | nothing         |
//! | a new topic beyond a limit | 0 | 0   | an error        |

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use thiserror::Error;

use super::Subscription;

/// How often each topic is subscribed to.
///
/// A subscriber keeps one for itself, and sends what [`subscribe`](Self::subscribe) and
/// [`cancel`](Self::cancel) give. A publisher keeps one for each peer, and puts in what it
/// receives with [`handle`](Self::handle).
#[derive(Clone, Debug, Default)]
pub struct Subscriptions {
    /// Invariant: no count is 0.
    counts: BTreeMap<Bytes, u32>,
    /// Octets of all topics together.
    octets: usize,
    limits: SubscriptionLimits,
}

/// Limits of what one [`Subscriptions`] may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionLimits {
    /// Different topics.
    pub topics_max: usize,
    /// Octets of one topic.
    pub topic_len_max: usize,
    /// Octets of all topics together.
    pub octets_max: usize,
}

impl Default for SubscriptionLimits {
    /// 10,000 topics of up to 4 KiB each and 1 MiB together.
    fn default() -> Self {
        Self { topics_max: 10_000, topic_len_max: 4 * 1024, octets_max: 1024 * 1024 }
    }
}

/// A topic was not taken, and nothing changed. The fault of whoever subscribes; to try again is of
/// use once other topics were cancelled, and never for a topic that is too long.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscribeError {
    /// It is longer than [`SubscriptionLimits::topic_len_max`].
    #[error("topic of {len} octets, at most {max} are taken")]
    TopicTooLong {
        /// Its length in octets.
        len: usize,
        /// The limit, in octets.
        max: usize,
    },
    /// There are as many topics as [`SubscriptionLimits::topics_max`] allows.
    #[error("more than {max} topics")]
    TooManyTopics {
        /// The limit.
        max: usize,
    },
    /// With it the topics would be larger than [`SubscriptionLimits::octets_max`].
    #[error("topics of more than {max} octets together")]
    TooManyOctets {
        /// The limit, in octets.
        max: usize,
    },
}

impl Subscriptions {
    /// Makes one without topics.
    #[must_use]
    pub fn new(limits: SubscriptionLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Subscribes once more. Returns what is to be sent, which is nothing for a known topic.
    ///
    /// # Errors
    ///
    /// The topic is new and beyond a limit.
    // spec: 37:subscription:additive, 37:subscription:wire-on-edge
    pub fn subscribe(&mut self, topic: &[u8]) -> Result<Option<Subscription>, SubscribeError> {
        if let Some(count) = self.counts.get_mut(topic) {
            *count = count.saturating_add(1);
            return Ok(None);
        }
        let octets = self.octets_with(topic)?;
        let topic = Bytes::copy_from_slice(topic);
        self.octets = octets;
        self.counts.insert(topic.clone(), 1);
        Ok(Some(Subscription::Subscribe(topic)))
    }

    /// Takes one subscription back. Returns what is to be sent, which is nothing if others to this
    /// topic remain, or if there was none.
    // spec: 37:subscription:additive, 37:subscription:wire-on-edge
    pub fn cancel(&mut self, topic: &[u8]) -> Option<Subscription> {
        let count = self.counts.get_mut(topic)?;
        *count = count.saturating_sub(1);
        if *count > 0 {
            return None;
        }
        let (topic, _) = self.counts.remove_entry(topic)?;
        self.octets = self.octets.saturating_sub(topic.len());
        Some(Subscription::Cancel(topic))
    }

    /// Does what a peer asks for. Returns what changed for this peer, if anything: it now hears of
    /// a topic, or does so no longer.
    ///
    /// # Errors
    ///
    /// The topic is new and beyond a limit.
    pub fn handle(
        &mut self,
        subscription: &Subscription,
    ) -> Result<Option<Subscription>, SubscribeError> {
        match subscription {
            Subscription::Subscribe(topic) => self.subscribe(topic),
            Subscription::Cancel(topic) => Ok(self.cancel(topic)),
        }
    }

    /// Tells whether `octets`, the first frame of a message, begin with one of the topics.
    ///
    /// Takes one look-up for each topic that shares ever shorter beginnings with `octets`, so as
    /// many as the longest topic has octets at worst, and mostly one or two.
    // spec: 37:subscription:prefix
    #[must_use]
    pub fn matches(&self, octets: &[u8]) -> bool {
        // Invariant: if any topic fits, it is one of the beginnings of this.
        let mut beginning = octets;
        loop {
            let range = (Bound::Unbounded, Bound::Included(beginning));
            // All that stands between a topic that fits and `beginning` begins with that topic,
            // so the last of it does.
            let Some((topic, _)) = self.counts.range::<[u8], _>(range).next_back() else {
                return false;
            };
            if octets.starts_with(topic) {
                return true;
            }
            beginning = common_beginning(beginning, topic);
        }
    }

    /// Returns each topic once, in a fixed order, as it has to be sent on a new connection.
    // spec: 37:subscription:resent
    pub fn iter(&self) -> impl Iterator<Item = Subscription> {
        self.counts.keys().cloned().map(Subscription::Subscribe)
    }

    /// Returns how many different topics there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Tells whether there is no topic at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Returns the octets of all topics if `topic` were one of them, unless that is too much.
    // spec: 37:subscription:limits
    fn octets_with(&self, topic: &[u8]) -> Result<usize, SubscribeError> {
        let SubscriptionLimits { topics_max, topic_len_max, octets_max } = self.limits;
        if topic.len() > topic_len_max {
            return Err(SubscribeError::TopicTooLong { len: topic.len(), max: topic_len_max });
        }
        if self.counts.len() >= topics_max {
            return Err(SubscribeError::TooManyTopics { max: topics_max });
        }
        let octets = self.octets.saturating_add(topic.len());
        if octets > octets_max {
            return Err(SubscribeError::TooManyOctets { max: octets_max });
        }
        Ok(octets)
    }
}

fn common_beginning<'o>(one: &'o [u8], other: &[u8]) -> &'o [u8] {
    let len = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    one.get(..len).unwrap_or(one)
}

#[cfg(test)]
mod tests;
