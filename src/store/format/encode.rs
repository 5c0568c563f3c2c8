//! A slot's image from what it says.

use super::{Algorithm, checksum, fields, signed};
use super::{CHECKED, FIXED, Kept, LONGEST_NAME, Layout, MAGIC, Payload, Place, VERSION};

/// All that goes into an image but the signature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageInput<'a> {
    pub(crate) layout: Layout,
    pub(crate) payload: &'a Payload,
    pub(crate) generation: u64,
    pub(crate) place: &'a Place,
    pub(crate) head: &'a Kept,
}

/// Whoever can sign: the algorithm, the key's id, and the signature of a message.
pub(crate) trait Sign {
    fn algorithm(&self) -> Algorithm;
    fn key(&self) -> &str;
    fn sign(&self, message: &[u8]) -> Vec<u8>;
}

/// The image, from its magic number to its signature; `None` if a part is longer than its length can
/// tell.
pub(crate) fn encode(draft: &ImageInput<'_>, signer: Option<&dyn Sign>) -> Option<Vec<u8>> {
    let lines = fields::lines(&draft.head.fields);
    let name = draft.place.name.as_bytes();
    let (number, key, signature) = match signer {
        Some(signer) => {
            (signer.algorithm().number(), signer.key().as_bytes(), signer.algorithm().length())
        }
        None => (0, &[][..], 0),
    };
    if name.len() > LONGEST_NAME {
        return None;
    }
    let length = FIXED + name.len() + lines.len() + key.len() + signature;
    let mut image = Vec::with_capacity(length);
    image.extend_from_slice(&MAGIC);
    image.resize(CHECKED, 0);
    image.extend_from_slice(&VERSION.to_le_bytes());
    image.extend_from_slice(&u16::try_from(FIXED).ok()?.to_le_bytes());
    image.extend_from_slice(&u32::try_from(length).ok()?.to_le_bytes());
    // Flags that a reader has to know: none yet.
    image.extend_from_slice(&0_u32.to_le_bytes());
    image.extend_from_slice(&draft.layout.room().to_le_bytes());
    image.extend_from_slice(&draft.layout.payload().to_le_bytes());
    image.extend_from_slice(&draft.payload.length.to_le_bytes());
    image.extend_from_slice(&draft.payload.id);
    image.extend_from_slice(&draft.generation.to_le_bytes());
    image.extend_from_slice(&draft.place.store);
    image.extend_from_slice(&draft.head.status.as_u16().to_le_bytes());
    // The digest is SHA-256.
    image.push(1);
    image.push(number);
    image.extend_from_slice(&u16::try_from(name.len()).ok()?.to_le_bytes());
    image.extend_from_slice(&u16::try_from(key.len()).ok()?.to_le_bytes());
    image.extend_from_slice(&u32::try_from(lines.len()).ok()?.to_le_bytes());
    image.extend_from_slice(&u16::try_from(signature).ok()?.to_le_bytes());
    image.extend_from_slice(&[0; 2]);
    image.extend_from_slice(&draft.payload.digest);
    image.extend_from_slice(name);
    image.extend_from_slice(&lines);
    image.extend_from_slice(key);
    if let Some(signer) = signer {
        let bytes = signer.sign(&signed(&image, 0));
        if bytes.len() != signature {
            return None;
        }
        image.extend_from_slice(&bytes);
    }
    let sum = checksum(&image);
    image.splice(MAGIC.len()..CHECKED, sum);
    Some(image)
}
