//! The head of a stored file: never a panic, nothing believed but what the guide describes, nothing
//! changed that is still believed, and of two slots always the right one.
//!
//! What reads a head is pure and private to the crate, so it is compiled into this target.
#![no_main]
#![allow(
    dead_code,
    unused_imports,
    reason = "a part of the crate, and not all of that is used here"
)]

use std::convert::Infallible;

use http::{HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use sha2::{Digest as _, Sha256};
use store::format::{Algorithm, ImageInput, Layout, Sign, Slot, encode};
use store::slots::{Held, Raw, Slots};

#[path = "../../src/field/mod.rs"]
mod field;
#[path = "../../src/store"]
mod store {
    pub(crate) mod format;
    pub(crate) mod slots;
}

const GOLDEN: [&[u8]; 3] = [
    include_bytes!("../../tests/store/golden/created.head"),
    include_bytes!("../../tests/store/golden/updated.head"),
    include_bytes!("../../tests/store/golden/between.head"),
];

const BLOCK: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let Some((&mode, edits)) = data.split_first() else { return };
    let golden = GOLDEN[usize::from(mode) % 3];
    let mut file = golden.to_vec();
    let is_forged = mode & 0xc0 != 0;
    if mode & 0x20 == 0 {
        edit(&mut file, edits);
    } else {
        // The bytes are an image, as far as they go.
        let end = (BLOCK * usize::from(mode >> 4 & 1) + 40 + edits.len()).min(file.len());
        file[end - edits.len()..end].copy_from_slice(edits);
    }
    for (slot, bit) in [(0, 0x40), (1, 0x80)] {
        if mode & bit != 0 {
            forge(&mut file, slot);
        }
    }
    check(&file, golden, is_forged);
});

/// Each six bytes are one change: what is done, where, and a byte.
fn edit(file: &mut Vec<u8>, edits: &[u8]) {
    for edit in edits.chunks_exact(6) {
        let at = u32::from_le_bytes([edit[1], edit[2], edit[3], edit[4]]) as usize;
        if file.is_empty() {
            return;
        }
        let near = at % file.len();
        match edit[0] % 8 {
            0 => file[near] = edit[5],
            1 => file[near] ^= 1 << (edit[5] % 8),
            // Most of what is said stands in the first bytes of a slot.
            2 => flip(file, at % 400, edit[5]),
            3 => flip(file, BLOCK + at % 400, edit[5]),
            4 => file.truncate(near),
            5 => file.extend(std::iter::repeat_n(edit[5], at % 5000)),
            // One slot over the other, a sector of one over that of the other.
            6 if file.len() >= 2 * BLOCK => file.copy_within(..BLOCK, BLOCK),
            7 if file.len() >= 2 * BLOCK => {
                let sector = at % 8 * 512;
                file.copy_within(BLOCK + sector..BLOCK + sector + 512, sector);
            }
            _ => {}
        }
    }
}

