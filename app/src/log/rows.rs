//! The list itself: a scroller as high as all rows together, which renders only the visible ones.

use super::{
    row::Row,
    screen::Screen,
    window::{Heights, List},
};
use leptos::{ev, html, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{FocusOptions, ResizeObserver};

/// The scroller and its rows.
#[component]
pub(crate) fn Rows(
    /// What is shown.
    screen: Screen,
    /// Sends a frame again.
    again: Callback<String>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let space = NodeRef::<html::Div>::new();
    let probe = NodeRef::<html::Div>::new();
    watch_size(screen, scroller, probe);
    hold_position(screen, scroller, space);
    let ids = Memo::new(move |_| {
        let rendered = screen.rendered.get();
        screen
            .feed
            .watch(|store| rendered.filter_map(|index| store.id_at(index)).collect::<Vec<_>>())
    });
    let top = move || {
        let first = screen.rendered.with(|rendered| rendered.start);
        format!("translateY({}px)", screen.list.with(|list| list.top(first)))
    };
    view! {
        <div
            class="log__rows"
            role="rowgroup"
            tabindex=move || if screen.tab_stop.get().is_none() { "0" } else { "-1" }
            node_ref=scroller
            on:scroll=move |_| scrolled(screen, scroller)
            on:click=move |event| clicked(screen, &event)
            on:keydown=move |event| key(screen, again, edit, &event)
        >
            <div class="log__probe" aria-hidden="true" node_ref=probe><div class="row"></div><div class="detail"></div></div>
            <div class="log__space" role="presentation" node_ref=space>
                <div class="log__window" role="presentation" style:transform=top>
                    <For each=move || ids.get() key=|id| *id let:id>
                        <Row screen id again edit/>
                    </For>
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// Measures rows and scroller, now and whenever the scroller changes its size.
fn watch_size(screen: Screen, scroller: NodeRef<html::Div>, probe: NodeRef<html::Div>) {
    Effect::new(move |_| {
        let (Some(scroller), Some(probe)) = (scroller.get(), probe.get()) else { return };
        let view = scroller.clone();
        let measure = Closure::<dyn Fn()>::new(move || {
            let height = |child: Option<web_sys::Element>| {
                child.map_or(0.0, |child| child.get_bounding_client_rect().height())
            };
            let row = height(probe.first_element_child());
            // The probe is not rendered at present: the last measures stay valid.
            if row > 0.0 {
                let detail = height(probe.last_element_child());
                screen.heights.set(Heights { row, detail, view: f64::from(view.client_height()) });
            }
        });
        let Ok(observer) = ResizeObserver::new(measure.as_ref().unchecked_ref()) else { return };
        observer.observe(&scroller);
        let kept = send_wrapper::SendWrapper::new((observer, measure));
        on_cleanup(move || kept.0.disconnect());
    });
}

/// Sets the list's height; then scrolls to the newest row, or keeps the visible rows in place when
/// old ones are removed.
fn hold_position(screen: Screen, scroller: NodeRef<html::Div>, space: NodeRef<html::Div>) {
    Effect::new(move |gone_before: Option<u64>| {
        let (list, following, wanted) =
            (screen.list.get(), screen.following.get(), screen.scroll.get());
        let gone = screen.feed.watch(super::store::Store::gone);
        let (Some(scroller), Some(space)) = (scroller.get(), space.get()) else { return gone };
        // A length in pixels is always a valid style.
        let _ = web_sys::HtmlElement::style(&space)
            .set_property("height", &format!("{}px", list.total()));
        let moved = gone.saturating_sub(gone_before.unwrap_or(gone)) as f64 * list.heights.row;
        let target = if following { list.end() } else { (wanted - moved).max(0.0) };
        if !following && moved > 0.0 {
            screen.scroll.set(target);
        }
        // The list's place is measured after all rows of this turn are rendered: measuring sooner
        // would make the browser lay them out twice.
        queue_microtask(move || {
            if (f64::from(scroller.scroll_top()) - target).abs() >= 1.0 {
                scroller.set_scroll_top(target.ceil() as i32);
            }
            rescue_focus(screen, &scroller);
        });
        gone
    });
}

/// If the focused row is no longer rendered, the list takes the focus, so that the arrow keys still
/// work.
fn rescue_focus(screen: Screen, scroller: &web_sys::HtmlElement) {
    let Some(focused) =
        document().active_element().filter(|focused| scroller.contains(Some(focused)))
    else {
        return;
    };
    let id = row_id(&focused);
    let rendered = |id: u64| {
        let index = screen.feed.read(|store| store.index_of(id));
        index.is_some_and(|index| {
            screen.rendered.with_untracked(|rendered| rendered.contains(&index))
        })
    };
    if id.is_some_and(|id| !rendered(id)) {
        focus(scroller);
    }
}

fn clicked(screen: Screen, event: &ev::MouseEvent) {
    let on = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let row = on.and_then(|on| on.closest(".row").ok().flatten());
    if let Some(id) = row.as_ref().and_then(row_id) {
        screen.toggle(id);
    }
}

fn row_id(element: &web_sys::Element) -> Option<u64> {
    element.get_attribute("data-id")?.parse().ok()
}

fn focus(element: &web_sys::HtmlElement) {
    let options = FocusOptions::new();
    options.set_prevent_scroll(true);
    // An element of the list can always be focused.
    let _ = element.focus_with_options(&options);
}

fn scrolled(screen: Screen, scroller: NodeRef<html::Div>) {
    let Some(scroller) = scroller.get_untracked() else { return };
    let top = f64::from(scroller.scroll_top());
    let end = f64::from(scroller.scroll_height() - scroller.client_height());
    let before = if screen.following.get_untracked() {
        screen.list.with_untracked(List::end)
    } else {
        screen.scroll.get_untracked()
    };
    if top >= end - 2.0 {
        screen.follow(true);
    } else if top < before - 1.0 {
        screen.follow(false);
    }
    if !screen.following.get_untracked() {
        screen.scroll.set(top);
    }
}

fn key(screen: Screen, again: Callback<String>, edit: Callback<String>, event: &ev::KeyboardEvent) {
    let Some(on) = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok())
    else {
        return;
    };
    let row = row_id(&on);
    if (row.is_none() && !on.class_list().contains("log__rows"))
        || event.ctrl_key()
        || event.meta_key()
        || event.alt_key()
    {
        return;
    }
    if row.is_some() {
        screen.active.set(row);
    }
    let page =
        screen.heights.with_untracked(|heights| (heights.view / heights.row) as isize).max(2) - 1;
    let row = screen.active.get_untracked();
    let moved = match event.key().as_str() {
        "ArrowDown" => screen.move_by(1),
        "ArrowUp" => screen.move_by(-1),
        "PageDown" => screen.move_by(page),
        "PageUp" => screen.move_by(-page),
        "Home" => screen.move_by(isize::MIN),
        "End" => screen.move_by(isize::MAX),
        other => {
            if let Some(row) = row
                && act(screen, again, edit, other, row)
            {
                event.prevent_default();
            }
            return;
        }
    };
    event.prevent_default();
    if let Some(id) = moved {
        if event.key() == "End" {
            screen.follow(true);
        }
        request_animation_frame(move || focus_row(id));
    }
}

fn act(
    screen: Screen,
    again: Callback<String>,
    edit: Callback<String>,
    key: &str,
    row: u64,
) -> bool {
    let open = screen.open.get_untracked() == Some(row);
    let own = || {
        screen.feed.read(|store| {
            store
                .get(row)
                .filter(|entry| entry.direction == Some(super::entry::Direction::Out))?
                .text()
                .map(str::to_owned)
        })
    };
    match key {
        "Enter" | " " => screen.toggle(row),
        "ArrowRight" if !open => screen.toggle(row),
        "ArrowLeft" if open => screen.toggle(row),
        "r" => match own() {
            Some(text) => again.run(text),
            None => return false,
        },
        "e" => match own() {
            Some(text) => edit.run(text),
            None => return false,
        },
        _ => return false,
    }
    true
}

fn focus_row(id: u64) {
    let row = document().get_element_by_id(&format!("row-{id}"));
    if let Some(row) = row.and_then(|row| row.dyn_into::<web_sys::HtmlElement>().ok()) {
        focus(&row);
    }
}
