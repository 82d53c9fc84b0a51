//! A try-out's request as text: the percent-encoded target and the curl command. Depends on nothing
//! but the RFCs, so that tests can compare what is shown with what is sent.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986: safe in a path segment, and in a query's
/// names and values.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A try-out's request, without the API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// Path and query.
    pub(crate) target: String,
    /// The JSON body of a `POST`; `None`: a `GET`.
    pub(crate) body: Option<String>,
}

impl Call {
    /// `GET target`.
    pub(crate) fn get(target: String) -> Self {
        Self { target, body: None }
    }

    /// `POST target`, with an API key.
    pub(crate) fn post(target: &str, body: String) -> Self {
        Self { target: target.to_owned(), body: Some(body) }
    }

    /// The method.
    pub(crate) fn method(&self) -> &'static str {
        if self.body.is_some() { "POST" } else { "GET" }
    }

    /// The curl command that sends the same request; it takes an API key from the shell's variable
    /// `API_KEY`. A target contains no character that a shell interprets inside double quotes: all
    /// of them are percent-encoded. A body is written in single quotes.
    pub(crate) fn curl(&self, origin: &str) -> String {
        let url = format!("\"{origin}{}\"", self.target);
        match &self.body {
            None => format!("curl {url}"),
            Some(body) => {
                let quoted = body.replace('\'', r"'\''");
                format!(
                    "curl {url} \\\n  --header \"Authorization: Bearer $API_KEY\" \\\n  --json '{quoted}'"
                )
            }
        }
    }
}

/// A row of the query, as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    /// The part before `=`. A row without a name is left out of the query.
    pub(crate) name: String,
    /// The part after `=`.
    pub(crate) value: String,
}

/// Path and query of a publish to `topic`.
pub(crate) fn publish_target(topic: &str, parameters: &[Parameter]) -> String {
    let path = format!("/demo/publish/{}", encoded(topic));
    let query = query(parameters);
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

/// The reason why no URL can carry `topic`, if there is one: `.` and `..` are path steps, encoded
/// or not.
pub(crate) fn unreachable_topic(topic: &str) -> Option<&'static str> {
    match topic {
        "" => Some("A path needs a topic here."),
        "." | ".." => {
            Some("In a URL, . and .. are path steps: publish to this topic over the socket.")
        }
        _ => None,
    }
}

fn query(parameters: &[Parameter]) -> String {
    let named = parameters.iter().filter(|parameter| !parameter.name.is_empty());
    let pairs: Vec<String> =
        named.map(|p| format!("{}={}", encoded(&p.name), encoded(&p.value))).collect();
    pairs.join("&")
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, value: &str) -> Parameter {
        Parameter { name: name.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn the_prices_of_the_first_visit() {
        let target = publish_target("prices", &[row("bid", "100"), row("ask", "101")]);
        assert_eq!(target, "/demo/publish/prices?bid=100&ask=101");
        assert_eq!(
            Call::get(target).curl("http://127.0.0.1:3000"),
            r#"curl "http://127.0.0.1:3000/demo/publish/prices?bid=100&ask=101""#
        );
    }

    #[test]
    fn repeated_names_keep_their_order() {
        let rows = [row("leg", "a"), row("x", ""), row("leg", "b")];
        assert_eq!(publish_target("t", &rows), "/demo/publish/t?leg=a&x=&leg=b");
    }

    #[test]
    fn rows_without_a_name_are_left_out() {
        assert_eq!(publish_target("t", &[row("", "lost")]), "/demo/publish/t");
        assert_eq!(publish_target("t", &[]), "/demo/publish/t");
    }

    #[test]
    fn what_would_end_a_segment_or_a_value_is_encoded() {
        let rows = [row("a&b", "1=2#3"), row("ü", "100 %+1")];
        assert_eq!(
            publish_target("eu/fx?x", &rows),
            "/demo/publish/eu%2Ffx%3Fx?a%26b=1%3D2%233&%C3%BC=100%20%25%2B1"
        );
    }

    #[test]
    fn no_shell_reads_anything_in_the_line() {
        let evil = "\"$(reboot)`!\\'\n";
        let line = Call::get(publish_target(evil, &[row(evil, evil)])).curl("http://h");
        let inside = line.trim_start_matches("curl \"").trim_end_matches('"');
        assert!(!inside.contains(['"', '$', '`', '!', '\\', '\'', '\n', '(']), "{inside}");
    }

    #[test]
    fn a_body_is_one_word_of_the_shell_and_the_key_is_not_in_it() {
        let line = Call::post("/publish", r#"{"a":"it's $HOME"}"#.to_owned()).curl("http://h");
        assert!(line.ends_with(r#"--json '{"a":"it'\''s $HOME"}'"#), "{line}");
        assert!(line.contains("Bearer $API_KEY\""), "{line}");
    }

    #[test]
    fn steps_between_folders_are_no_topics() {
        assert!(unreachable_topic("..").is_some());
        assert!(unreachable_topic("").is_some());
        assert_eq!(unreachable_topic("..."), None);
        assert_eq!(unreachable_topic(" prices"), None);
    }
}
