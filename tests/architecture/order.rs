//! Directions inside a room: a file uses only what its `mod.rs` lists before it, so that there are no circles.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

use crate::paths::Modules;
use crate::source::Source;

/// Which of the modules under one parent uses which of its siblings, and where.
pub(crate) type Uses = BTreeMap<String, BTreeMap<String, (String, usize)>>;

/// The edges between siblings, by the module that they stand in. The parent itself is called `mod`.
pub(crate) fn siblings(modules: &Modules<'_>) -> BTreeMap<Vec<String>, Uses> {
    let mut rooms: BTreeMap<Vec<String>, Uses> = BTreeMap::new();
    for (from, source) in modules.all() {
        if from.is_empty() {
            continue;
        }
        for (to, line) in modules.uses(from, source) {
            let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
            let name = |path: &[String]| path.get(common).map_or("mod", |name| name).to_owned();
            let (one, other) = (name(from), name(&to));
            // What a parent uses of its children is its business; the crate's own order is that of the floors.
            if common == 0 || one == "mod" {
                continue;
            }
            let place = (source.path.clone(), line);
            rooms
                .entry(from[..common].to_vec())
                .or_default()
                .entry(one)
                .or_default()
                .entry(other)
                .or_insert(place);
        }
    }
    rooms
}

/// The circles among siblings, each as the sorted names of those who can reach each other.
pub(crate) fn circles(uses: &Uses) -> Vec<Vec<String>> {
    let reach = |from: &str| {
        let mut reached = BTreeSet::new();
        let mut next = vec![from.to_owned()];
        while let Some(name) = next.pop() {
            for to in uses.get(&name).into_iter().flat_map(BTreeMap::keys) {
                if reached.insert(to.clone()) {
                    next.push(to.clone());
                }
            }
        }
        reached
    };
    let reached: BTreeMap<_, _> = uses.keys().map(|name| (name.clone(), reach(name))).collect();
    let mut found = BTreeSet::new();
    for (name, to) in reached.iter().filter(|(name, to)| to.contains(*name)) {
        let back = |other: &&String| reached.get(*other).is_some_and(|to| to.contains(name));
        found.insert(to.iter().filter(back).cloned().collect::<Vec<_>>());
    }
    found.into_iter().collect()
}

/// The order in which a parent lists its children.
fn listed(source: &Source) -> Vec<String> {
    let tokens: Vec<_> = source.tokens.clone().into_iter().map(|token| token.to_string()).collect();
    let is_module = |three: &&[String]| three[0] == "mod" && three[2] == ";";
    tokens.windows(3).filter(is_module).map(|three| three[1].clone()).collect()
}

/// A use of what is listed further down.
pub(crate) struct Upward {
    pub(crate) file: String,
    line: usize,
    pub(crate) used: String,
    room: String,
}

impl fmt::Display for Upward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, used, room } = self;
        write!(f, "{file}:{line}: uses `{used}`, which {room} lists further down")
    }
}

/// Uses of what is listed further down.
pub(crate) fn upward(modules: &Modules<'_>, room: &[String], uses: &Uses) -> Vec<Upward> {
    let order = modules.source(room).map(listed).unwrap_or_default();
    let place = |name: &str| order.iter().position(|listed| listed == name);
    let mut offences = Vec::new();
    for (one, others) in uses {
        for (other, (path, line)) in others {
            // What a parent defines itself comes before its children.
            if other != "mod" && place(other) >= place(one) {
                let (file, used, room) = (path.clone(), other.clone(), room.join("::"));
                offences.push(Upward { file, line: *line, used, room });
            }
        }
    }
    offences
}

/// An order that has no use of what is further down, as near to the alphabet as can be; for whoever mends a `mod.rs`.
pub(crate) fn proposed(modules: &Modules<'_>, room: &[String], uses: &Uses) -> String {
    let mut left = modules.source(room).map(listed).unwrap_or_default();
    let mut order: Vec<String> = Vec::new();
    while !left.is_empty() {
        let is_free = |name: &String| {
            let mut needed = uses.get(name).into_iter().flat_map(BTreeMap::keys);
            needed.all(|other| other == name || other == "mod" || !left.contains(other))
        };
        let at = left.iter().position(is_free).unwrap_or(0);
        order.push(left.remove(at));
    }
    let mut text = format!("{}:", room.join("::"));
    for name in order {
        let _ = write!(text, " {name}");
    }
    text
}
