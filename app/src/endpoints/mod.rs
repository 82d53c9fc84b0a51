//! The HTTP endpoints, each with its description, and **Try it** if there is something to send; the
//! WebSocket addresses beside them. Renders the section `#endpoints`.

mod answer;
mod answer_view;
mod backend;
mod catalog;
mod code_box;
mod fetch;
mod publish;
mod request;
mod service_level;
mod try_it;

use crate::{
    reference::{Prose, Table},
    shell::Icon,
    static_html,
};
use backend::BackendForm;
use catalog::{ENDPOINTS, Endpoint, Offer, SOCKETS, SocketAddress, split_parameter};
use leptos::prelude::*;
use publish::PublishForm;
use request::Call;
use try_it::TryIt;

/// Every endpoint of the gateway.
#[component]
pub fn Endpoints() -> impl IntoView {
    view! {
        <section class="doc__section" id="endpoints" aria-labelledby="h-endpoints">
            <h2 id="h-endpoints">"Endpoints"</h2>
            <p class="doc__lede" inner_html=static_html::render(lede)></p>
            <h3 id="http">"HTTP"</h3>
            {ENDPOINTS.iter().map(|endpoint| view! { <EndpointRow endpoint/> }).collect_view()}
            <h3 id="sockets">"WebSocket"</h3>
            <div class="doc__standing" inner_html=static_html::render(|| view! { <SocketTable/> })></div>
        </section>
    }
    .into_any()
}

fn lede() -> impl IntoView {
    view! {
        "Over HTTP you can observe the gateway, and publish without a socket. Errors come as "
        <code>"application/problem+json"</code> " with the " <a href="#errors">"same codes"</a> " as on the socket."
    }
}

#[component]
fn SocketTable() -> impl IntoView {
    view! {
        <Table label="WebSocket addresses" columns=&["Path", "For", "After setup"]>
            {SOCKETS.iter().map(|address| view! { <SocketRow address/> }).collect_view()}
        </Table>
    }
}

/// A row that unfolds. Rows with fields are unfolded from the start.
#[component]
fn EndpointRow(endpoint: &'static Endpoint) -> impl IntoView {
    let open = endpoint.offer == Offer::Publish;
    view! {
        <details class="endpoint" id=endpoint.id open=open>
            <summary inner_html=static_html::render(|| summary(endpoint))></summary>
            <div class="endpoint__body"><Body endpoint/></div>
        </details>
    }
}

fn summary(endpoint: &'static Endpoint) -> impl IntoView {
    let (before, topic, behind) = split_parameter(endpoint.path);
    view! {
        <span class="method" data-method=endpoint.method()>{endpoint.method()}</span>
        <span class="endpoint__path">{before} <i>{topic}</i> {behind}</span>
        <span class="endpoint__what">{endpoint.brief}</span>
        <Icon name="right"/>
    }
}

#[component]
fn Body(endpoint: &'static Endpoint) -> impl IntoView {
    match endpoint.offer {
        Offer::Ask => {
            view! { <TryIt path=endpoint.path text=endpoint.text call=Signal::stored(Call::get(endpoint.path.to_owned()))/> }.into_any()
        }
        Offer::Backend => view! { <BackendForm path=endpoint.path text=endpoint.text/> }.into_any(),
        Offer::Publish => view! { <PublishForm path=endpoint.path text=endpoint.text/> }.into_any(),
        Offer::Visit(link) => view! {
            <p class="spec__text" inner_html=static_html::render(|| endpoint.text)></p>
            <p inner_html=static_html::render(|| view! { <a href=endpoint.path>{link}</a> })></p>
        }
        .into_any(),
    }
}

#[component]
fn SocketRow(address: &'static SocketAddress) -> impl IntoView {
    view! {
        <tr>
            <th scope="row">{address.path}</th>
            <td>{address.purpose}</td>
            <td><Prose text=address.after_setup/></td>
        </tr>
    }
}
