//! Files that were written once and have to be read for ever, and how they were made.

use std::path::PathBuf;

use http::{Response, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::store::format::{ImageInput, Kept, Layout, Payload, Place, Sign, encode, kept};
use crate::store::sign::SigningKey;

pub(in crate::store) const PAYLOAD: &[u8] = b"Salvete, capita servata.\n";

/// The names of the files, with what they say.
pub(in crate::store) const NAMES: [&str; 3] = ["created", "updated", "between"];

/// The keys that sign what the tests write: anybody may have them.
pub(in crate::store) fn keys() -> [SigningKey; 2] {
    let p384 = SigningKey::ecdsa_p384("golden-p384", &[5; 48]).expect("below the order");
    [SigningKey::ed25519("golden-ed25519", &[4; 32]), p384]
}

pub(in crate::store) fn payload() -> Payload {
    let digest = Sha256::digest(PAYLOAD).into();
    Payload { id: *b"golden payload 1", length: PAYLOAD.len() as u64, digest }
}

pub(in crate::store) fn place() -> Place {
    Place { store: *b"the golden store", name: "salvete.txt".to_owned() }
}

fn first_head() -> Kept {
    kept(
        &Response::builder()
            .header("content-type", "text/plain; charset=utf-8")
            .header("cache-control", "max-age=3600")
            .header("x-latin", http::HeaderValue::from_bytes(b"caf\xe9").expect("obs-text"))
            .body(())
            .expect("a head"),
    )
}

/// Longer than a block, so that it goes on behind the two first ones.
fn second_head() -> Kept {
    let mut head = first_head();
    head.status = StatusCode::NON_AUTHORITATIVE_INFORMATION;
    for line in 0..70 {
        let value = format!("line {line} of a head that is longer than one block of 4096 bytes");
        head.fields.append("x-long", value.try_into().expect("text"));
    }
    head
}

fn image(room: u32, generation: u64, head: &Kept, signer: Option<&dyn Sign>) -> Vec<u8> {
    let layout = Layout::with_room(room).expect("some room");
    let (payload, place) = (payload(), place());
    let draft = ImageInput { layout, payload: &payload, generation, place: &place, head };
    encode(&draft, signer).expect("it fits")
}

pub(in crate::store) fn created_image() -> Vec<u8> {
    image(0, 1, &first_head(), None)
}

pub(in crate::store) fn updated_image() -> Vec<u8> {
    image(4096, 2, &second_head(), Some(&keys()[0]))
}

/// A whole file with these two slots.
pub(in crate::store) fn file(room: u32, slots: [&[u8]; 2]) -> Vec<u8> {
    let layout = Layout::with_room(room).expect("some room");
    let at = |offset| usize::try_from(offset).expect("small");
    let mut file = vec![0; at(layout.payload())];
    for (which, image) in slots.into_iter().enumerate() {
        let (first, rest) = image.split_at(image.len().min(4096));
        let start = at(Layout::first(which));
        file[start..start + first.len()].copy_from_slice(first);
        let start = at(layout.rest(which));
        file[start..start + rest.len()].copy_from_slice(rest);
    }
    file.extend_from_slice(PAYLOAD);
    file
}

/// The file of this name as it would be written today.
fn made(name: &str) -> Vec<u8> {
    match name {
        "created" => file(0, [&created_image(), &created_image()]),
        "updated" => file(4096, [&updated_image(), &updated_image()]),
        // Stopped between the two writes of an update.
        _ => {
            let key = &keys()[1];
            let first = image(4096, 1, &first_head(), Some(key));
            let second = image(4096, 2, &second_head(), Some(key));
            file(4096, [&first, &second])
        }
    }
}

fn path(name: &str) -> PathBuf {
    let root = PathBuf::from(".");
    root.join("tests/store/golden").join(name).with_extension("head")
}

/// The golden file of this name.
pub(in crate::store) fn golden(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).expect("a golden file")
}

#[test]
fn today_the_same_bytes_are_written() {
    for name in NAMES {
        let made = made(name);
        if std::env::var_os("LETTERHEAD_BLESS").is_some() {
            std::fs::write(path(name), &made).expect("written");
        }
        assert!(golden(name) == made, "{name}.head is written otherwise now");
    }
}

/// Two heads of one generation.
pub(in crate::store) fn rivals() -> [Vec<u8>; 2] {
    let mut other = first_head();
    other.status = StatusCode::GONE;
    [image(0, 3, &first_head(), None), image(0, 3, &other, None)]
}
