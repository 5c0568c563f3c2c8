//! Content codings, and what `Accept-Encoding` says of them (RFC 9110, section 12.5.3).

use http::header::HeaderValue;

use super::list;

/// A content coding that something may be kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Coding {
    /// The bytes as they are.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// RFC 7932.
    Brotli,
}

impl Coding {
    /// Every coding, the smallest result first, as it mostly is.
    pub const ALL: [Self; 4] = [Self::Brotli, Self::Zstd, Self::Gzip, Self::Identity];

    /// The name in `Content-Encoding`.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Brotli => "br",
        }
    }

    fn of(token: &[u8]) -> Option<Self> {
        // RFC 9110, section 8.4.1.3: `x-gzip` is the same.
        if token.eq_ignore_ascii_case(b"x-gzip") {
            return Some(Self::Gzip);
        }
        Self::ALL.into_iter().find(|coding| token.eq_ignore_ascii_case(coding.token().as_bytes()))
    }
}

/// What a client accepts. A weight that is not known leaves the coding out of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// There is such a field at all.
    said: bool,
    /// In thousandths, in the order of the enum.
    weights: [Option<u16>; Coding::ALL.len()],
    /// The weight of `*`.
    others: Option<u16>,
}

impl Accepted {
    /// Reads every line; of a coding that is listed twice the first counts.
    pub(crate) fn read<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> Self {
        let mut accepted = Self::default();
        for line in lines {
            accepted.said = true;
            for member in line.as_bytes().split(|byte| *byte == b',') {
                let Some((token, weight)) = weighted(member) else { continue };
                let slot = if token == b"*" {
                    &mut accepted.others
                } else if let Some(coding) = Coding::of(token) {
                    &mut accepted.weights[coding as usize]
                } else {
                    continue;
                };
                slot.get_or_insert(weight);
            }
        }
        accepted
    }

    /// How welcome a coding is; 0 is not at all.
    pub(crate) fn rank(&self, coding: Coding) -> u16 {
        /// Below every weight that a client can send.
        const UNSAID: u16 = 1;
        let told = |weight: u16| weight * 2;
        let identity = coding == Coding::Identity;
        if !self.said {
            // Every coding is as good as any; the plain bytes are understood by everybody.
            return if identity { told(1000) } else { UNSAID };
        }
        match self.weights[coding as usize].or(self.others) {
            Some(weight) => told(weight),
            // No coding at all is acceptable unless it is excluded.
            None if identity => UNSAID,
            None => 0,
        }
    }
}

/// The token of a member and its weight in thousandths, 1000 if it has none. `None` for what is no
/// member, and for a weight that is none.
pub(super) fn weighted(member: &[u8]) -> Option<(&[u8], u16)> {
    let mut parts = member.split(|byte| *byte == b';');
    let token = list::trim(parts.next()?);
    if token.is_empty() {
        return None;
    }
    let mut weight = 1000;
    for part in parts {
        let (name, value) = list::pair(part);
        if name.eq_ignore_ascii_case(b"q") {
            weight = thousandths(value?)?;
        }
    }
    Some((token, weight))
}

/// A `qvalue`: from 0 to 1, with at most three digits behind the point (RFC 9110, section 12.4.2).
fn thousandths(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match text {
        [whole @ (b'0' | b'1')] => (whole, &b""[..]),
        [whole @ (b'0' | b'1'), b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut weight = u16::from(whole - b'0') * 1000;
    for (digit, worth) in fraction.iter().zip([100, 10, 1]) {
        weight += u16::from(digit.is_ascii_digit().then(|| digit - b'0')?) * worth;
    }
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codings that are acceptable, the most welcome first.
    fn check(lines: &[&str], expected: &[&str]) {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| HeaderValue::from_bytes(line.as_bytes()).expect("a legal value"))
            .collect();
        let accepted = Accepted::read(&lines);
        let mut ranked: Vec<_> =
            Coding::ALL.into_iter().filter(|coding| accepted.rank(*coding) > 0).collect();
        ranked.sort_by_key(|coding| std::cmp::Reverse(accepted.rank(*coding)));
        let ranked: Vec<_> = ranked.into_iter().map(Coding::token).collect();
        assert_eq!(ranked, expected, "{lines:?}");
    }

    #[test]
    fn weights_order_what_the_client_takes() {
        // The examples of RFC 9110, section 12.5.3.
        check(&["compress, gzip"], &["gzip", "identity"]);
        check(&[""], &["identity"]);
        check(&["*"], &["br", "zstd", "gzip", "identity"]);
        check(&["compress;q=0.5, gzip;q=1.0"], &["gzip", "identity"]);
        check(&["gzip;q=1.0, identity; q=0.5, *;q=0"], &["gzip", "identity"]);
        check(&[], &["identity", "br", "zstd", "gzip"]);
        check(&["gzip, br"], &["br", "gzip", "identity"]);
        check(&["gzip", "br"], &["br", "gzip", "identity"]);
        check(&["br;q=0.8, gzip;q=0.9, zstd;q=0.85"], &["gzip", "zstd", "br", "identity"]);
        check(&["gzip;q=0.001"], &["gzip", "identity"]);
        check(&["gzip;q=0.5, *;q=0.7"], &["br", "zstd", "identity", "gzip"]);
        check(&["identity, gzip;q=0.5"], &["identity", "gzip"]);
        check(&["X-GZIP;Q=1"], &["gzip", "identity"]);
    }

    #[test]
    fn zero_forbids() {
        check(&["identity;q=0"], &[]);
        check(&["*;q=0"], &[]);
        check(&["identity;q=0, br"], &["br"]);
        check(&["*;q=0, gzip"], &["gzip"]);
        check(&["*;q=0, identity"], &["identity"]);
        check(&["gzip;q=0, gzip;q=1"], &["identity"]);
        check(&["gzip;q=0.000"], &["identity"]);
        check(&["br;q=0, *"], &["zstd", "gzip", "identity"]);
    }

    #[test]
    fn a_weight_that_is_none_leaves_its_member_out() {
        for weight in ["2", "1.001", "1.1", "0.1234", "-1", ".5", "+1", "0,5", "a", "", "00", "1e0"]
        {
            check(&[&format!("gzip;q={weight}")], &["identity"]);
        }
        check(&["gzip;q"], &["identity"]);
        check(&["gzip; level=9; q=0.5"], &["gzip", "identity"]);
        check(&["gzip;q=0."], &["identity"]);
        check(&["gzip;q=1."], &["gzip", "identity"]);
        check(&["g\u{fc}zip, br"], &["br", "identity"]);
        check(&[";q=1, , gzip"], &["gzip", "identity"]);
    }

    #[test]
    fn no_bytes_are_too_much_for_it() {
        let mut random = fastrand::Rng::with_seed(5);
        let alphabet = b"gzipbr*;q=01.,, \t\xff";
        for _ in 0..20_000 {
            let length = random.usize(0..40);
            let line: Vec<_> =
                (0..length).map(|_| alphabet[random.usize(0..alphabet.len())]).collect();
            let line = HeaderValue::from_bytes(&line).expect("a legal value");
            for coding in Coding::ALL {
                assert!(Accepted::read([&line]).rank(coding) <= 2000);
            }
        }
        for unit in ["gzip;q=0,", ";", "gzip;", ",", "=", ";q=1"] {
            let line = unit.repeat((1 << 20) / unit.len());
            let _ = Accepted::read([&HeaderValue::try_from(line).expect("a legal value")]);
        }
    }
}
