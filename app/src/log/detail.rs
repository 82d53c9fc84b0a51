//! An unfolded row: the frame as JSON with its facts and actions, or the explanation of a fault.

use super::{
    clock,
    entry::{Direction, Entry},
    explain::{Explanation, explain},
    log_view::LogView,
};
use crate::{
    json::{MAX_HIGHLIGHTED, highlight, pretty},
    shell::{CopyButton, Icon},
};
use leptos::{prelude::*, tachys::html::attribute::custom::custom_attribute};

/// The most bytes of a frame that are shown unfolded; copying gives all of it.
const MAX_SHOWN: usize = 128 * 1024;

/// The details of the row with this id.
#[component]
pub(crate) fn Detail(
    /// The log's view.
    log_view: LogView,
    /// The row's id.
    id: u64,
    /// Sends a frame again.
    again: Callback<String>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let (entry, request) = log_view.feed.read(|store| {
        let entry = store.get(id)?.clone();
        let request = entry.answers.and_then(|id| store.get(id)).cloned();
        Some((entry, request))
    })?;
    let explanation = explain(&entry);
    let facts = move || {
        let answer = log_view
            .feed
            .watch(|store| store.get(id).and_then(|entry| store.get(entry.answered?.0)).cloned());
        log_view
            .feed
            .read(|store| {
                store.get(id).map(|entry| facts(entry, request.as_ref(), answer.as_ref()))
            })
            .map(fact_list)
    };
    let answers = entry.answers;
    let main = match explanation {
        Some(explanation) => view! { <Explain explanation entry=entry.clone() request=request_text(log_view, answers) edit/> }.into_any(),
        None => view! { <Frame entry=entry.clone() again edit/> }.into_any(),
    };
    Some(view! {
        <div class="detail" role="row" {..custom_attribute("aria-level", "2")} data-link=move || log_view.link(id, answers).filter(|link| matches!(*link, "start" | "join" | "pass")).map(|_| "pass")>
            <span class="detail__wire" aria-hidden="true"></span>
            {main}
            <div class="detail__facts" role="gridcell">{facts}</div>
        </div>
    }.into_any())
}

fn request_text(log_view: LogView, request: Option<u64>) -> Option<String> {
    log_view.feed.read(|store| store.get(request?)?.text().map(str::to_owned))
}

#[component]
fn Frame(
    /// The frame's row.
    entry: Entry,
    /// Sends a frame again.
    again: Callback<String>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let raw = RwSignal::new(false);
    let own = entry.direction == Some(Direction::Out);
    let text = StoredValue::new(content(&entry));
    let shown = move || text.with_value(|text| html(text, raw.get()));
    let acts = own.then(|| {
        view! {
            <button class="btn" data-size="small" type="button" on:click=move |_| again.run(text.get_value())>
                <Icon name="again"/>
                "Send again"
            </button>
            <button class="btn" data-size="small" type="button" on:click=move |_| edit.run(text.get_value())>
                <Icon name="edit"/>
                "Edit and send"
            </button>
        }
    });
    view! {
        <div class="detail__main" role="gridcell">
            <div class="detail__bar">
                <div class="seg" role="group" aria-label="Show as">
                    <button class="seg__item" type="button" aria-pressed=move || (!raw.get()).to_string() on:click=move |_| raw.set(false)>
                        "Pretty"
                    </button>
                    <button class="seg__item" type="button" aria-pressed=move || raw.get().to_string() on:click=move |_| raw.set(true)>
                        "Raw"
                    </button>
                </div>
                {acts}
                <CopyButton label="Copy the frame" text=move |()| text.get_value() end=true/>
            </div>
            <pre class="code" tabindex="0" role="region" aria-label="Frame as JSON" data-wrap=move || raw.get().then_some("") inner_html=shown></pre>
        </div>
    }.into_any()
}

/// The frame's text; for any other row, the text of the row itself.
fn content(entry: &Entry) -> String {
    entry.text().map_or_else(|| plain_summary(entry), str::to_owned)
}

