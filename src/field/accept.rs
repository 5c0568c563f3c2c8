//! What `Accept` says of a media type (RFC 9110, section 12.5.1).

use http::header::HeaderValue;

use super::coding::weighted;
use super::list;

/// How welcome a media type is: by its weight, and of equal weights by how exactly it was named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Welcome {
    /// In thousandths; 0 is not at all.
    weight: u16,
    exactness: Exactness,
}

/// By what range a media type is meant. The most exact one that fits counts, whatever its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Exactness {
    /// By none.
    #[default]
    Unsaid,
    /// `*/*`
    Anything,
    /// `text/*`
    Kind,
    /// `text/html`
    Named,
}

impl Welcome {
    /// Reads every line; of ranges that are equally exact the first counts. Parameters other than the weight
    /// are not looked at: who takes `application/json;charset=utf-8` takes JSON.
    pub(crate) fn read<'a>(
        lines: impl IntoIterator<Item = &'a HeaderValue>,
        media_type: &str,
    ) -> Self {
        let mut welcome = Self::default();
        for line in lines {
            for member in list::members(line.as_bytes()) {
                let Some((range, weight)) = weighted(member) else { continue };
                let exactness = Exactness::of(range, media_type.as_bytes());
                if exactness > welcome.exactness {
                    welcome = Self { weight, exactness };
                }
            }
        }
        welcome
    }

    pub(crate) const fn is_taken(self) -> bool {
        self.weight > 0
    }

    /// Whether the type itself is taken, and not just any.
    pub(crate) fn is_named(self) -> bool {
        self.is_taken() && self.exactness == Exactness::Named
    }
}

impl Exactness {
    fn of(range: &[u8], media_type: &[u8]) -> Self {
        let Some(kind) = range.strip_suffix(b"/*") else {
            let is_it = range.eq_ignore_ascii_case(media_type);
            return if is_it { Self::Named } else { Self::Unsaid };
        };
        let own = media_type.split(|byte| *byte == b'/').next().unwrap_or_default();
        if kind == b"*" {
            Self::Anything
        } else if kind.eq_ignore_ascii_case(own) {
            Self::Kind
        } else {
            Self::Unsaid
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lines: &[&str], media_type: &str, weight: u16, exactness: Exactness) {
        let values = lines.iter().map(|line| HeaderValue::from_str(line).expect("a legal value"));
        let values: Vec<_> = values.collect();
        let expected = Welcome { weight, exactness };
        assert_eq!(Welcome::read(&values, media_type), expected, "{lines:?} {media_type}");
    }

    #[test]
    fn the_most_exact_range_counts() {
        use Exactness::{Anything, Kind, Named, Unsaid};
        // The example of RFC 9110, section 12.5.1, without the parameter of `text/html;level=1`.
        let line = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, \
                    text/plain;format=fixed;q=0.4, */*;q=0.5";
        check(&[line], "text/plain", 700, Named);
        check(&[line], "text/html", 300, Kind);
        check(&[line], "image/jpeg", 500, Anything);
        check(&["*/*, application/json;q=0"], "application/json", 0, Named);
        check(&["*/*;q=0.1", "Application/JSON;charset=utf-8"], "application/json", 1000, Named);
        check(&["text/html;x=\",application/json\""], "application/json", 0, Unsaid);
        check(&["image/png"], "text/html", 0, Unsaid);
        check(&["", ",", ";q=1", "*", "/*", "text", "text/html;q=2"], "text/html", 0, Unsaid);
        check(&[], "text/html", 0, Unsaid);
    }

    #[test]
    fn of_equal_weights_the_named_one_is_more_welcome() {
        let value = HeaderValue::from_static("application/json, text/plain, */*");
        let read = |media_type| Welcome::read([&value], media_type);
        assert!(read("application/json") > read("text/html"));
        assert!(read("application/json").is_named() && !read("text/html").is_named());
        assert!(read("text/html").is_taken());
    }
}
