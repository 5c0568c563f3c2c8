//! What only files ask for: facts that may not last, and clients that resume whatever there is.

use http::header::{HeaderName, IF_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};

use crate::answer::asked::{Asked, Purpose};
use crate::answer::facts::{Facts, Ranges};
use crate::field::range::{self, Spec};

impl Facts {
    /// Answers `Range` with the whole, and says nothing of ranges: for what has no validator yet.
    pub(crate) fn silent_on_ranges(mut self) -> Self {
        self.ranges = Ranges::Unsaid;
        self
    }

    /// Somebody may be writing to it: as [`unsettled`](Self::unsettled), and no condition holds against
    /// the tag, as the bytes may be others by now.
    pub(crate) fn being_written(mut self) -> Self {
        (self.settled, self.comparable) = (false, false);
        self
    }
}

impl Asked {
    /// Whether a `GET` asks for a part behind the first byte, and for it of any version that there may be.
    pub(crate) fn resumes_blindly(&self, facts: &Facts) -> bool {
        const SAYS_WHICH: [HeaderName; 3] = [IF_RANGE, IF_MATCH, IF_UNMODIFIED_SINCE];
        let range::Ranges::Bytes(specs) = self.ranges() else { return false };
        let is_behind = |spec: &Spec| match *spec {
            Spec::Within { first, .. } | Spec::From(first) => first > 0,
            // Who wants the end of it does not say that it has the rest.
            Spec::Suffix(_) => false,
        };
        matches!(self.purpose(), Purpose::Get)
            && facts.ranges == Ranges::Offered
            && !SAYS_WHICH.iter().any(|name| self.has(name))
            && specs.first().is_some_and(is_behind)
    }
}

#[cfg(test)]
mod tests {
    use http::header::HeaderMap;
    use http::{HeaderValue, Method};

    use super::*;

    fn check(method: &Method, lines: &[(&str, &str)], expected: bool) {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
            fields.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        let asked = Asked::new(method, &fields);
        assert_eq!(asked.resumes_blindly(&Facts::new(100)), expected, "{method} {lines:?}");
        assert!(!asked.resumes_blindly(&Facts::new(100).without_ranges()));
    }

    #[test]
    fn whoever_says_which_version_it_has_is_not_blind() {
        let get = &Method::GET;
        check(get, &[("range", "bytes=5-")], true);
        check(get, &[("range", "bytes=5-9")], true);
        check(get, &[("range", "bytes=5-9, 0-1")], true);
        check(get, &[("range", "bytes=5-"), ("if-none-match", "\"a\"")], true);
        check(&Method::HEAD, &[("range", "bytes=5-")], false);
        check(get, &[], false);
        check(get, &[("range", "bytes=0-")], false);
        check(get, &[("range", "bytes=-5")], false);
        check(get, &[("range", "lines=5-")], false);
        for which in ["if-range", "if-match", "if-unmodified-since"] {
            check(get, &[("range", "bytes=5-"), (which, "\"a\"")], false);
        }
    }
}
