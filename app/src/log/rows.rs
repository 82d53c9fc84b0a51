//! The list itself: a scroller as high as all rows together, which renders only the visible ones.

use super::{
    log_view::LogView,
    row::Row,
    virtual_list::{Heights, VirtualList},
};
use leptos::{ev, html, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{FocusOptions, ResizeObserver};

/// The scroller and its rows.
#[component]
pub(crate) fn Rows(
    /// What is shown.
    log_view: LogView,
    /// Sends a frame again.
    again: Callback<String>,
    /// Opens a frame in the composer.
    edit: Callback<String>,
) -> impl IntoView {
    let scroller = NodeRef::<html::Div>::new();
    let space = NodeRef::<html::Div>::new();
    let probe = NodeRef::<html::Div>::new();
    watch_size(log_view, scroller, probe);
    hold_position(log_view, scroller, space);
    let ids = Memo::new(move |_| {
        let rendered = log_view.rendered.get();
        log_view
            .feed
            .watch(|store| rendered.filter_map(|index| store.id_at(index)).collect::<Vec<_>>())
    });
    let top = move || {
        let first = log_view.rendered.with(|rendered| rendered.start);
        format!("translateY({}px)", log_view.list.with(|list| list.top(first)))
    };
    view! {
        <div
            class="log__rows"
            role="rowgroup"
            tabindex=move || if log_view.tab_stop.get().is_none() { "0" } else { "-1" }
            node_ref=scroller
            on:scroll=move |_| scrolled(log_view, scroller)
            on:click=move |event| clicked(log_view, &event)
            on:keydown=move |event| key(log_view, again, edit, &event)
        >
            <div class="log__probe" aria-hidden="true" node_ref=probe><div class="row"></div><div class="detail"></div></div>
            <div class="log__space" role="presentation" node_ref=space>
                <div class="log__window" role="presentation" style:transform=top>
                    <For each=move || ids.get() key=|id| *id let:id>
                        <Row log_view id again edit/>
                    </For>
                </div>
            </div>
        </div>
    }
    .into_any()
}

/// Measures rows and scroller, now and whenever the scroller changes its size.
fn watch_size(log_view: LogView, scroller: NodeRef<html::Div>, probe: NodeRef<html::Div>) {
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
                log_view.heights.set(Heights {
                    row,
                    detail,
                    view: f64::from(view.client_height()),
                });
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
fn hold_position(log_view: LogView, scroller: NodeRef<html::Div>, space: NodeRef<html::Div>) {
    Effect::new(move |gone_before: Option<u64>| {
        let (list, following, wanted) =
            (log_view.list.get(), log_view.following.get(), log_view.scroll.get());
        let gone = log_view.feed.watch(super::store::Store::gone);
        let (Some(scroller), Some(space)) = (scroller.get(), space.get()) else { return gone };
        // A length in pixels is always a valid style.
        let _ = web_sys::HtmlElement::style(&space)
            .set_property("height", &format!("{}px", list.total()));
        let moved = gone.saturating_sub(gone_before.unwrap_or(gone)) as f64 * list.heights.row;
        let target = if following { list.end() } else { (wanted - moved).max(0.0) };
        if !following && moved > 0.0 {
            log_view.scroll.set(target);
        }
        // The list's place is measured after all rows of this turn are rendered: measuring sooner
        // would make the browser lay them out twice.
        queue_microtask(move || {
            if (f64::from(scroller.scroll_top()) - target).abs() >= 1.0 {
                scroller.set_scroll_top(target.ceil() as i32);
            }
            rescue_focus(log_view, &scroller);
        });
        gone
    });
}

/// If the focused row is no longer rendered, the list takes the focus, so that the arrow keys still
/// work.
fn rescue_focus(log_view: LogView, scroller: &web_sys::HtmlElement) {
    let Some(focused) =
        document().active_element().filter(|focused| scroller.contains(Some(focused)))
    else {
        return;
    };
    let id = row_id(&focused);
    let rendered = |id: u64| {
        let index = log_view.feed.read(|store| store.index_of(id));
        index.is_some_and(|index| {
            log_view.rendered.with_untracked(|rendered| rendered.contains(&index))
        })
    };
    if id.is_some_and(|id| !rendered(id)) {
        focus(scroller);
    }
}

fn clicked(log_view: LogView, event: &ev::MouseEvent) {
    let on = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    let row = on.and_then(|on| on.closest(".row").ok().flatten());
    if let Some(id) = row.as_ref().and_then(row_id) {
        log_view.toggle(id);
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

fn scrolled(log_view: LogView, scroller: NodeRef<html::Div>) {
    let Some(scroller) = scroller.get_untracked() else { return };
    let top = f64::from(scroller.scroll_top());
    let end = f64::from(scroller.scroll_height() - scroller.client_height());
    let before = if log_view.following.get_untracked() {
        log_view.list.with_untracked(VirtualList::end)
    } else {
        log_view.scroll.get_untracked()
    };
    if top >= end - 2.0 {
        log_view.follow(true);
    } else if top < before - 1.0 {
        log_view.follow(false);
    }
    if !log_view.following.get_untracked() {
        log_view.scroll.set(top);
    }
}

fn key(
    log_view: LogView,
    again: Callback<String>,
    edit: Callback<String>,
    event: &ev::KeyboardEvent,
) {
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
        log_view.active.set(row);
    }
    let page =
        log_view.heights.with_untracked(|heights| (heights.view / heights.row) as isize).max(2) - 1;
    let row = log_view.active.get_untracked();
    let moved = match event.key().as_str() {
        "ArrowDown" => log_view.move_by(1),
        "ArrowUp" => log_view.move_by(-1),
        "PageDown" => log_view.move_by(page),
        "PageUp" => log_view.move_by(-page),
        "Home" => log_view.move_by(isize::MIN),
        "End" => log_view.move_by(isize::MAX),
        other => {
            if let Some(row) = row
                && act(log_view, again, edit, other, row)
            {
                event.prevent_default();
            }
            return;
        }
    };
    event.prevent_default();
    if let Some(id) = moved {
        if event.key() == "End" {
            log_view.follow(true);
        }
        request_animation_frame(move || focus_row(id));
    }
}

fn act(
    log_view: LogView,
    again: Callback<String>,
    edit: Callback<String>,
    key: &str,
    row: u64,
) -> bool {
    let open = log_view.open.get_untracked() == Some(row);
    let own = || {
        log_view.feed.read(|store| {
            store
                .get(row)
                .filter(|entry| entry.direction == Some(super::entry::Direction::Out))?
                .text()
                .map(str::to_owned)
        })
    };
    match key {
        "Enter" | " " => log_view.toggle(row),
        "ArrowRight" if !open => log_view.toggle(row),
        "ArrowLeft" if open => log_view.toggle(row),
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
