//! A JSON editor: a plain textarea over a layer that shows the colours and the marked fault, with
//! line numbers beside it.

use crate::json::{Fault, MAX_HIGHLIGHTED, highlight};
use leptos::{ev, html, prelude::*};
use std::fmt::Write as _;
use wasm_bindgen::JsCast;

/// The most lines that are shown without scrolling.
const MAX_ROWS: usize = 14;
const MIN_ROWS: usize = 3;
/// Lines beyond this one are not numbered.
const MAX_NUMBERED: usize = 5_000;

/// The editor. Its label is the element that refers to `id`, or `label`.
#[component]
pub(crate) fn Editor(
    /// The textarea's id.
    id: &'static str,
    /// The textarea's name if no label refers to it.
    #[prop(optional)]
    label: Option<&'static str>,
    /// The text.
    #[prop(into)]
    text: Signal<String>,
    /// What was typed.
    #[prop(into)]
    on_text: Callback<String>,
    /// The place of the fault, if there is one.
    #[prop(into)]
    fault: Signal<Option<Fault>>,
    /// Whether the text is refused, with or without a place.
    #[prop(into)]
    invalid: Signal<bool>,
    /// The ids of the elements that describe the field.
    #[prop(into)]
    described_by: Signal<Option<String>>,
    /// Whether typing is disabled.
    #[prop(into)]
    disabled: Signal<bool>,
) -> impl IntoView {
    let highlighted = NodeRef::<html::Pre>::new();
    let numbers = NodeRef::<html::Div>::new();
    let lines = Memo::new(move |_| {
        text.with(|text| text.bytes().filter(|&byte| byte == b'\n').count() + 1)
    });
    let paints = Memo::new(move |_| text.with(|text| text.len() <= MAX_HIGHLIGHTED));
    let scroll = move |event: ev::Event| {
        let Some(area) =
            event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        else {
            return;
        };
        if let Some(highlighted) = highlighted.get_untracked() {
            highlighted.set_scroll_left(area.scroll_left());
            highlighted.set_scroll_top(area.scroll_top());
        }
        if let Some(numbers) = numbers.get_untracked() {
            numbers.set_scroll_top(area.scroll_top());
        }
    };
    let colours = move || {
        if !paints.get() {
            return String::new();
        }
        let mark = fault.with(|fault| fault.as_ref().map(|fault| fault.mark.clone()));
        text.with(|text| highlight(text, mark.as_ref())) + "\n"
    };
    let rows = move || lines.get().clamp(MIN_ROWS, MAX_ROWS).to_string();
    view! {
        <div class="editor" data-invalid=move || invalid.get().then_some("") data-plain=move || (!paints.get()).then_some("") style:--rows=rows>
            <div
                class="editor__lines"
                aria-hidden="true"
                node_ref=numbers
                inner_html=move || numbered(lines.get(), fault.with(|fault| fault.as_ref().map(|fault| fault.line)))
            ></div>
            <div class="editor__area">
                <pre class="editor__paint" aria-hidden="true" node_ref=highlighted inner_html=colours></pre>
                <textarea
                    class="editor__input"
                    id=id
                    aria-label=label
                    aria-invalid=move || invalid.get().then_some("true")
                    aria-describedby=move || described_by.get()
                    spellcheck="false"
                    autocapitalize="off"
                    autocomplete="off"
                    wrap="off"
                    disabled=move || disabled.get()
                    prop:value=move || text.get()
                    on:input=move |event| on_text.run(event_target_value(&event))
                    on:scroll=scroll
                >
                    {text.get_untracked()}
                </textarea>
            </div>
        </div>
    }.into_any()
}

fn numbered(lines: usize, wrong: Option<usize>) -> String {
    let mut html = String::new();
    for line in 1..=lines.min(MAX_NUMBERED) {
        // Writing to a text cannot fail.
        let _ = if wrong == Some(line) {
            writeln!(html, "<b>{line}</b>")
        } else {
            writeln!(html, "{line}")
        };
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wrong_line_stands_out() {
        assert_eq!(numbered(3, Some(2)), "1\n<b>2</b>\n3\n");
        assert_eq!(numbered(1_000_000, None).lines().count(), MAX_NUMBERED);
    }
}
