//! What is written is read, in golden files too, and nothing makes it panic.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, SET_COOKIE};
use http::{HeaderMap, Response, StatusCode};

use super::fields::keepable;
use super::*;
use crate::store::tests::golden;

fn random_head(random: &mut fastrand::Rng) -> Kept {
    let mut fields = HeaderMap::new();
    for _ in 0..random.usize(..12) {
        let name: String = (0..random.usize(1..20)).map(|_| random.lowercase()).collect();
        let name = HeaderName::try_from(name).expect("letters");
        let bytes: Vec<u8> = (0..random.usize(..60))
            .map(|_| *random.choice(b": \t\"a\xff\xe9;=,~".as_slice()).expect("some"))
            .collect();
        if keepable(&name) {
            fields.append(name, HeaderValue::from_bytes(&bytes).expect("visible"));
        }
    }
    // All of these may have content.
    Kept { status: StatusCode::from_u16(random.u16(417..1000)).expect("three digits"), fields }
}

/// An image with zeros behind it, as it stands in a file.
fn padded(image: &[u8]) -> Vec<u8> {
    let block = usize::try_from(BLOCK).expect("small");
    let mut bytes = image.to_vec();
    bytes.resize(image.len().div_ceil(block) * block, 0);
    bytes
}

#[test]
fn what_is_written_is_read() {
    let mut random = fastrand::Rng::with_seed(6);
    let signers = golden::keys();
    for _ in 0..2_000 {
        let head = random_head(&mut random);
        let layout = Layout::with_room(4096 * random.u32(..4)).expect("some room");
        let mut payload = Payload { id: [0; 16], length: random.u64(..), digest: [0; 32] };
        random.fill(&mut payload.id);
        random.fill(&mut payload.digest);
        let name: String = (0..random.usize(..60)).map(|_| random.char(..)).collect();
        let place = Place { store: [random.u8(..); 16], name };
        let draft = ImageInput {
            layout,
            payload: &payload,
            generation: random.u64(..),
            place: &place,
            head: &head,
        };
        let signer = random.choice(&signers).filter(|_| random.u8(..8) == 0);
        let image = encode(&draft, signer.map(|key| key as &dyn Sign));
        if place.name.len() > LONGEST_NAME {
            assert_eq!(image, None);
            continue;
        }
        let image = image.expect("it fits");
        let slot = decode(&padded(&image)).expect("whole");
        assert_eq!((slot.layout, slot.payload), (layout, payload));
        assert_eq!((slot.generation, &slot.place, &slot.head), (draft.generation, &place, &head));
        assert_eq!(slot.signature.map(|s| s.key), signer.map(|key| key.id().to_owned()));
    }
}

