//! Signatures by both algorithms, and every way in which one is not believed.

use sha2::Digest as _;

use super::*;
use crate::store::format::{ImageInput, Kept, Layout, decode, encode};
use crate::store::tests::golden;

fn signed_by(key: Option<&SigningKey>, change: impl FnOnce(&mut Vec<u8>)) -> (Slot, Vec<u8>) {
    let (payload, place) = (golden::payload(), golden::place());
    let head = Kept { status: http::StatusCode::OK, fields: http::HeaderMap::new() };
    let layout = Layout::with_room(0).expect("none");
    let draft = ImageInput { layout, payload: &payload, generation: 7, place: &place, head: &head };
    let mut image = encode(&draft, key.map(|key| key as &dyn Sign)).expect("it fits");
    change(&mut image);
    let sum: [u8; 32] = sha2::Sha256::digest(&image[40..]).into();
    image.splice(8..40, sum);
    let mut block = image.clone();
    block.resize(4096, 0);
    (decode(&block).expect("whole"), image)
}

fn judge(ring: &KeyRing, unsigned: Unsigned, signed: &(Slot, Vec<u8>)) -> String {
    match ring.judge(&signed.0, &signed.1, unsigned) {
        Ok(signed) => signed.to_string(),
        Err(distrust) => format!("{distrust:?}"),
    }
}

#[test]
fn a_signature_is_believed_by_key_and_content() {
    for key in golden::keys() {
        let other = SigningKey::ed25519(key.id(), &[9; 32]);
        let ring = KeyRing::new().trust(key.verifying_key());
        let by = format!("signed by {}", key.id());
        let forged = format!("Forged({:?})", key.id());
        let refused = Unsigned::Refused;
        assert_eq!(judge(&ring, refused, &signed_by(Some(&key), |_| ())), by);
        // Somebody else's signature under this id.
        assert_eq!(judge(&ring, refused, &signed_by(Some(&other), |_| ())), forged);
        // Each byte that counts, changed, with a checksum that is right.
        let length = signed_by(Some(&key), |_| ()).1.len();
        for at in (64..72)
            .chain(72..96)
            .chain([96, 111, 112, 128, 159, 160, 170])
            .chain(length - 8..length)
        {
            let changed = signed_by(Some(&key), |image| image[at] ^= 1);
            assert_eq!(judge(&ring, refused, &changed), forged, "byte {at}");
        }
    }
}

#[test]
fn who_is_believed_depends_on_ring_and_policy() {
    let [ed25519, p384] = golden::keys();
    let unsigned = signed_by(None, |_| ());
    let signed = signed_by(Some(&ed25519), |_| ());
    let (allowed, refused) = (Unsigned::Allowed, Unsigned::Refused);
    let empty = KeyRing::new();
    assert_eq!(judge(&empty, allowed, &unsigned), "unsigned");
    assert_eq!(judge(&empty, refused, &unsigned), "Unsigned");
    assert_eq!(judge(&empty, allowed, &signed), "signed by golden-ed25519, not checked");
    assert_eq!(judge(&empty, refused, &signed), "UnknownKey(\"golden-ed25519\")");
    let other = KeyRing::new().sign_with(p384);
    assert_eq!(judge(&other, allowed, &unsigned), "unsigned");
    assert_eq!(judge(&other, allowed, &signed), "UnknownKey(\"golden-ed25519\")");
    let both = other.trust(ed25519.verifying_key());
    assert_eq!(judge(&both, refused, &signed), "signed by golden-ed25519");
    assert_eq!(both.trusted().collect::<Vec<_>>(), ["golden-p384", "golden-ed25519"]);
}

#[test]
fn a_key_of_the_other_algorithm_does_not_fit() {
    let [ed25519, p384] = golden::keys();
    let same_id = SigningKey::ecdsa_p384(ed25519.id(), &[5; 48]).expect("a scalar");
    let ring = KeyRing::new().trust(same_id.verifying_key());
    let signed = signed_by(Some(&ed25519), |_| ());
    assert_eq!(judge(&ring, Unsigned::Refused, &signed), "Forged(\"golden-ed25519\")");
    assert_eq!(p384.algorithm(), Algorithm::EcdsaP384);
}

#[test]
fn public_keys_are_read_and_odd_ones_are_not() {
    let [ed25519, p384] = golden::keys();
    let Secret::Ed25519(key) = &ed25519.secret else { panic!("ed25519") };
    let read = VerifyingKey::ed25519("golden-ed25519", key.verifying_key().as_bytes());
    let ring = KeyRing::new().trust(read.expect("a point"));
    let signed = signed_by(Some(&ed25519), |_| ());
    assert_eq!(judge(&ring, Unsigned::Refused, &signed), "signed by golden-ed25519");
    let Secret::EcdsaP384(key) = &p384.secret else { panic!("p384") };
    let point = key.verifying_key().to_sec1_point(true);
    let read = VerifyingKey::ecdsa_p384("golden-p384", point.as_bytes());
    let ring = KeyRing::new().trust(read.expect("a point"));
    let signed = signed_by(Some(&p384), |_| ());
    assert_eq!(judge(&ring, Unsigned::Refused, &signed), "signed by golden-p384");
    // The neutral element, which would verify what nobody signed.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    assert!(VerifyingKey::ed25519("x", &neutral).is_none());
    assert!(VerifyingKey::ecdsa_p384("x", &[0; 97]).is_none());
    assert!(SigningKey::ecdsa_p384("x", &[0; 48]).is_none());
    assert!(SigningKey::ecdsa_p384("x", &[0xff; 48]).is_none());
}

#[test]
fn no_key_is_printed() {
    let [ed25519, _] = golden::keys();
    assert_eq!(format!("{ed25519:?}"), "SigningKey(golden-ed25519, ed25519)");
    let ring = format!("{:?}", KeyRing::new().sign_with(ed25519));
    assert!(!ring.contains("4, 4"), "{ring}");
}
