//! One connection from its first frame to its first message, on `/ws/sub/prices`, and the order of
//! a setup's answers.

use super::{highlighted::HighlightedJson, prose::Prose};
use leptos::prelude::*;
use protocol::reference::Direction;

/// A frame of the example, with its explanation.
struct Step {
    direction: Direction,
    frame: &'static str,
    meaning: &'static str,
}

/// The frames after `ws://…/ws/sub/prices` is open. A test parses them with the protocol's types.
const STEPS: [Step; 6] = [
    Step {
        direction: Direction::ToServer,
        frame: r#"{"type":"setup","token":"demo-user"}"#,
        meaning: "You authenticate. The frame names no topic, because the address has.",
    },
    Step {
        direction: Direction::ToClient,
        frame: r#"{"type":"subscribed","topic":"prices","seqNo":96,"epoch":"k3Vt9QxA"}"#,
        meaning: "You are subscribed to `prices`. 96 messages were published before, in the epoch `k3Vt9QxA`.",
    },
    Step {
        direction: Direction::ToClient,
        frame: r#"{"type":"ready","sessionId":"7f3aQ0mXw2LkT9dRb1ZcVg","limits":{"maxFrame":65536,"maxSubscriptions":1000,"sessionTtlMs":120000,"dedupWindowMs":120000,"pingMs":25000}}"#,
        meaning: "The setup is done. The frame contains the gateway's limits. Every accepted setup ends with it.",
    },
    Step {
        direction: Direction::ToClient,
        frame: r#"{"type":"message","topic":"prices","seqNo":97,"messageId":"tick-97","data":{"bid":100,"ask":101}}"#,
        meaning: "A message was published. 97 follows 96: you have missed nothing.",
    },
    Step {
        direction: Direction::ToServer,
        frame: r#"{"type":"publish","topic":"prices","messageId":"tick-98","payload":{"bid":100.5,"ask":101}}"#,
        meaning: "You may publish here as well, to this topic or any other.",
    },
    Step {
        direction: Direction::ToClient,
        frame: r#"{"type":"ack","messageId":"tick-98","status":"ok","topic":"prices","seqNo":98}"#,
        meaning: "The message is stored with number 98. As you are subscribed, it also comes back to you as a `message`.",
    },
];

/// The sub-socket flow.
#[component]
pub(crate) fn SubSocketFlow() -> impl IntoView {
    view! {
        <section class="doc__section" id="flow" aria-labelledby="h-flow">
            <h2 id="h-flow">"One topic, one connection"</h2>
            <p class="doc__lede">
                <Prose text="The shortest way to a message: open `/ws/sub/prices`, send one frame, and wait. On `/ws` the same happens \
                             for every topic that `setup` names."/>
            </p>
            <ol class="story">{STEPS.iter().map(|step| view! { <StepItem step/> }).collect_view()}</ol>
        </section>
    }
}

#[component]
fn StepItem(step: &'static Step) -> impl IntoView {
    let (side, who) = match step.direction {
        Direction::ToServer => ("out", "you send"),
        Direction::ToClient => ("in", "the gateway sends"),
    };
    view! {
        <li>
            <span class="story__who">
                <svg class="row__arrow" data-dir=side aria-hidden="true"><use href=format!("#i-{side}")/></svg>
                {who}
            </span>
            <pre class="code" data-wrap><HighlightedJson text=step.frame/></pre>
            <p><Prose text=step.meaning/></p>
        </li>
    }
}

/// The guarantees on the order of answers.
#[component]
pub(crate) fn AnswerOrder() -> impl IntoView {
    view! {
        <section class="doc__section" id="order-of-answers" aria-labelledby="h-order">
            <h2 id="h-order">"Order of answers"</h2>
            <p class="doc__lede">
                "You need not wait for an answer before you send the next frame, because the order of the answers is \
                 guaranteed."
            </p>
            <ol class="prose bullets">
                <li>
                    <Prose text="Before a good `setup`, every other frame is answered by `SETUP_REQUIRED` and changes nothing. A `setup` \
                                 that fails may be tried again, three times in all; then the connection is closed with 4401."/>
                </li>
                <li>
                    <Prose text="A good `setup` is answered by one `subscribed` for each topic: first the one in the address, then \
                                 those of `topics` in their order, then those of the resumed session, each only once. A topic that is refused \
                                 gets its own `error` instead; the others are subscribed to."/>
                </li>
                <li><Prose text="Then `ready`. No `message` comes before it."/></li>
                <li>
                    <Prose text="From then on answers come in the order of your frames, and name them: an `ack` and an `error` \
                                 contain the `messageId` or the `topic` of your frame."/>
                </li>
                <li>
                    <Prose text="After `unsubscribed` no `message` of that topic comes any more. A second `subscribe`, or an \
                                 `unsubscribe` from a topic without a subscription, is answered like the first."/>
                </li>
                <li><Prose text="If you publish to a topic that you are subscribed to, you receive your own message as well."/></li>
            </ol>
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{ClientFrame, ServerFrame};

    #[test]
    fn the_story_is_told_in_real_frames() {
        for step in &STEPS {
            let written = match step.direction {
                Direction::ToServer => {
                    serde_json::to_string(&ClientFrame::parse(step.frame).unwrap())
                }
                Direction::ToClient => {
                    serde_json::to_string(&ServerFrame::parse(step.frame).unwrap())
                }
            };
            assert_eq!(written.unwrap(), step.frame);
        }
    }
}