#[test]
fn a_head_is_kept_without_what_is_of_one_connection_or_moment() {
    let response = Response::builder()
        .status(203)
        .header("content-type", "text/plain")
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("connection", "x-hop, close")
        .header("x-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-authenticate", "Basic")
        .header("transfer-encoding", "chunked")
        .header("content-length", "7")
        .header("content-range", "bytes 0-6/7")
        .header("trailer", "x-sum")
        .header("te", "trailers")
        .header("upgrade", "h2c")
        .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        .body(())
        .expect("a response");
    let mut head = kept(&response);
    assert_eq!(head.status, 203);
    assert_eq!(
        fields::lines(&head.fields),
        b"content-type: text/plain\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"
    );

    let mut trailers = HeaderMap::new();
    trailers.append("server-timing", HeaderValue::from_static("db;dur=53"));
    trailers.append("server-timing", HeaderValue::from_static("app;dur=47"));
    trailers.append(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    trailers.append(CACHE_CONTROL, HeaderValue::from_static("max-age=1"));
    trailers.append(SET_COOKIE, HeaderValue::from_static("c=3"));
    fold_trailers(&mut head, &trailers);
    let timing: Vec<_> = head.fields.get_all("server-timing").iter().collect();
    assert_eq!(timing, ["db;dur=53", "app;dur=47"]);
    assert_eq!(head.fields.len(), 5);
    assert_eq!(head.fields[CONTENT_TYPE], "text/plain");
}

#[test]
fn only_whole_and_final_responses_are_kept() {
    let fits =
        |status, length| status_fits(StatusCode::from_u16(status).expect("three digits"), length);
    for status in [200, 203, 301, 404, 410, 500, 599] {
        assert!(fits(status, 0) && fits(status, 7), "{status}");
    }
    for status in [100, 101, 103, 206, 304, 416] {
        assert!(!fits(status, 0) && !fits(status, 7), "{status}");
    }
    for status in [204, 205] {
        assert!(fits(status, 0) && !fits(status, 7), "{status}");
    }
}

#[test]
fn lines_are_read_only_as_they_are_written() {
    let check = |lines: &[u8], read: bool| {
        assert_eq!(fields::parse(lines).is_some(), read, "{}", lines.escape_ascii());
    };
    check(b"", true);
    check(b"a: b\r\n", true);
    check(b"a: \r\n", true);
    check(b"a:  b: c \r\na: d\r\n", true);
    for odd in [
        "a: b",
        "a: b\n",
        "A: b\r\n",
        "a:b\r\n",
        "a b: c\r\n",
        ": b\r\n",
        "a: b\r\n\r\n",
        "a: \x01\r\n",
        "a: b\nc\r\n",
        "a: b\rc\r\n",
        "\r\n",
        "connection: close\r\n",
        "content-length: 1\r\n",
    ] {
        check(odd.as_bytes(), false);
    }
}

/// A first block whose image is changed, and its checksum made right again.
fn forged(image: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut image = image.to_vec();
    change(&mut image);
    let sum = checksum(&image);
    image.splice(8..CHECKED, sum);
    padded(&image)
}

#[test]
fn each_flaw_has_a_name() {
    let image = golden::created_image();
    let check = |bytes: &[u8], flaw| assert_eq!(decode(bytes), Err(flaw));
    check(b"", Flaw::Cut);
    check(&padded(&image)[..300], Flaw::Cut);
    check(&[0; 4096], Flaw::Magic);
    let put = |at: usize, bytes: &'static [u8]| {
        forged(&image, move |image| {
            image.splice(at..at + bytes.len(), bytes.iter().copied());
        })
    };
    check(&put(40, &[2, 0]), Flaw::Version(2));
    check(&put(48, &[1, 0, 0, 0x80]), Flaw::Flags(0x8000_0001));
    check(&put(56, &[1]), Flaw::Lengths);
    check(&put(116, &[0xff]), Flaw::Lengths);
    check(&put(120, &[0xff]), Flaw::Lengths);
    check(&put(112, &[0, 0]), Flaw::Content);
    // A 101, a 103, a 206, a 304, and a 204 with content.
    for status in [[101, 0], [103, 0], [206, 0], [48, 1], [204, 0]] {
        let odd = forged(&image, |image| image[112..114].copy_from_slice(&status));
        check(&odd, Flaw::Content);
    }
    check(&put(114, &[2]), Flaw::Content);
    check(&put(115, &[1]), Flaw::Lengths);
    check(&put(115, &[9]), Flaw::Content);
    check(&put(FIXED, b"\xff"), Flaw::Content);
    let mut torn = padded(&image);
    torn[200] ^= 1;
    check(&torn, Flaw::Checksum);
    let mut dirty = padded(&image);
    *dirty.last_mut().expect("a block") = 1;
    check(&dirty, Flaw::Padding);
    // Absurd lengths are not read for, whatever the checksum says.
    check(&put(44, &[0xff; 4]), Flaw::Checksum);
    check(&put(52, &[0xff; 4]), Flaw::Checksum);
}

#[test]
fn a_later_writer_may_add_to_the_fixed_part() {
    let image = golden::created_image();
    let longer = forged(&image, |image| {
        image.splice(FIXED..FIXED, [7; 24]);
        image[42] += 24;
        let length = u32::try_from(image.len()).expect("short");
        image.splice(44..48, length.to_le_bytes());
    });
    let (old, new) = (decode(&padded(&image)).expect("whole"), decode(&longer).expect("whole"));
    assert_eq!((old.head, old.place, old.payload), (new.head, new.place, new.payload));
}

#[test]
fn no_bytes_make_it_panic() {
    let rounds = std::env::var("LETTERHEAD_FUZZ").ok().and_then(|n| n.parse().ok());
    let mut random = fastrand::Rng::with_seed(7);
    let seeds = [golden::created_image(), golden::updated_image()];
    let mut whole = 0_u32;
    for round in 0..rounds.unwrap_or(100_000_u64) {
        let seed = random.choice(&seeds).expect("some");
        let bytes = if round % 4 == 0 {
            let mut bytes = vec![0; random.usize(..700)];
            random.fill(&mut bytes);
            let magic = MAGIC.len().min(bytes.len());
            bytes[..magic].copy_from_slice(&MAGIC[..magic]);
            bytes
        } else {
            // A checksum that is right lets the damage through to what reads the parts.
            forged(seed, |image| {
                for _ in 0..random.usize(1..5) {
                    let at = random.usize(CHECKED..image.len());
                    match random.u8(..4) {
                        0 => image[at] = random.u8(..),
                        1 => image[at] ^= 1 << random.u8(..8),
                        2 => image.truncate(at.max(FIXED)),
                        _ => image.insert(at, random.u8(..)),
                    }
                }
                if random.bool() {
                    let length = u32::try_from(image.len()).expect("short");
                    image.splice(44..48, length.to_le_bytes());
                }
            })
        };
        if let Ok(slot) = decode(&bytes) {
            whole += 1;
            let draft = ImageInput {
                layout: slot.layout,
                payload: &slot.payload,
                generation: slot.generation,
                place: &slot.place,
                head: &slot.head,
            };
            let again = encode(&draft, None).map(|image| decode(&padded(&image)));
            assert_eq!(again.expect("it was one").expect("whole").head, slot.head);
        }
    }
    assert!(whole > 1_000, "{whole} got through");
}
