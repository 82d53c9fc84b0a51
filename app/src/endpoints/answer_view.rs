//! Shows an answer: status, time, headers, body; an explained problem; or a failure in words.

use super::{
    answer::{Answer, Outcome, Problem, duration},
    code_box::CodeBox,
    service_level::{ServiceLevel, ServiceLevelView},
};
use crate::{
    reference::{HighlightedJson, anchors},
    shell::Icon,
};
use leptos::prelude::*;
use protocol::ErrorCode;

/// Shows the outcome of a request.
#[component]
pub(crate) fn AnswerView(path: &'static str, outcome: Outcome) -> impl IntoView {
    match outcome {
        Outcome::Answered(answer) => view! { <Answered path answer/> }.into_any(),
        Outcome::Unreachable | Outcome::TimedOut => {
            view! { <RequestFailed title="No answer".to_owned()>{outcome.sentence()}</RequestFailed> }
                .into_any()
        }
    }
}

#[component]
fn Answered(path: &'static str, answer: Answer) -> impl IntoView {
    let problem = answer.problem();
    let tone = if answer.is_success() { "good" } else { "bad" };
    let facts = [answer.media_type(), Some(duration(answer.millis))]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ");
    let status = answer.status_line();
    let headers: Vec<String> =
        answer.informative_headers().map(|(name, value)| format!("{name}: {value}")).collect();
    let json = answer.is_json();
    let level = (path == "/stats").then(|| ServiceLevel::read(&answer.body)).flatten();
    let body = answer.body;
    let copied = body.clone();
    view! {
        {problem.map(|problem| view! { <ProblemBox problem/> })}
        {level.map(|level| view! { <ServiceLevelView level/> })}
        <CodeBox name=format!("Answer of {path}") copy_label="Copy the answer" text=Signal::stored(copied) bar=view! { <span class="tag" data-tone=tone>{status}</span> " " <span>{facts}</span> }.into_any()>
            {if json { view! { <HighlightedJson text=body is_pretty=true/> }.into_any() } else { body.into_any() }}
        </CodeBox>
        {headers.into_iter().map(|header| view! { <p class="answer-note"><code>{header}</code></p> }).collect_view()}
    }
}

/// A problem's text, with a link to the explanation of its code.
#[component]
fn ProblemBox(problem: Problem) -> impl IntoView {
    let code = problem.code.unwrap_or_default();
    let known = ErrorCode::ALL.iter().find(|known| known.as_str() == code);
    let title = if code.is_empty() { problem.title } else { code };
    view! {
        <RequestFailed title>
            {problem.detail}
            {known.map(|known| view! { " " <a href=format!("#{}", anchors::error(known.as_str()))>"What to do about it"</a> })}
        </RequestFailed>
    }
}

#[component]
fn RequestFailed(title: String, children: Children) -> impl IntoView {
    view! {
        <div class="callout" data-tone="bad">
            <Icon name="bad"/>
            <p class="callout__title">{title}</p>
            <p>{children()}</p>
        </div>
    }
}
