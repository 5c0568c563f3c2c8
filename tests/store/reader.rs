//! A reader in another language, written by the guide alone, reads the same.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::tools::run;

fn here(name: &str) -> PathBuf {
    Path::new("tests/store").join(name)
}

/// What the reader says of a file: JSON, or why not.
pub(crate) fn read(path: &Path) -> Option<Result<Value, String>> {
    let (reader, path) = (here("reader.py"), path.to_str().unwrap());
    let output = run("python3", &[reader.to_str().unwrap(), path])?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Some(if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(text(&output.stderr))
    })
}

fn check(name: &str, generation: u64, status: u16, fields: usize, key: &str, signature: u64) {
    let Some(read) = read(&here("golden").join(name).with_extension("head")) else { return };
    let said = read.unwrap();
    assert_eq!(said["generation"], generation, "{name}");
    assert_eq!(said["status"], status, "{name}");
    assert_eq!(said["fields"].as_array().unwrap().len(), fields, "{name}");
    assert_eq!(said["fields"][2], serde_json::json!(["x-latin", "caf\u{e9}"]), "{name}");
    assert_eq!(said["name"], "salvete.txt", "{name}");
    assert_eq!(said["payload"], "Salvete, capita servata.\n", "{name}");
    assert_eq!((&said["key"], &said["signature"]), (&key.into(), &signature.into()), "{name}");
    assert_eq!(said["slots"], serde_json::json!(["whole", "whole"]), "{name}");
}

#[test]
fn golden_files_are_read_by_the_guide_alone() {
    check("created", 1, 200, 3, "", 0);
    check("updated", 2, 203, 73, "golden-ed25519", 64);
    check("between", 2, 203, 73, "golden-p384", 96);
}

#[test]
fn damage_is_seen_by_the_guide_alone() {
    let directory = std::env::temp_dir().join(format!("letterhead-reader-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let golden = std::fs::read(here("golden/created.head")).unwrap();
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let path = directory.join("damaged");
        let mut bytes = golden.clone();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        read(&path)
    };
    let said = [
        damaged(&|bytes| bytes[170] ^= 1),
        damaged(&|bytes| {
            bytes[170] ^= 1;
            bytes[4096 + 170] ^= 1;
        }),
        damaged(&|bytes| bytes.truncate(bytes.len() - 1)),
        damaged(&|bytes| *bytes.last_mut().unwrap() ^= 1),
        damaged(&|bytes| bytes.truncate(4000)),
    ];
    std::fs::remove_dir_all(&directory).unwrap();
    let Some(said) = said.into_iter().collect::<Option<Vec<_>>>() else { return };
    let [one, both, short, payload, cut] = said.try_into().unwrap();
    assert_eq!(one.unwrap()["slots"], serde_json::json!(["damaged", "whole"]));
    assert_eq!(both.unwrap_err(), "no slot is whole: ['damaged', 'damaged']");
    assert_eq!(short.unwrap_err(), "the payload is another one");
    assert_eq!(payload.unwrap_err(), "the payload is another one");
    assert_eq!(cut.unwrap_err(), "no slot is whole: ['damaged', 'no slot']");
}
