//! What a slot's bytes say, if they are whole.

use http::StatusCode;

use super::{Algorithm, Signature, checksum, fields};
use super::{BLOCK, CHECKED, FIXED, Flaw, Kept, LONGEST_NAME, Layout, MAGIC, Payload, Place};
use super::{Slot, VERSION};

/// How far an image goes, as its first block says: not yet to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) layout: Layout,
    pub(crate) length: usize,
}

/// Reads from a first block how much there is to be read.
pub(crate) fn extent(block: &[u8]) -> Result<Extent, Flaw> {
    let fixed = block.get(..FIXED).ok_or(Flaw::Cut)?;
    if !fixed.starts_with(&MAGIC) {
        return Err(Flaw::Magic);
    }
    // What does not make sense here is either torn or damaged: nothing has been checked yet.
    let layout = Layout::with_room(u32_at(fixed, 52)).ok_or(Flaw::Checksum)?;
    let length = usize::try_from(u32_at(fixed, 44)).map_err(|_| Flaw::Checksum)?;
    if length < FIXED || length as u64 > layout.longest() {
        return Err(Flaw::Checksum);
    }
    Ok(Extent { layout, length })
}

/// Reads a slot: the bytes from its magic number on, as many as its [`extent`] says, up to a whole
/// number of blocks.
pub(crate) fn decode(bytes: &[u8]) -> Result<Slot, Flaw> {
    let Extent { layout, length } = extent(bytes)?;
    // From here on the bytes are those that were written.
    let (image, sum) = intact(bytes, length)?;
    if u16_at(image, 40) != VERSION {
        return Err(Flaw::Version(u16_at(image, 40)));
    }
    let flags = u32_at(image, 48);
    if flags != 0 {
        return Err(Flaw::Flags(flags));
    }
    if u64_at(image, 56) != layout.payload() {
        return Err(Flaw::Lengths);
    }
    let mut rest = image.get(usize::from(u16_at(image, 42)).max(FIXED)..).ok_or(Flaw::Lengths)?;
    let mut take = |length: usize| {
        let (taken, left) = rest.split_at_checked(length)?;
        rest = left;
        Some(taken)
    };
    let mut part = |length: usize| take(length).ok_or(Flaw::Lengths);
    let name = part(usize::from(u16_at(image, 116)))?;
    let lines = part(usize::try_from(u32_at(image, 120)).map_err(|_| Flaw::Lengths)?)?;
    let key = part(usize::from(u16_at(image, 118)))?;
    let bytes = part(usize::from(u16_at(image, 124)))?;
    if !rest.is_empty() || name.len() > LONGEST_NAME {
        return Err(Flaw::Lengths);
    }
    let name = std::str::from_utf8(name).map_err(|_| Flaw::Content)?.to_owned();
    let status = StatusCode::from_u16(u16_at(image, 112)).map_err(|_| Flaw::Content)?;
    // What would not be stored is not sent either: a 101 would end the connection, a 304 has no content.
    if !fields::status_fits(status, u64_at(image, 64)) {
        return Err(Flaw::Content);
    }
    let head = Kept { status, fields: fields::parse(lines).ok_or(Flaw::Content)? };
    // A digest by an algorithm that is not known here cannot be checked.
    if image.get(114) != Some(&1) {
        return Err(Flaw::Content);
    }
    let payload =
        Payload { id: array(image, 72), length: u64_at(image, 64), digest: array(image, 128) };
    let place = Place { store: array(image, 96), name };
    Ok(Slot {
        layout,
        payload,
        generation: u64_at(image, 88),
        place,
        head,
        signature: signature(image.get(115).copied().unwrap_or(0), key, bytes)?,
        checksum: sum,
    })
}

/// The slot's own bytes and their checksum, if that is right and what fills the last block is zero.
fn intact(bytes: &[u8], length: usize) -> Result<(&[u8], [u8; 32]), Flaw> {
    let image = bytes.get(..length).ok_or(Flaw::Cut)?;
    let sum = checksum(image);
    if image.get(MAGIC.len()..CHECKED) != Some(sum.as_slice()) {
        return Err(Flaw::Checksum);
    }
    let whole = (length as u64).div_ceil(BLOCK) * BLOCK;
    let padding = usize::try_from(whole).ok().and_then(|whole| bytes.get(length..whole));
    if !is_zero(padding.ok_or(Flaw::Cut)?) {
        return Err(Flaw::Padding);
    }
    Ok((image, sum))
}

/// Less than a block of zeros, compared as a whole.
fn is_zero(padding: &[u8]) -> bool {
    const ZEROS: [u8; 4096] = [0; 4096];
    ZEROS.get(..padding.len()) == Some(padding)
}

fn signature(number: u8, key: &[u8], bytes: &[u8]) -> Result<Option<Signature>, Flaw> {
    if number == 0 {
        return if key.is_empty() && bytes.is_empty() { Ok(None) } else { Err(Flaw::Lengths) };
    }
    let algorithm = Algorithm::of(number).ok_or(Flaw::Content)?;
    if bytes.len() != algorithm.length() {
        return Err(Flaw::Lengths);
    }
    let key = std::str::from_utf8(key).map_err(|_| Flaw::Content)?.to_owned();
    Ok(Some(Signature { algorithm, key, bytes: bytes.to_vec() }))
}

/// The bytes at a place in the fixed part, which is known to be there.
fn array<const N: usize>(image: &[u8], at: usize) -> [u8; N] {
    image.get(at..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
}

fn u16_at(image: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(image, at))
}

fn u32_at(image: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(image, at))
}

fn u64_at(image: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(image, at))
}
