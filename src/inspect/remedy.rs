//! What helps against a conflict, in one sentence; the guide's page on rules has more.

use crate::rules::Rule;

/// What to do about a conflict with this rule.
pub(super) const fn remedy(rule: Rule) -> &'static str {
    match rule {
        Rule::Overwritten => "let one of the two decide, or keep the first with Action::KeepFirst",
        Rule::Duplicated => "set the field once, or let Action::KeepLast leave one line",
        Rule::ListReplaced => "append where the layer inserts, or join both with Action::Merge",
        Rule::MemberRepeated => {
            "append what is not there yet, or let Action::Merge leave each once"
        }
        Rule::StatusChanged => {
            "let the handler answer with it, or say that the layer owns the status (Named::owns_status)"
        }
        Rule::Removed => "set the field outside of the layer, or put it back with Action::Merge",
        Rule::HeadReplaced => {
            "put the layer further in, or let Action::Merge put back what still holds"
        }
        Rule::LateWrite => "write before the first frame, or promise the field as a trailer",
        Rule::Framing => "leave the length and the framing to the server",
        Rule::StrongTag => {
            "make the tag outside of the coding, or name the layer with named::compression"
        }
        Rule::Missing => "set the field, or give the rule a value with Expect::or",
        Rule::Forbidden => "take the field out where it is set, or let Action::Merge take it out",
        Rule::Contradiction => {
            "say private or no-store, or let the stricter word stand (Action::Merge)"
        }
        Rule::StaleDigest => {
            "make the digest outside of the coding, or name the layer with named::compression"
        }
        Rule::CodedRange => "let the layer that codes leave status 206 alone",
        Rule::NoTransform => "let the layer that codes look for no-transform, or allow the rule",
        Rule::CachedError => "give the lifetime by status, or let Action::Merge add no-store",
        Rule::Superseded => {
            "nothing, if the error is meant; Head::even_on_error has a write land on errors"
        }
        Rule::OtherAttempt => "give the layer that copies the request a name with named()",
    }
}
