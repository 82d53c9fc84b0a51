//! What the page needs from the browser: time, origin, storage, clipboard, random numbers. Called
//! in the browser only.

use crate::connection::PageOrigin;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::js_sys;

/// Milliseconds since 1970, with fractions. Never goes back during one visit.
pub(crate) fn now() -> f64 {
    match window().performance() {
        Some(performance) => performance.time_origin() + performance.now(),
        None => js_sys::Date::now(),
    }
}

/// Minutes from local time to UTC.
pub(crate) fn timezone_offset() -> f64 {
    js_sys::Date::new_0().get_timezone_offset()
}

/// The origin that the page was loaded from.
pub(crate) fn page_origin() -> PageOrigin {
    let location = window().location();
    PageOrigin {
        secure: location.protocol().is_ok_and(|protocol| protocol == "https:"),
        host: location.host().unwrap_or_default(),
    }
}

/// `<html>`.
pub(crate) fn root() -> Option<web_sys::HtmlElement> {
    document().document_element()?.dyn_into().ok()
}

/// The value stored under `key`; `None` also if the browser allows no storage.
pub(crate) fn stored(key: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(key).ok()?
}

/// Stores a value under `key`, or removes it. Does nothing if the browser allows no storage.
pub(crate) fn store(key: &str, value: Option<&str>) {
    let Ok(Some(storage)) = window().local_storage() else { return };
    // Storage may be full or forbidden: then the choice lasts for this visit only.
    let _ = match value {
        Some(value) => storage.set_item(key, value),
        None => storage.remove_item(key),
    };
}

/// Any number from 0 up to 1.
pub(crate) fn random() -> f64 {
    js_sys::Math::random()
}

/// A short random name: 40 bits in letters and digits that cannot be confused with each other.
pub(crate) fn random_name() -> String {
    const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let letter = || char::from(ALPHABET[(random() * 32.0) as usize % 32]);
    std::iter::repeat_with(letter).take(8).collect()
}

/// Puts `text` on the clipboard; false if the browser refuses.
pub(crate) async fn copy(text: String) -> bool {
    let navigator = window().navigator();
    // The clipboard exists only in a secure context; a call without one would throw.
    let clipboard = js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard"));
    if clipboard.is_ok_and(|clipboard| !clipboard.is_undefined())
        && JsFuture::from(navigator.clipboard().write_text(&text)).await.is_ok()
    {
        return true;
    }
    copy_by_selection(&text).unwrap_or(false)
}

fn copy_by_selection(text: &str) -> Option<bool> {
    let document: web_sys::HtmlDocument = document().dyn_into().ok()?;
    let area: web_sys::HtmlTextAreaElement =
        document.create_element("textarea").ok()?.dyn_into().ok()?;
    area.set_value(text);
    area.set_class_name("visually-hidden");
    let body = document.body()?;
    body.append_child(&area).ok()?;
    area.select();
    let copied = document.exec_command("copy").unwrap_or(false);
    body.remove_child(&area).ok()?;
    Some(copied)
}

/// The bytes that a text in base64url encodes; `None` if it is not base64url.
pub(crate) fn base64url(text: &str) -> Option<Vec<u8>> {
    let bytes = window().atob(&text.replace('-', "+").replace('_', "/")).ok()?;
    // `atob` returns one character per byte.
    bytes.chars().map(|byte| u8::try_from(byte).ok()).collect()
}
