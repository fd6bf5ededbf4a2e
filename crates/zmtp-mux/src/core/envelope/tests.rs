use zmtp_proto::Message;

use super::*;

fn encode(frames: &[&[u8]]) -> Vec<u8> {
    Message::from_frames(frames).unwrap().as_octets().to_vec()
}

fn frames(outgoing: &Outgoing<'_>) -> Vec<Vec<u8>> {
    let mut octets = Vec::new();
    outgoing.put_lead(&mut octets);
    octets.extend_from_slice(outgoing.tail());
    assert_eq!(octets.len(), outgoing.len());
    let message = Message::from_octets(Bytes::from(octets)).unwrap();
    message.frames().map(<[u8]>::to_vec).collect()
}

/// mux:envelope:address-swapped, mux:envelope:rest-unchanged, 28:router:prefix-source,
/// 28:router:first-frame-selects.
#[test]
fn swaps_the_first_frame_and_touches_nothing_else() {
    let long = vec![7; 300];
    let message = encode(&[b"dst", b"", &long, b"x", b""]);
    let envelope = open(&message).unwrap();
    assert_eq!(envelope.address, b"dst");
    let source = Arc::new(Shown::new(b"src"));
    let outgoing = Outgoing::new(&source, envelope.rest);
    assert_eq!(frames(&outgoing), [&b"src"[..], b"", &long, b"x", b""]);
    // The rest is the very octets, wherever they came in another form than ours.
    let odd = b"\x03\0\0\0\0\0\0\0\x01d\x02\0\0\0\0\0\0\0\x01x";
    let envelope = open(odd).unwrap();
    assert_eq!(envelope.address, b"d");
    assert_eq!(Outgoing::new(&Arc::new(Shown::new(b"src")), envelope.rest).tail(), &odd[10..]);
}

/// mux:envelope:single-frame-dropped.
#[test]
fn a_single_frame_has_no_address() {
    for body in [&b""[..], b"dst"] {
        assert_eq!(open(&encode(&[body])), Err(NoAddress::SingleFrame));
        assert_eq!(open_req(&encode(&[body])), Err(NoAddress::SingleFrame));
    }
}

/// mux:req:address-after-delimiter, mux:req:request-malformed, 28:req:delimiter.
#[test]
fn the_address_of_a_req_stands_behind_the_delimiter() {
    let read = |message: &[&[u8]]| {
        let message = encode(message);
        open_req(&message).map(|envelope| {
            (
                envelope.address.to_vec(),
                frames(&Outgoing::new(&Arc::new(Shown::new(b"src")), envelope.rest)),
            )
        })
    };
    let ok = |address: &[u8], out: &[&[u8]]| {
        Ok((address.to_vec(), out.iter().map(|frame| frame.to_vec()).collect::<Vec<_>>()))
    };
    assert_eq!(read(&[b"", b"dst", b"a", b""]), ok(b"dst", &[b"src", b"", b"a", b""]));
    assert_eq!(read(&[b"id", b"", b"dst", b"a"]), ok(b"dst", &[b"src", b"id", b"", b"a"]));
    assert_eq!(read(&[b"", b"dst"]), ok(b"dst", &[b"src", b""]));
    assert_eq!(read(&[b"id", b"", b"dst"]), ok(b"dst", &[b"src", b"id", b""]));
    assert_eq!(read(&[b"", b"", b"x"]), ok(b"", &[b"src", b"", b"x"]));
    let malformed: [&[&[u8]]; 4] = [
        &[b"id", b"dst", b"body"],
        &[b"id", b""],
        &[b"one", b"two", b"", b"dst"],
        &[&[1; 256], b"", b"dst"],
    ];
    for message in malformed {
        assert_eq!(read(message), Err(NoAddress::Malformed), "{message:?}");
    }
}

/// mux:req:answer-form, mux:req:lock-step-prefix.
#[test]
fn an_answer_begins_with_exactly_what_the_request_began_with() {
    let read = |rest: &[&[u8]], id: Option<&[u8]>| {
        let rest = encode(rest);
        as_answer(Rest::Opaque(&rest), id)
            .map(|answer| frames(&Outgoing::answer(&Arc::new(Shown::new(b"src")), answer)))
    };
    let some = |out: &[&[u8]]| Some(out.iter().map(|frame| frame.to_vec()).collect::<Vec<_>>());
    assert_eq!(read(&[b"", b"a", b""], None), some(&[b"", b"src", b"a", b""]));
    assert_eq!(read(&[b""], None), some(&[b"", b"src"]));
    assert_eq!(read(&[b"id", b"", b"a"], Some(b"id")), some(&[b"id", b"", b"src", b"a"]));
    assert_eq!(read(&[b"id", b""], Some(b"id")), some(&[b"id", b"", b"src"]));
    assert_eq!(read(&[b"a"], None), None);
    assert_eq!(read(&[b"id", b"", b"a"], None), None);
    assert_eq!(read(&[b"", b"a"], Some(b"id")), None);
    assert_eq!(read(&[b"ID", b"", b"a"], Some(b"id")), None);
    assert_eq!(read(&[b"id", b"a", b""], Some(b"id")), None);
    let from_req = Rest::Delimited(Delimited { id: None, body: b"\0\x01x" });
    assert_eq!(as_answer(from_req, Some(b"id")), None);
    assert!(as_answer(from_req, None).is_some());
}
