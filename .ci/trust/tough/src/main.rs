//! Checks a root and a list of files with tough: key ids, signatures, lengths, digests; and that it refuses changed ones.
//!
//! `letterhead-tough ROOT.json LIST.json DIR`. It prints what it checked, or says what is wrong and exits 1.

use std::error::Error;
use std::fs;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use tough::schema::{Root, Signed, Targets};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What is done to a list after it was signed.
type Change = (&'static str, fn(&mut Value));

const CHANGES: [Change; 6] = [
    ("a higher version", |list| list["signed"]["version"] = Value::from(4_000_000)),
    ("a later end", |list| list["signed"]["expires"] = Value::from("2999-01-01T00:00:00Z")),
    ("another tree", |list| list["signed"]["x-letterhead-tree"] = Value::from("other")),
    ("no files", |list| list["signed"]["targets"] = Value::Object(serde_json::Map::new())),
    ("another length", |list| {
        for entry in list["signed"]["targets"].as_object_mut().into_iter().flatten() {
            entry.1["length"] = Value::from(1);
        }
    }),
    ("no signature", |list| list["signatures"] = Value::Array(Vec::new())),
];

fn main() -> Outcome<()> {
    let given: Vec<_> = std::env::args().skip(1).collect();
    let [root, list, tree] = given.as_slice() else {
        return Err("wanted ROOT.json LIST.json DIR".into());
    };
    let (root, list) = (fs::read(root)?, fs::read(list)?);
    let root: Signed<Root> = serde_json::from_slice(&root)?;
    root.signed.verify_role(&root)?;
    let targets: Signed<Targets> = serde_json::from_slice(&list)?;
    root.signed.verify_role(&targets)?;
    let (mut files, mut bytes) = (0, 0);
    for (name, target) in &targets.signed.targets {
        let content = fs::read(Path::new(tree).join(name.raw()))?;
        if content.len() as u64 != target.length {
            return Err(format!("{}: wanted {} bytes, found {}", name.raw(), target.length, content.len()).into());
        }
        if digest(&SHA256, &content).as_ref() != &*target.hashes.sha256 {
            return Err(format!("{}: wanted another digest", name.raw()).into());
        }
        (files, bytes) = (files + 1, bytes + target.length);
    }
    for (what, change) in CHANGES {
        let mut changed: Value = serde_json::from_slice(&list)?;
        change(&mut changed);
        let changed: Signed<Targets> = serde_json::from_value(changed)?;
        if root.signed.verify_role(&changed).is_ok() {
            return Err(format!("tough takes a list with {what}").into());
        }
    }
    let (keys, signatures) = (root.signed.keys.len(), targets.signatures.len());
    println!(
        "tough: {keys} keys, {signatures} signatures, {files} files of {bytes} bytes hold; {} changed lists are refused",
        CHANGES.len()
    );
    Ok(())
}
