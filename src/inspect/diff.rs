//! What is different from the response before, of the same route.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::kept::Kept;
use crate::report::PAGE_LINK;

/// A field that is not what it was.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) name: String,
    /// Its lines then and now, as they are shown; none where it was not there.
    pub(super) before: Vec<String>,
    pub(super) after: Vec<String>,
}

/// The response before: of the same method and route, or path where no route is known.
pub(super) fn previous<'a>(newest_first: &'a [Arc<Kept>], kept: &Kept) -> Option<&'a Arc<Kept>> {
    let target = |kept: &'_ Kept| {
        let receipt = &kept.receipt;
        let target = receipt.route().or(receipt.path()).map(str::to_owned);
        (receipt.method().clone(), receipt.route().is_some(), target)
    };
    let wanted = target(kept);
    newest_first.iter().find(|other| other.id < kept.id && target(other) == wanted)
}

/// The fields that changed, sorted. Secrets are compared by what is shown of them.
pub(super) fn changed(before: &Kept, after: &Kept) -> Vec<Changed> {
    let (before, after) = (lines(before), lines(after));
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let of = |lines: &BTreeMap<String, Vec<String>>, name: &String| {
        lines.get(name).cloned().unwrap_or_default()
    };
    let pairs = names.into_iter().map(|name| Changed {
        name: name.clone(),
        before: of(&before, name),
        after: of(&after, name),
    });
    pairs.filter(|changed| changed.before != changed.after).collect()
}

fn lines(kept: &Kept) -> BTreeMap<String, Vec<String>> {
    let mut lines: BTreeMap<String, Vec<String>> = BTreeMap::new();
    // No two responses have the same page and took the same time.
    let is_own = |name: &str| name == PAGE_LINK || name == "server-timing";
    for field in kept.fields().filter(|field| !is_own(field.name.as_str())) {
        lines.entry(field.name.as_str().to_owned()).or_default().push(field.value.to_string());
    }
    lines
}
