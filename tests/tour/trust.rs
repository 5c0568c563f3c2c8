//! The `trust` example: what is served of a tree that was changed.

use std::path::PathBuf;

use crate::process::{Example, PROTOCOLS, curl};

/// The tree that a running example serves.
pub(crate) fn tree(example: &Example) -> PathBuf {
    let line = example.receipt_with("trust: the tree is ");
    line.strip_prefix("trust: the tree is ").unwrap().into()
}

#[test]
fn a_changed_tree_is_not_served_until_it_is_signed() {
    let example = Example::start("trust");
    let tree = tree(&example);
    let get = |path: &str| curl(PROTOCOLS[0], &[&example.url(path)]);
    let Some(good) = get("/app.js") else { return };
    good.exits(0).says("200").says("alert(1);").says("x-tree-version: 1");
    std::fs::write(tree.join("app.js"), "alert(2);\n").unwrap();
    std::fs::write(tree.join("added"), "x").unwrap();
    get("/app.js").unwrap().says("503").says("retry-after: 60").lacks("alert");
    get("/added").unwrap().says("404");
    get("/").unwrap().says("200");
    example.receipt_with("trust: app.js: ");
    example.receipt_with("trust: added: not listed");
    example.signal("-HUP");
    example.receipt_with("trust: version 2 of tree `example` is in force: 3 files");
    get("/app.js").unwrap().says("200").says("alert(2);").says("x-tree-version: 2");
    get("/added").unwrap().says("200");
    let (status, _) = example.interrupt();
    assert!(status.success());
}
