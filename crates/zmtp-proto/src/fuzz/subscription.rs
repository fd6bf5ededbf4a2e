//! Subscriptions and groups: both forms on the wire, and the table against a list.

use bytes::{Bytes, BytesMut};

use super::script::Script;
use crate::command::Command;
use crate::frame::{FrameHeader, FrameKind};
use crate::greeting::Version;
use crate::limits::Limits;
use crate::message::Message;
use crate::subscription::{
    Group, Membership, NoGroups, Subscription, SubscriptionLimits, Subscriptions, parse_radio,
    radio_message,
};

/// Each subscription reads back in both its forms, and a table of them does what a list would.
///
/// The first octets are limits; then each step is an octet and a topic.
pub fn subscription(data: &[u8]) {
    let mut script = Script(data);
    let limits = SubscriptionLimits {
        topics_max: usize::from(script.octet() % 8),
        topic_len_max: usize::from(script.octet() % 40),
        octets_max: usize::from(script.octet()),
    };
    let mut table = Subscriptions::new(limits);
    let mut list = List { limits, topics: Vec::new() };
    while !script.is_empty() {
        let step = script.octet();
        let topic = Bytes::copy_from_slice(script.text(48));
        match step % 6 {
            0 | 1 => both(&mut table, &mut list, &Subscription::Subscribe(topic)),
            2 => both(&mut table, &mut list, &Subscription::Cancel(topic)),
            3 => group(&topic, script.text(8)),
            4 => message(&Message::single(&topic)),
            _ => assert_eq!(table.matches(&topic), list.matches(&topic)),
        }
        assert_eq!(table.len(), list.topics.len());
        assert_eq!(table.is_empty(), list.topics.is_empty());
    }
    let mut topics: Vec<Vec<u8>> = list.topics.into_iter().map(|(topic, _)| topic).collect();
    topics.sort();
    assert!(table.iter().map(|subscription| subscription.topic().to_vec()).eq(topics));
}

/// The plainest table: each topic with its count, in the order of arrival.
struct List {
    limits: SubscriptionLimits,
    topics: Vec<(Vec<u8>, u32)>,
}

impl List {
    /// Returns whether the peer's view changed, or `None` for what is beyond a limit.
    fn handle(&mut self, subscription: &Subscription) -> Option<bool> {
        let topic = subscription.topic();
        let place = self.topics.iter().position(|(known, _)| known == topic);
        match (subscription, place) {
            (Subscription::Subscribe(_), Some(place)) => {
                self.topics[place].1 += 1;
                Some(false)
            }
            (Subscription::Subscribe(_), None) => {
                let octets: usize = self.topics.iter().map(|(known, _)| known.len()).sum();
                if topic.len() > self.limits.topic_len_max
                    || self.topics.len() == self.limits.topics_max
                    || octets + topic.len() > self.limits.octets_max
                {
                    return None;
                }
                self.topics.push((topic.to_vec(), 1));
                Some(true)
            }
            (Subscription::Cancel(_), None) => Some(false),
            (Subscription::Cancel(_), Some(place)) => {
                self.topics[place].1 -= 1;
                let last = self.topics[place].1 == 0;
                if last {
                    self.topics.remove(place);
                }
                Some(last)
            }
        }
    }

    fn matches(&self, octets: &[u8]) -> bool {
        self.topics.iter().any(|(topic, _)| octets.starts_with(topic))
    }
}

fn both(table: &mut Subscriptions, list: &mut List, subscription: &Subscription) {
    let expected = list.handle(subscription).map(|edge| edge.then(|| subscription.clone()));
    assert_eq!(table.handle(subscription).ok(), expected);
    assert_eq!(table.matches(subscription.topic()), list.matches(subscription.topic()));

    let mut out = BytesMut::new();
    subscription.put(Version::V3_1, &mut out);
    assert_eq!(Subscription::from_command(&command(&out)).as_ref(), Some(subscription));
    assert_eq!(Membership::from_command(&command(&out)), None);
    out.clear();
    subscription.put(Version::V3_0, &mut out);
    let message = Message::from_octets(out.freeze()).unwrap();
    assert_eq!(Subscription::from_message(&message).as_ref(), Some(subscription));
}

/// A message is a subscription if it begins with 0 or 1, and then stands for itself.
fn message(message: &Message) {
    let body = message.frames().next().unwrap();
    let Some(subscription) = Subscription::from_message(message) else {
        assert!(!matches!(body, [0 | 1, ..]));
        return;
    };
    let mut out = BytesMut::new();
    subscription.put(Version::V3_0, &mut out);
    assert_eq!(out, message.as_octets());
}

fn group(name: &Bytes, body: &[u8]) {
    let legal = !name.contains(&0);
    let Ok(group) = Group::new(name.clone()) else {
        assert!(!legal);
        let message = Message::from_frames([&name[..], body]).unwrap();
        assert!(parse_radio(&message).is_err());
        return;
    };
    assert!(legal);
    for membership in [Membership::Join(group.clone()), Membership::Leave(group.clone())] {
        let mut out = BytesMut::new();
        assert_eq!(membership.put(Version::V3_0, &mut out), Err(NoGroups));
        membership.put(Version::V3_1, &mut out).unwrap();
        assert_eq!(Membership::from_command(&command(&out)), Some(membership));
        assert_eq!(Subscription::from_command(&command(&out)), None);
    }
    let message = radio_message(&group, body);
    assert_eq!(parse_radio(&message), Ok((group, Bytes::copy_from_slice(body))));
}

/// Parses exactly one command frame.
fn command(octets: &[u8]) -> Command {
    let header = FrameHeader::parse(octets).unwrap().unwrap();
    assert_eq!(header.kind, FrameKind::Command);
    let body = &octets[header.header_len..];
    assert_eq!(header.body_len, body.len() as u64);
    Command::parse(body, &Limits::default()).unwrap()
}
