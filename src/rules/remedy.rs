//! What to do about a conflict, in one sentence for each rule.

use super::Rule;

/// What to do about each rule, in the order in which they are declared.
const REMEDIES: [(Rule, &str); 20] = [
    (
        Rule::Overwritten,
        "let one of the two write the field, or say which one stands with `Rules::on_field` and \
                 `Action::KeepFirst` or `Action::KeepLast`; a layer that is there to set it says so with `Named::owns`",
    ),
    (
        Rule::Duplicated,
        "insert the field instead of appending to it, or have the last line stand alone with `Action::KeepLast`",
    ),
    (
        Rule::ListReplaced,
        "append to the list instead of inserting it, or join both with `Action::Merge`",
    ),
    (
        Rule::MemberRepeated,
        "let one of the two add the member, or have it put in once with `Action::Merge`",
    ),
    (
        Rule::StatusChanged,
        "let one of the two say the status; a layer that is there to change it says so with `Named::owns_status`",
    ),
    (
        Rule::Removed,
        "leave the field to its author, or have it put back with `Action::KeepFirst`; a layer that is there to \
                 take it away says so with `Named::owns`",
    ),
    (
        Rule::HeadReplaced,
        "let the layer add to the head that it is given, or put it inside of those whose fields it drops, or have \
                 what still holds put back with `Action::Merge`",
    ),
    (
        Rule::LateWrite,
        "write before the body's first frame, hold the head for longer with `Hold::up_to`, or promise the field as \
                 a trailer with `Head::promise`",
    ),
    (
        Rule::Framing,
        "leave `Content-Length` and `Transfer-Encoding` to the server, or declare the length that the body has",
    ),
    (
        Rule::StrongTag,
        "make the tag weak or make it after the coding, or name the layer for its coding with `named::compression`",
    ),
    (
        Rule::Missing,
        "write the field on every such response, or give it a value to be put in with `Expect::or`",
    ),
    (
        Rule::Forbidden,
        "do not write the field on such responses, or have it taken out with `Action::Merge`",
    ),
    (
        Rule::Contradiction,
        "say only one of the two, such as `private` or `no-store` beside a cookie, or have the stricter word stand \
                 with `Action::Merge`",
    ),
    (
        Rule::StaleDigest,
        "make the digest outside of the coding, name the layer for its coding with `named::compression`, or have \
                 the digest taken out with `Action::Merge`",
    ),
    (Rule::CodedRange, "let the layer that codes skip responses with the status 206"),
    (
        Rule::NoTransform,
        "let the layer that codes look for `no-transform`, or leave the directive out",
    ),
    (
        Rule::CachedError,
        "give lifetimes to successes alone, or have `no-store` put in with `Action::Merge`",
    ),
    (
        Rule::Superseded,
        "write through `Head::even_on_error` what has to be there whatever is sent; else there is nothing to mend",
    ),
    (Rule::OtherAttempt, "name the layer that copies the request, with `named`"),
    (
        Rule::BrokenSignature,
        "put the layer that signs around the one that changes the field, or leave the field out of the signature",
    ),
];

impl Rule {
    /// What to do about it: one sentence for the author of the application. The guide's
    /// [page](crate::guide::rules) says more.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        REMEDIES[self as usize].1
    }

    /// The address of the guide's page on rules.
    pub(crate) const GUIDE: &str = concat!(
        "https://docs.rs/letterhead/",
        env!("CARGO_PKG_VERSION"),
        "/letterhead/guide/rules/index.html"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The actions that the guide lists for a rule.
    fn listed(rule: Rule) -> String {
        let guide = include_str!("../guide/rules.md");
        let row = guide.lines().find(|line| line.starts_with(&format!("| `{rule}` |")));
        row.and_then(|row| row.rsplit('|').nth(1)).unwrap_or_default().trim().to_owned()
    }

    #[test]
    fn each_remedy_stands_in_its_rules_place() {
        let mut places = REMEDIES.iter().enumerate();
        assert!(places.all(|(at, (rule, _))| *rule as usize == at), "{REMEDIES:?}");
        assert_eq!(REMEDIES.len(), Rule::ALL.len());
    }

    #[test]
    fn every_rule_has_a_remedy_that_the_guide_bears_out() {
        for rule in Rule::ALL {
            let (remedy, listed) = (rule.remedy(), listed(rule));
            let is_sentence = remedy.len() > 30 && !remedy.ends_with('.') && !remedy.contains("  ");
            assert!(is_sentence, "{rule}: {remedy}");
            assert!(!listed.is_empty(), "{rule} is not in the guide's table");
            for (action, word) in
                [("Merge", "merge"), ("KeepFirst", "keep-first"), ("KeepLast", "keep-last")]
            {
                let is_named = remedy.contains(&format!("`Action::{action}`"));
                let is_listed = listed.contains(word) || listed.starts_with("any");
                assert!(!is_named || is_listed, "{rule}: {action} is no action of {listed:?}");
            }
        }
    }
}
