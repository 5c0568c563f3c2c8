//! A policy to begin with.

use std::fmt::Write as _;
use std::sync::Arc;

use super::error::Fault;
use super::parse::Parser;
use super::{Dialect, Policy, PolicyError, PolicyErrors};

/// The lines of [`Policy::secure`].
const TEXT: &str = include_str!("secure.txt");

/// What the ledger calls it.
const NAME: &str = "secure";

impl Policy {
    /// What most sites should begin with, as [the guide](crate::guide::policy) explains line by line: fields of
    /// security for responses that have none of their own, and fields that tell too much taken away.
    ///
    /// Its lines are named `secure` in the ledger. Put your own file on top of it: a layer applies
    /// policies in the order in which it is [given](crate::LetterheadLayer::policy) them.
    ///
    /// - `Strict-Transport-Security` goes out over TLS alone, without `includeSubDomains` and without `preload`: both
    ///   bind other hosts than this one.
    /// - The content security policy begins report-only, but for `frame-ancestors`: what it would have blocked is
    ///   in the browser's console.
    /// - Where a page asks for a [nonce](crate::Head::nonce), its scripts have it.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::LetterheadLayer;
    /// use letterhead::policy::{Dialect, Policy};
    ///
    /// # fn main() -> Result<(), letterhead::policy::PolicyErrors> {
    /// let own = Policy::parse("_headers", "/embed/*\n  ! Cross-Origin-Resource-Policy\n", Dialect::Cloudflare)?;
    /// let layer = LetterheadLayer::new().policy(Policy::secure()).policy(own);
    /// # let _ = layer;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn secure() -> Self {
        // A test holds the text to have no bad line.
        let name: Arc<str> = Arc::from(NAME);
        let parser = Parser::read(Arc::clone(&name), TEXT, Dialect::Cloudflare);
        Self::of(name, Dialect::Cloudflare, parser)
    }

    /// The same, whose two content security policies report to `endpoint` what they block, or would block: a URL that
    /// begins with `https://`, or a path of this site.
    ///
    /// `Reporting-Endpoints` names it `csp`, beside the endpoints of the application, and the policies say
    /// `report-to csp`, and `report-uri` for browsers that know no other way.
    ///
    /// # Errors
    ///
    /// An endpoint of another kind, or with letters that would end it too early.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::policy::Policy;
    ///
    /// # fn main() -> Result<(), letterhead::policy::PolicyErrors> {
    /// let policy = Policy::secure_reporting_to("https://reports.example.org/csp")?;
    /// let lines: Vec<_> = policy.lines().map(|line| line.to_string()).collect();
    /// assert!(lines.contains(&r#"@append reporting-endpoints: csp="https://reports.example.org/csp""#.to_owned()));
    /// assert!(Policy::secure_reporting_to("http://reports.example.org/csp").is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub fn secure_reporting_to(endpoint: &str) -> Result<Self, PolicyErrors> {
        let mut text = String::new();
        for line in TEXT.lines() {
            text.push_str(line);
            if line.contains("Content-Security-Policy") {
                let _ = write!(text, "; report-uri {endpoint}; report-to csp");
            }
            text.push('\n');
        }
        let line = text.lines().count() + 1;
        if !is_endpoint(endpoint) {
            let wanted =
                "a path, or a URL that begins with https://, to which browsers send reports";
            let fault = Fault::text(wanted, endpoint);
            return Err(PolicyErrors(vec![PolicyError { file: Arc::from(NAME), line, fault }]));
        }
        let _ = writeln!(text, "  @append Reporting-Endpoints: csp=\"{endpoint}\"");
        Self::parse(NAME, &text, Dialect::Cloudflare)
    }

    /// The text of [`secure`](Self::secure), to be copied into a file of one's own.
    #[must_use]
    pub const fn secure_text() -> &'static str {
        TEXT
    }
}

/// Whether reports may go there, and the text ends neither a string nor a directive (RFC 9651, section 3.3.3; CSP 3,
/// section 2.2).
fn is_endpoint(text: &str) -> bool {
    let path = text.strip_prefix("https://");
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\\;,'".contains(&byte);
    let is_of_site = text.starts_with('/') && !text.starts_with("//");
    let has_host = path.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    (is_of_site || has_host) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_no_bad_line_and_nothing_to_warn_of() {
        let policy = Policy::parse("secure", TEXT, Dialect::Cloudflare);
        let policy = policy.unwrap_or_else(|errors| panic!("{errors}"));
        let warnings: Vec<_> = policy.warnings().iter().map(ToString::to_string).collect();
        assert!(warnings.is_empty(), "{warnings:#?}");
        assert!(policy.lines().count() > 20);
        assert_eq!(Policy::secure().lines().count(), policy.lines().count());
    }

    #[test]
    fn reports_go_to_an_endpoint_that_ends_nothing_early() {
        let policy = Policy::secure_reporting_to("/reports?of=csp");
        let policy = policy.unwrap_or_else(|errors| panic!("{errors}"));
        assert!(policy.warnings().is_empty());
        let lines: Vec<_> = policy.lines().map(|line| line.to_string()).collect();
        let reporting = "; report-uri /reports?of=csp; report-to csp";
        assert_eq!(lines.iter().filter(|line| line.ends_with(reporting)).count(), 2);
        assert!(lines.contains(&"@append reporting-endpoints: csp=\"/reports?of=csp\"".to_owned()));
        let bad = ["", "reports", "//a.test/", "http://a.test/", "https://", "https:///a", "/a b"];
        let more = ["/a\"", "/a;b", "/a,b", "/a\\b", "/\u{e9}", "/a\r\nX: y", "/:splat"];
        for endpoint in bad.iter().chain(&more) {
            assert!(Policy::secure_reporting_to(endpoint).is_err(), "{endpoint}");
        }
        let error = Policy::secure_reporting_to("/a b").expect_err("a blank").to_string();
        assert!(error.starts_with("secure:38: wanted a path, or a URL"), "{error}");
        // What the preset says is at the lines at which its text has it.
        let numbers =
            |policy: &Policy| policy.lines().map(|line| line.number()).collect::<Vec<_>>();
        assert_eq!(numbers(&policy)[..37 - 2], numbers(&Policy::secure())[..]);
    }
}
