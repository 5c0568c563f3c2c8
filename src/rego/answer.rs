//! What the set that a policy made means: messages, and a status where one is named.

use http::StatusCode;
use regorus::Value;

use crate::head::deny::Verdict;

/// The most members that are looked at.
const MOST_MEMBERS: usize = 1024;

/// The verdict that a policy's answer is.
pub(super) fn verdict(answer: &Value) -> Verdict {
    let members = match answer {
        Value::Set(members) => members,
        Value::Undefined => return Verdict::allow(),
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            return Verdict::failed("wanted a set of messages, found another value");
        }
    };
    let mut verdict = Verdict::allow();
    for member in members.iter_sorted().take(MOST_MEMBERS) {
        let Some((message, status)) = message(member) else {
            return Verdict::failed(
                "wanted messages, or objects with `msg` and perhaps `status` (100 to 999), found another member",
            );
        };
        verdict.messages.push(message.to_owned());
        verdict.status = verdict.status.max(status);
    }
    verdict
}

/// A member's message, and the status that it names.
fn message(member: &Value) -> Option<(&str, Option<StatusCode>)> {
    if let Value::String(message) = member {
        return Some((message, None));
    }
    let Value::Object(object) = member else { return None };
    let Value::String(message) = object.get(&Value::from("msg"))? else { return None };
    let status = match object.get(&Value::from("status")) {
        None => None,
        Some(status) => Some(StatusCode::from_u16(status.as_u16().ok()?).ok()?),
    };
    Some((message, status))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn check(members: &[&str], expected: Option<(&[&str], Option<u16>)>) {
        let members: BTreeSet<Value> =
            members.iter().map(|json| Value::from_json_str(json).expect("json")).collect();
        let verdict = verdict(&Value::from(members));
        match expected {
            None => assert!(verdict.failure().is_some() && !verdict.is_denied()),
            Some((messages, status)) => {
                assert_eq!(verdict.messages(), messages);
                assert_eq!(verdict.status.map(|status| status.as_u16()), status);
            }
        }
    }

    #[test]
    fn members_are_messages_or_objects_with_one() {
        check(&[], Some((&[], None)));
        check(&[r#""b""#, r#""a""#], Some((&["a", "b"], None)));
        let two = [r#"{"msg":"a","status":403}"#, r#"{"msg":"b","status":451}"#, r#"{"msg":"c"}"#];
        check(&two, Some((&["a", "b", "c"], Some(451))));
        for odd in ["7", "true", "[]", "{}", r#"{"msg":7}"#, r#"{"msg":"a","status":99}"#] {
            check(&[r#""good""#, odd], None);
        }
        assert!(super::verdict(&Value::from(true)).failure().is_some());
        assert!(super::verdict(&Value::Undefined).failure().is_none());
    }
}
