//! Running text in which `` `names` `` between backticks are set as code, as in the protocol's own
//! descriptions.

use leptos::prelude::*;

/// `text` with everything between two backticks as code.
#[component]
pub(crate) fn Prose(#[prop(into)] text: String) -> impl IntoView {
    pieces(&text)
        .map(|(is_code, piece)| {
            let piece = piece.to_owned();
            if is_code { view! { <code>{piece}</code> }.into_any() } else { piece.into_any() }
        })
        .collect_view()
}

/// The pieces of `text` in order, each with whether it is code. After an unpaired backtick,
/// everything is code.
fn pieces(text: &str) -> impl Iterator<Item = (bool, &str)> {
    text.split('`')
        .enumerate()
        .map(|(index, piece)| (index % 2 == 1, piece))
        .filter(|(_, piece)| !piece.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backticks_part_code_from_words() {
        let found: Vec<_> = pieces("Answers `ping` twice. `pong`").collect();
        assert_eq!(
            found,
            [(false, "Answers "), (true, "ping"), (false, " twice. "), (true, "pong")]
        );
        assert_eq!(pieces("plain").collect::<Vec<_>>(), [(false, "plain")]);
        assert_eq!(pieces("").count(), 0);
    }
}
