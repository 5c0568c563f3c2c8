//! The format and the sort order of a directory list, by the request's `Accept` and query.

use http::header::{ACCEPT, HeaderMap};

use crate::field::accept::Welcome;

/// The format of a directory list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::files) enum Form {
    /// A page whose headings are links that sort, for those that name HTML: browsers.
    Page,
    /// The same without such links. Programs that follow every link (`wget -r` heeds no `rel="nofollow"`) or
    /// take each for a file (fsspec) ask for anything, `*/*`, or say nothing.
    Plain,
    /// JSON, for those that would rather have it.
    Json,
}

/// By what the names are sorted; directories come first, whatever it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::files) enum Column {
    #[default]
    Name,
    Size,
    Modified,
}

/// In which order the names are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::files) struct Sort {
    pub(in crate::files) column: Column,
    pub(in crate::files) descending: bool,
}

impl Form {
    /// Which form a client wants. One that takes neither gets the page: a list in the wrong form helps more
    /// than none, and RFC 9110, section 12.5.1, leaves the choice.
    pub(in crate::files) fn of(fields: &HeaderMap) -> Self {
        let read = |media_type| Welcome::read(fields.get_all(ACCEPT), media_type);
        let (html, json) = (read("text/html"), read("application/json"));
        if json.is_taken() && json > html {
            Self::Json
        } else if html.is_named() {
            Self::Page
        } else {
            Self::Plain
        }
    }
}

impl Column {
    pub(in crate::files) const ALL: [Self; 3] = [Self::Name, Self::Size, Self::Modified];

    /// As it is in a query.
    pub(in crate::files) const fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Size => "size",
            Self::Modified => "modified",
        }
    }
}

impl Sort {
    /// Reads a query, `sort=size&order=desc`. What else is in it means nothing here; of values that come again
    /// the first one that means something counts.
    pub(in crate::files) fn of(query: Option<&str>) -> Self {
        let (mut column, mut descending) = (None, None);
        for (name, value) in query.unwrap_or_default().split('&').filter_map(|p| p.split_once('='))
        {
            match (name, value) {
                ("sort", word) => {
                    column = column.or(Column::ALL.into_iter().find(|each| each.word() == word));
                }
                ("order", "asc") => descending = descending.or(Some(false)),
                ("order", "desc") => descending = descending.or(Some(true)),
                _ => {}
            }
        }
        Self { column: column.unwrap_or_default(), descending: descending.unwrap_or_default() }
    }

    /// What a heading leads to: the other direction of what is sorted already, else small names, large files
    /// and late dates first.
    pub(in crate::files) fn turned_to(self, column: Column) -> Self {
        let descending =
            if self.column == column { !self.descending } else { column != Column::Name };
        Self { column, descending }
    }

    pub(in crate::files) const fn direction(self) -> &'static str {
        if self.descending { "desc" } else { "asc" }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn who_names_html_sorts_and_who_prefers_json_gets_it() {
        let chromium = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,\
                        image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";
        for (line, form) in [
            (chromium, Form::Page),
            ("*/*", Form::Plain),
            ("", Form::Plain),
            ("text/*", Form::Plain),
            ("image/png", Form::Plain),
            ("application/json", Form::Json),
            ("application/json; charset=utf-8", Form::Json),
            ("application/*", Form::Json),
            // What axios and jQuery send.
            ("application/json, text/plain, */*", Form::Json),
            ("application/json, text/javascript, */*; q=0.01", Form::Json),
            ("text/html, application/json", Form::Page),
            ("text/html;q=0.9, application/json", Form::Json),
            ("text/html, application/json;q=0.9", Form::Page),
            ("application/json;q=0", Form::Plain),
            ("text/html;q=0, */*", Form::Json),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert(ACCEPT, HeaderValue::from_static(line));
            assert_eq!(Form::of(&fields), form, "{line}");
        }
        assert_eq!(Form::of(&HeaderMap::new()), Form::Plain);
    }

    #[test]
    fn a_query_that_means_nothing_changes_nothing() {
        let check = |query, column, descending| {
            assert_eq!(Sort::of(query), Sort { column, descending }, "{query:?}");
        };
        for query in [None, Some(""), Some("a"), Some("sort"), Some("sort=x&order=up&C=N;O=D")] {
            check(query, Column::Name, false);
        }
        check(Some("sort=size"), Column::Size, false);
        check(Some("order=desc"), Column::Name, true);
        check(Some("v=1&order=desc&sort=modified&sort=size"), Column::Modified, true);
        check(Some("sort=x&sort=size&order=&order=asc&order=desc"), Column::Size, false);
    }

    #[test]
    fn each_heading_leads_somewhere_else() {
        for column in Column::ALL {
            for descending in [false, true] {
                let sort = Sort { column, descending };
                for to in Column::ALL {
                    assert_ne!(sort.turned_to(to), sort);
                    assert_eq!(sort.turned_to(to).column, to);
                }
            }
        }
        assert!(Sort::default().turned_to(Column::Size).descending);
    }
}
