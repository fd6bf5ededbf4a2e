//! Bodies of the fuzz targets, beside the code that they attack.
//!
//! Built only for fuzzing and for the tests, which replay the corpora. Each panics where a
//! promise is broken, and does nothing else.

#![expect(clippy::missing_panics_doc, reason = "to panic is all they are for")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "as in tests"
)]

mod connection;
mod curve;
mod decoder;
mod script;
#[cfg(test)]
mod seeds;
mod subscription;
mod z85;

use bytes::{Bytes, BytesMut};

use crate::command::Command;
use crate::frame::{FrameHeader, put_header};
use crate::greeting::{Greeting, Version};
use crate::limits::Limits;
use crate::message::Message;
use crate::metadata::{Metadata, put_property};
use crate::subscription::{Membership, Subscription};

pub use connection::{connection, plain_client, plain_server};
pub use curve::{curve_client, curve_server};
pub use decoder::decoder_diff;
pub use subscription::subscription;
pub use z85::z85;

/// A greeting that parses can be sent, and reads back as the same.
pub fn greeting(data: &[u8]) {
    let Ok(Some(greeting)) = Greeting::parse(data) else { return };
    assert_eq!(Greeting::parse(&greeting.to_octets()), Ok(Some(greeting)));
}

/// A frame header that parses says what stands there, and its shortest form reads back.
pub fn frame(data: &[u8]) {
    let Ok(Some(header)) = FrameHeader::parse(data) else { return };
    assert!(header.header_len <= data.len());
    assert!(i64::try_from(header.body_len).is_ok());
    let Ok(body_len) = usize::try_from(header.body_len) else { return };
    let mut out = Vec::new();
    put_header(header.kind, body_len, &mut out);
    assert!(out.len() <= header.header_len);
    let again = FrameHeader { header_len: out.len(), ..header };
    assert_eq!(FrameHeader::parse(&out), Ok(Some(again)));
}

/// A command that parses has a name of letters and no more data than its kind allows.
pub fn command(data: &[u8]) {
    let Ok(command) = Command::parse(data, &Limits::default()) else { return };
    match &command {
        Command::Ready(metadata) => {
            let octets: usize =
                metadata.iter().map(|(name, value)| 5 + name.len() + value.len()).sum();
            assert_eq!(data.len(), 6 + octets);
        }
        Command::Error { reason } => assert_eq!(data.len(), 7 + reason.len()),
        Command::Ping { context, .. } => assert_eq!(data.len(), 7 + context.as_octets().len()),
        Command::Pong { context } => assert_eq!(data.len(), 5 + context.as_octets().len()),
        Command::Subscribe { .. } | Command::Cancel { .. } => {
            let mut out = BytesMut::new();
            Subscription::from_command(&command).unwrap().put(Version::V3_1, &mut out);
            assert!(out.ends_with(data));
        }
        Command::Join { .. } | Command::Leave { .. } => {
            let mut out = BytesMut::new();
            Membership::from_command(&command).unwrap().put(Version::V3_1, &mut out).unwrap();
            assert!(out.ends_with(data));
        }
        Command::Other(_) => assert!(data.len() > 1),
    }
}

/// Metadata that parses can be written again, octet for octet.
pub fn metadata(data: &[u8]) {
    let Ok(metadata) = Metadata::parse(Bytes::copy_from_slice(data), &Limits::default()) else {
        return;
    };
    let mut out = BytesMut::new();
    for (name, value) in metadata.iter() {
        put_property(std::str::from_utf8(name).unwrap(), value, &mut out);
    }
    assert_eq!(out, data);
    if let Ok(socket_type) = metadata.socket_type() {
        let _ = metadata.identity(socket_type);
    }
}

/// A message that parses is the frames it is made of, octet for octet if they are in short form.
pub fn roundtrip(data: &[u8]) {
    let frames: Vec<&[u8]> = data.split(|&octet| octet == 0).collect();
    let message = Message::from_frames(&frames).unwrap();
    assert!(message.frames().eq(frames.iter().copied()));
    assert_eq!(Message::from_octets(message.clone().into_bytes()), Ok(message));
    if let Ok(message) = Message::from_octets(Bytes::copy_from_slice(data)) {
        let again = Message::from_frames(message.frames()).unwrap();
        assert!(again.frames().eq(message.frames()));
        assert!(again.as_octets().len() <= data.len());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Runs a target over its corpus, and over an empty input.
    fn replay(target: &str, body: fn(&[u8])) {
        body(&[]);
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
        let mut count = 0;
        for entry in std::fs::read_dir(&corpus).unwrap() {
            body(&std::fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 0, "{} is empty", corpus.display());
    }

    #[test]
    fn corpora_hold_no_surprise() {
        replay("greeting", super::greeting);
        replay("frame", super::frame);
        replay("command", super::command);
        replay("metadata", super::metadata);
        replay("roundtrip", super::roundtrip);
        replay("connection", super::connection);
        replay("plain_server", super::plain_server);
        replay("plain_client", super::plain_client);
        replay("curve_server", super::curve_server);
        replay("curve_client", super::curve_client);
        replay("decoder_diff", super::decoder_diff);
        replay("subscription", super::subscription);
        replay("z85", super::z85);
    }
}
