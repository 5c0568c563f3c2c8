//! The way of a response as a bar: the service, the hold, the wait for content, the content.

use std::fmt::Write as _;
use std::time::Duration;

use super::html::put;
use crate::head::Times;

/// How wide the bar is drawn.
const WIDTH: u128 = 1000;

/// The bar, and the times beside it.
pub(super) fn bar(times: &Times) -> String {
    let ended = times.ended();
    let answered = times.answered().unwrap_or(ended);
    let committed = times.committed().unwrap_or(ended);
    let first = times.first_byte().unwrap_or(ended).max(committed);
    let parts = [
        ("service", "Service", Duration::ZERO, answered),
        ("hold", "Hold", answered, committed),
        ("wait", "Until content", committed, first),
        ("content", "Content", first, ended),
    ];
    let all = ended.as_micros().max(1);
    let at = |time: Duration| time.as_micros() * WIDTH / all;
    let mut html = String::from(
        "<svg class=\"bar\" viewBox=\"0 0 1000 12\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
    );
    for (class, _, from, to) in parts {
        let width = at(to).saturating_sub(at(from));
        if width > 0 {
            put!(
                html,
                "<rect class=\"{class}\" x=\"{}\" y=\"0\" width=\"{width}\" height=\"12\"/>",
                at(from)
            );
        }
    }
    html.push_str("</svg>\n<dl class=\"facts times\">\n");
    for (class, name, from, to) in parts {
        let time = millis(to.saturating_sub(from));
        put!(html, "<div class=\"{class}\"><dt>{name}</dt><dd>{time}</dd></div>\n");
    }
    put!(html, "<div><dt>All</dt><dd>{}</dd></div>\n</dl>\n", millis(ended));
    html
}

/// `0.012 ms`, `12.3 ms`, `1234 ms`
pub(super) fn millis(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..10_000 => format!("{}.{:03} ms", micros / 1000, micros % 1000),
        10_000..1_000_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        _ => format!("{} ms", micros / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_long_as_they_say_something() {
        let check =
            |micros, expected: &str| assert_eq!(millis(Duration::from_micros(micros)), expected);
        check(0, "0.000 ms");
        check(1_012, "1.012 ms");
        check(12_345, "12.3 ms");
        check(1_234_567, "1234 ms");
    }
}