fn plain_summary(entry: &Entry) -> String {
    use super::summary::{Piece, summary};
    let words = summary(entry).into_iter().map(|piece| match piece {
        Piece::Plain(text) | Piece::Strong(text) => text,
        Piece::Tag(word, _) => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn html(text: &str, raw: bool) -> String {
    let is_json = text.trim_start().starts_with(['{', '[']);
    let (shown, left_out) = if raw || !is_json {
        let end = (0..=MAX_SHOWN.min(text.len()))
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or(0);
        (text[..end].to_owned(), text.len() - end)
    } else {
        let pretty = pretty(text, MAX_SHOWN);
        (pretty.text, pretty.left_out)
    };
    let mut html = if shown.len() <= MAX_HIGHLIGHTED && is_json {
        highlight(&shown, None)
    } else {
        crate::json::escaped(&shown)
    };
    if left_out > 0 {
        html += &format!(
            "\n<span class=\"c\">… {} more: copy the frame to see all of it</span>",
            clock::size(left_out)
        );
    }
    html
}

#[component]
fn Explain(
    /// The explanation.
    explanation: Explanation,
    /// The row.
    entry: Entry,
    /// The frame that this answers.
    request: Option<String>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let Explanation { title, cause, effect, remedy, reference: (anchor, words) } = explanation;
    let text = StoredValue::new(content(&entry));
    let change = request.map(|request| {
        view! {
            <button class="btn" data-size="small" type="button" on:click=move |_| edit.run(request.clone())>
                <Icon name="edit"/>
                "Edit and send"
            </button>
        }
    });
    view! {
        <div class="detail__main" role="gridcell">
            <div class="explain" tabindex="0" role="region" aria-label="What happened">
                <h3 class="explain__title">{title}</h3>
                <dl class="explain__list">
                    <dt>"Cause"</dt>
                    <dd>{cause}</dd>
                    <dt>"Effect"</dt>
                    <dd>{effect}</dd>
                    <dt>"Remedy"</dt>
                    <dd>{remedy}</dd>
                </dl>
                <div class="cluster">
                    {change}
                    <a class="btn" data-variant="quiet" data-size="small" href=format!("#{anchor}")><Icon name="info"/>{words}</a>
                    <CopyButton label="Copy the frame" text=move |()| text.get_value()/>
                </div>
            </div>
        </div>
    }
    .into_any()
}

type Fact = (&'static str, String);

fn facts(entry: &Entry, request: Option<&Entry>, answer: Option<&Entry>) -> Vec<Fact> {
    let took = entry.took.or_else(|| answer?.took);
    let known = [
        ("Code", entry.facts.code.map(|code| code.as_str().to_owned())),
        ("Topic", entry.facts.topic.as_deref().map(str::to_owned)),
        ("Message id", entry.facts.message_id.as_deref().map(str::to_owned)),
        ("Number", entry.facts.seq_no.map(|number| number.to_string())),
        ("Signature", entry.signature.map(|verdict| verdict.words().to_owned())),
        ("Size", entry.size().map(clock::size)),
        ("Answers", request.map(said)),
        ("Answered", answer.map(said)),
        ("Round trip", took.map(clock::duration)),
        ("Time, UTC", Some(time_of(&clock::iso(entry.at)))),
    ];
    known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Without the date.
fn time_of(iso: &str) -> String {
    iso.split_once('T').map_or(iso, |(_, time)| time).to_owned()
}

/// A frame in a few words.
fn said(entry: &Entry) -> String {
    match (entry.word(), entry.facts.seq_no, &entry.facts.code) {
        ("ack", Some(number), _) => {
            format!("ack {}, seq {number}", if entry.facts.duplicate { "duplicate" } else { "ok" })
        }
        (word, _, Some(code)) => format!("{word} {code}"),
        (word, Some(number), _) => format!("{word}, seq {number}"),
        (word, None, None) => entry
            .facts
            .topic
            .as_ref()
            .map_or_else(|| word.to_owned(), |topic| format!("{word} {topic}")),
    }
}

fn fact_list(facts: Vec<Fact>) -> impl IntoView {
    let fact = |(name, value): Fact| {
        let title = value.clone();
        view! { <dt>{name}</dt><dd title=title>{value}</dd> }
    };
    view! { <dl class="facts">{facts.into_iter().map(fact).collect_view()}</dl> }.into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_frames_are_cut_and_plain_texts_stay_text() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_SHOWN * 2));
        assert!(html(&long, false).contains("more: copy the frame"));
        assert!(html(&long, true).len() < MAX_SHOWN + 200);
        assert_eq!(html("<oops>", false), "&lt;oops&gt;");
    }
}
