//! Octets as they stand on the wire, right and wrong.

/// Returns a greeting of ZMTP 3.1 with this mechanism.
#[must_use]
pub fn greeting(mechanism: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; 64];
    octets[0] = 0xFF;
    octets[9] = 0x7F;
    octets[10] = 3;
    octets[11] = 1;
    octets[12..12 + mechanism.len()].copy_from_slice(mechanism);
    octets
}

/// Returns a frame with these flags, in the form that they ask for.
#[must_use]
pub fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut octets = vec![flags];
    if flags & LONG == 0 {
        octets.push(u8::try_from(body.len()).expect("a short body"));
    } else {
        octets.extend((body.len() as u64).to_be_bytes());
    }
    octets.extend(body);
    octets
}

/// Returns the header of a long frame of this size, and no body.
#[must_use]
pub fn long_header(flags: u8, size: u64) -> Vec<u8> {
    let mut octets = vec![flags | LONG];
    octets.extend(size.to_be_bytes());
    octets
}

/// Returns a message of these frames, in their shortest form.
#[must_use]
pub fn message(frames: &[&[u8]]) -> Vec<u8> {
    let mut octets = Vec::new();
    for (place, body) in frames.iter().enumerate() {
        let more = if place + 1 == frames.len() { 0 } else { MORE };
        let long = if body.len() > 255 { LONG } else { 0 };
        octets.extend(frame(more | long, body));
    }
    octets
}

/// Returns a command frame.
#[must_use]
pub fn command(name: &str, data: &[u8]) -> Vec<u8> {
    let mut body = vec![u8::try_from(name.len()).expect("a short name")];
    body.extend(name.as_bytes());
    body.extend(data);
    frame(if body.len() > 255 { COMMAND | LONG } else { COMMAND }, &body)
}

/// Returns a property of a READY.
#[must_use]
pub fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let mut octets = vec![u8::try_from(name.len()).expect("a short name")];
    octets.extend(name.as_bytes());
    octets.extend(u32::try_from(value.len()).expect("a short value").to_be_bytes());
    octets.extend(value);
    octets
}

/// Returns the properties that every READY here has.
#[must_use]
pub fn properties(socket_type: &str, identity: &[u8]) -> Vec<u8> {
    [property("Socket-Type", socket_type.as_bytes()), property("Identity", identity)].concat()
}

/// Returns a READY.
#[must_use]
pub fn ready(socket_type: &str, identity: &[u8]) -> Vec<u8> {
    command("READY", &properties(socket_type, identity))
}

/// Returns a good greeting and a READY.
#[must_use]
pub fn opening(socket_type: &str, identity: &[u8]) -> Vec<u8> {
    [greeting(b"NULL"), ready(socket_type, identity)].concat()
}

/// Returns a PING with a time to live in tenths of a second.
#[must_use]
pub fn ping(ttl: u16, context: &[u8]) -> Vec<u8> {
    command("PING", &[&ttl.to_be_bytes(), context].concat())
}

/// The flag of a frame that another one follows.
pub const MORE: u8 = 1;
/// The flag of a frame whose size takes eight octets.
pub const LONG: u8 = 2;
/// The flag of a command.
pub const COMMAND: u8 = 4;
