//! The tables of error and close codes, made from the protocol's own. Each row has an anchor: see
//! [`super::anchors`].

use super::{anchors, prose::Prose, table::Table};
use leptos::prelude::*;
use protocol::{CloseCode, ErrorCode, Reaction};

/// Why a frame, or a request over HTTP, was refused.
#[component]
pub(crate) fn ErrorCodes() -> impl IntoView {
    view! {
        <section class="doc__section" id="errors" aria-labelledby="h-errors">
            <h2 id="h-errors">"Error codes"</h2>
            <p class="doc__lede">
                "An " <a href="#frame-error">"error"</a>
                " refuses one frame and nothing else: the connection and its subscriptions stay. The code is for your \
                 program and never changes its meaning; the text beside it is for people."
            </p>
            <Table label="Error codes" columns=&["Code", "What happened", "What to do"]>
                {ErrorCode::ALL.iter().map(|&code| view! { <ErrorRow code/> }).collect_view()}
            </Table>
            <p class="spec__text gap-top">
                <Prose text="Over HTTP the same codes come as `application/problem+json`, with a fitting status; HTTP adds a few \
                             codes of its own, for instance `NOT_FOUND`. New codes may be added: treat one that your client does not \
                             know by its status or close code."/>
            </p>
        </section>
    }
}

#[component]
fn ErrorRow(code: ErrorCode) -> impl IntoView {
    view! {
        <tr id=anchors::error(code.as_str())>
            <th scope="row">{code.as_str()}</th>
            <td>{code.meaning()}</td>
            <td>{code.remedy()}</td>
        </tr>
    }
}

/// Why a connection has ended.
#[component]
pub(crate) fn CloseCodes() -> impl IntoView {
    view! {
        <section class="doc__section" id="closes" aria-labelledby="h-closes">
            <h2 id="h-closes">"Close codes"</h2>
            <p class="doc__lede">
                "When a connection ends, the number says why, and whether trying again makes sense. Back off after a number that is not \
                 listed, except 4500 to 4599: they are reserved for stop."
            </p>
            <Table label="Close codes" columns=&["Code", "Why", "Your client"]>
                {CloseCode::ALL.iter().map(|&code| view! { <CloseRow code/> }).collect_view()}
            </Table>
            <dl class="fields gap-top">
                <Meaning word="back off" text="Reconnect, first soon, then waiting longer each time, by a random time so that clients do not reconnect all at once."/>
                <Meaning word="new token" text="Get a fresh token and try once. If that fails too, stop."/>
                <Meaning word="stop" text="Trying again would fail again. Correct the cause first."/>
            </dl>
        </section>
    }
}

#[component]
fn CloseRow(code: CloseCode) -> impl IntoView {
    let reaction = code.reaction();
    view! {
        <tr id=anchors::close(code.number())>
            <th scope="row">{code.number()}</th>
            <td>{code.meaning()}</td>
            <td>{word(reaction).map(|word| view! { <span class="tag" data-tone=tone(reaction)>{word}</span> })}</td>
        </tr>
    }
}

#[component]
fn Meaning(word: &'static str, text: &'static str) -> impl IntoView {
    view! { <div><dt>{word}</dt><dd class="fields__type"></dd><dd>{text}</dd></div> }
}

/// The client's reaction in a word or two; `None` if the client itself has closed.
fn word(reaction: Reaction) -> Option<&'static str> {
    match reaction {
        Reaction::BackOff => Some("back off"),
        Reaction::Token => Some("new token"),
        Reaction::Stop => Some("stop"),
        Reaction::None => None,
    }
}

fn tone(reaction: Reaction) -> Option<&'static str> {
    match reaction {
        Reaction::Stop => Some("bad"),
        Reaction::Token => Some("warn"),
        Reaction::BackOff | Reaction::None => None,
    }
}
