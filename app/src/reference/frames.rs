//! Every frame with its fields and an example, from [`protocol::reference`].

use super::{anchors, highlighted::HighlightedJson, prose::Prose};
use leptos::prelude::*;
use protocol::reference::{Direction, FieldDoc, FrameDoc, client_frames, server_frames};

/// The frames that a client may send.
#[component]
pub(crate) fn ClientFrames() -> impl IntoView {
    client_frames().into_iter().map(|doc| view! { <Frame doc/> }).collect_view()
}

/// The frames that the gateway sends.
#[component]
pub(crate) fn ServerFrames() -> impl IntoView {
    server_frames().into_iter().map(|doc| view! { <Frame doc/> }).collect_view()
}

#[component]
fn Frame(doc: FrameDoc) -> impl IntoView {
    let anchor = anchors::frame(doc.kind, doc.direction);
    let heading = format!("{anchor}-h");
    let labelled_by = heading.clone();
    let (side, sender) = match doc.direction {
        Direction::ToServer => ("out", "you send"),
        Direction::ToClient => ("in", "the gateway sends"),
    };
    let rows = rows(&doc.fields, "");
    view! {
        <article class="spec" id=anchor aria-labelledby=labelled_by>
            <header class="spec__head">
                <svg class="row__arrow" data-dir=side aria-hidden="true"><use href=format!("#i-{side}")/></svg>
                <h4 class="spec__name" id=heading>{doc.kind}</h4>
                <span class="tag">{sender}</span>
                <span class="spec__text"><Prose text=doc.summary/></span>
            </header>
            {if rows.is_empty() {
                view! { <p class="spec__text">"No fields besides " <code>"type"</code> "."</p> }.into_any()
            } else {
                view! { <dl class="fields">{rows.into_iter().map(|row| view! { <Field row/> }).collect_view()}</dl> }.into_any()
            }}
            <pre class="code" data-wrap><HighlightedJson text=doc.example is_pretty=true/></pre>
        </article>
    }
}

#[component]
fn Field(row: Row) -> impl IntoView {
    view! {
        <div>
            <dt data-optional=row.optional>{row.name}</dt>
            <dd class="fields__type">{row.kind}</dd>
            <dd><Prose text=row.text/></dd>
        </div>
    }
}

/// One line in the table of a frame's fields.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    optional: bool,
    kind: &'static str,
    text: String,
}

/// The fields of a frame; those of a fixed object follow it as `object.field`.
fn rows(fields: &[FieldDoc], parent: &str) -> Vec<Row> {
    let of_field = |field: &FieldDoc| {
        let name = format!("{parent}{}", field.name);
        let inner = rows(&field.inner, &format!("{name}."));
        let own = Row {
            name,
            optional: !field.required,
            kind: field.kind.as_str(),
            text: field.description.clone(),
        };
        std::iter::once(own).chain(inner)
    };
    fields.iter().flat_map(of_field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_an_object_follow_it() {
        let ready = server_frames().into_iter().find(|doc| doc.kind == "ready").unwrap();
        let rows = rows(&ready.fields, "");
        let names: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.optional)).collect();
        assert_eq!(
            names,
            [
                ("sessionId", false),
                ("resumed", true),
                ("limits", false),
                ("limits.maxFrame", false),
                ("limits.maxSubscriptions", false),
                ("limits.sessionTtlMs", false),
                ("limits.dedupWindowMs", false),
                ("limits.pingMs", false),
                ("expiresInMs", true),
            ]
        );
    }
}