fn flip(file: &mut [u8], at: usize, byte: u8) {
    if let Some(found) = file.get_mut(at) {
        *found = byte;
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let mut number = [0; 8];
    number[..N].copy_from_slice(bytes.get(at..at + N)?);
    Some(u64::from_le_bytes(number))
}

/// Where the bytes of an image stand that is so long.
fn places(slot: usize, room: usize, length: usize) -> [std::ops::Range<usize>; 2] {
    let first = slot * BLOCK;
    let rest = 2 * BLOCK + slot * room;
    [first..first + length.min(BLOCK), rest..rest + length.saturating_sub(BLOCK)]
}

/// The image in a slot, and what is behind it up to a whole block; `None` where there is no room for it.
fn image(file: &[u8], slot: usize) -> Option<(Vec<u8>, Vec<u8>)> {
    let block = file.get(slot * BLOCK..)?;
    let (length, room) = (number::<4>(block, 44)? as usize, number::<4>(block, 52)? as usize);
    if room % BLOCK != 0 || room > 1 << 20 || length < 160 || length > BLOCK + room {
        return None;
    }
    let whole = length.div_ceil(BLOCK) * BLOCK;
    let mut bytes = Vec::new();
    for place in places(slot, room, whole).into_iter().filter(|place| !place.is_empty()) {
        bytes.extend_from_slice(file.get(place)?);
    }
    let padding = bytes.split_off(length);
    Some((bytes, padding))
}

/// Makes the checksum of a slot right.
fn forge(file: &mut [u8], slot: usize) {
    if let Some((image, _)) = image(file, slot) {
        let sum = Sha256::digest(&image[40..]);
        file[slot * BLOCK + 8..slot * BLOCK + 40].copy_from_slice(&sum);
    }
}

/// What a slot says by the guide; `None`: it is not to be believed.
struct Said {
    image: Vec<u8>,
    generation: u64,
    status: u64,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    signature: Vec<u8>,
    /// What is the same in both slots of a file.
    fixed: Vec<u8>,
}

/// A second reader, made from the guide.
fn said(file: &[u8], slot: usize) -> Option<Said> {
    let (image, padding) = image(file, slot)?;
    let at2 = |at| number::<2>(&image, at).map(|number| number as usize);
    if !image.starts_with(b"\x89LHD\r\n\x1a\n")
        || image[8..40] != Sha256::digest(&image[40..])[..]
        || padding.iter().any(|byte| *byte != 0)
        || at2(40)? != 1
        || number::<4>(&image, 48)? != 0
        || number::<8>(&image, 56)? != 8192 + 2 * number::<4>(&image, 52)?
        || image[114] != 1
    {
        return None;
    }
    let lengths = [at2(116)?, number::<4>(&image, 120)? as usize, at2(118)?, at2(124)?];
    let mut at = at2(42)?.max(160);
    let mut parts = Vec::new();
    for length in lengths {
        parts.push(image.get(at..at + length)?);
        at += length;
    }
    let [name, lines, key, signature] = parts[..] else { return None };
    let algorithm =
        [Some(0), Some(64), Some(96)].get(usize::from(image[115])).copied().flatten()?;
    let is_signed = image[115] != 0;
    if at != image.len() || name.len() > 255 || signature.len() != algorithm {
        return None;
    }
    if !is_signed && !key.is_empty() {
        return None;
    }
    std::str::from_utf8(name).ok().and(std::str::from_utf8(key).ok())?;
    let status = number::<2>(&image, 112)?;
    // Of a whole response, and of one with content only where there may be some.
    match status {
        206 | 304 | 416 => return None,
        204 | 205 if number::<8>(&image, 64)? > 0 => return None,
        200..1000 => {}
        _ => return None,
    }
    let fixed =
        [&image[52..88], &image[96..112], &image[114..115], &image[128..160], name].concat();
    Some(Said {
        generation: number::<8>(&image, 88)?,
        status,
        fields: fields(lines)?,
        signature: signature.to_vec(),
        fixed,
        image,
    })
}

const NOT_KEPT: [&str; 9] = [
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "content-length",
    "content-range",
    "date",
];

fn fields(lines: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let text: String = lines.iter().map(|byte| char::from(*byte)).collect();
    let mut fields = Vec::new();
    if text.is_empty() {
        return Some(fields);
    }
    for line in text.strip_suffix("\r\n")?.split("\r\n") {
        let (name, value) = line.split_once(": ")?;
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let is_name =
            !name.is_empty() && name.chars().all(|c| is_token(c) && !c.is_ascii_uppercase());
        let is_value = value.chars().all(|c| c == '\t' || (c >= ' ' && c != '\x7f'));
        if !is_name || !is_value || NOT_KEPT.contains(&name) || name.starts_with("proxy-") {
            return None;
        }
        let bytes = |text: &str| text.chars().map(|c| c as u8).collect::<Vec<u8>>();
        fields.push((bytes(name), bytes(value)));
    }
    Some(fields)
}

fn read(file: &[u8]) -> Slots {
    let Ok(raw) = Raw::read(|offset, length| {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(file.len());
        let end = start.saturating_add(length).min(file.len());
        Ok::<_, Infallible>(file[start..end].to_vec())
    });
    raw.judge()
}

/// A signature that is there already.
struct Given<'a>(&'a Slot);

impl Sign for Given<'_> {
    fn algorithm(&self) -> Algorithm {
        self.0.signature.as_ref().expect("it has one").algorithm
    }

    fn key(&self) -> &str {
        &self.0.signature.as_ref().expect("it has one").key
    }

    fn sign(&self, _: &[u8]) -> Vec<u8> {
        self.0.signature.as_ref().expect("it has one").bytes.clone()
    }
}

fn check(file: &[u8], golden: &[u8], is_forged: bool) {
    let both = [said(file, 0), said(file, 1)];
    let slots = read(file);
    let expected = match &both {
        [None, None] => None,
        [Some(_), None] => Some(0),
        [None, Some(_)] => Some(1),
        [Some(first), Some(second)] if first.fixed != second.fixed => None,
        [Some(first), Some(second)] => match first.generation.cmp(&second.generation) {
            std::cmp::Ordering::Greater => Some(0),
            std::cmp::Ordering::Less => Some(1),
            std::cmp::Ordering::Equal => (first.image == second.image).then_some(0),
        },
    };
    let is_equal = matches!(slots, Slots::Equal(_));
    let held = slots.clone().into_held();
    assert_eq!(held.as_ref().map(|held| held.at), expected, "{slots:?}");
    let Some(held) = held else { return };
    let said = both[held.at].as_ref().expect("it holds");
    assert_eq!(is_equal, both.iter().flatten().filter(|s| s.image == said.image).count() == 2);
    same(&held, said);
    again(&held, said);
    if !is_forged {
        let images = [image(golden, 0), image(golden, 1)];
        let is_golden = images.iter().flatten().any(|(image, _)| *image == held.image);
        assert!(is_golden, "changed, and still believed");
    }
}

/// What was read is what the guide says that it is.
fn same(held: &Held, said: &Said) {
    let slot = &held.slot;
    assert_eq!(held.image, said.image);
    assert_eq!(
        (slot.generation, u64::from(slot.head.status.as_u16())),
        (said.generation, said.status)
    );
    assert_eq!(grouped(&said.fields), lines(slot));
    let signature = slot.signature.as_ref().map(|s| s.bytes.clone()).unwrap_or_default();
    assert_eq!(signature, said.signature);
    assert!(slot.file_length() >= slot.layout.payload());
}

fn lines(slot: &Slot) -> Vec<(Vec<u8>, Vec<u8>)> {
    let bytes = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().as_bytes().to_vec(), value.as_bytes().to_vec())
    };
    slot.head.fields.iter().map(bytes).collect()
}

/// Fields of one name stand together, where the first of them was.
fn grouped(fields: &[(Vec<u8>, Vec<u8>)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut sorted = fields.to_vec();
    sorted.sort_by_key(|field| fields.iter().position(|first| first.0 == field.0));
    sorted
}

/// Written again it is the same, to the byte where it was written as this crate does.
fn again(held: &Held, said: &Said) {
    let slot = &held.slot;
    let draft = ImageInput {
        layout: slot.layout,
        payload: &slot.payload,
        generation: slot.generation,
        place: &slot.place,
        head: &slot.head,
    };
    let given = Given(slot);
    let signer = slot.signature.as_ref().map(|_| &given as &dyn Sign);
    let image = encode(&draft, signer).expect("it was one");
    let is_plain = said.image[42..44] == 160_u16.to_le_bytes() && said.image[126..128] == [0; 2];
    if is_plain && grouped(&said.fields) == said.fields {
        assert_eq!(image, said.image, "written otherwise");
    }
    let file = file_of(slot.layout, &image);
    let Slots::One(twice, _) = read(&file) else { panic!("not read again: {:?}", read(&file)) };
    let mut slot = slot.clone();
    slot.checksum = twice.slot.checksum;
    assert_eq!(slot, twice.slot);
}

/// A file whose first slot is this.
fn file_of(layout: Layout, image: &[u8]) -> Vec<u8> {
    let mut file = vec![0; usize::try_from(layout.payload()).expect("small")];
    let rest = usize::try_from(layout.rest(0)).expect("small");
    let (first, beyond) = image.split_at(image.len().min(BLOCK));
    file[..first.len()].copy_from_slice(first);
    file[rest..rest + beyond.len()].copy_from_slice(beyond);
    file
}
