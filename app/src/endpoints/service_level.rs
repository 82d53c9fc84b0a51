//! The service level in the answer of `/stats`, for people: the percentiles of the last minute and
//! hour, and whether the target is met. Values that the page cannot read are still in the JSON
//! beside it.

use crate::{log::clock, reference::Table};
use leptos::prelude::*;
use serde_json::Value;

/// The object `slo`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ServiceLevel {
    /// In milliseconds.
    target: f64,
    minute: Window,
    hour: Window,
}

#[derive(Debug, Clone, PartialEq)]
struct Window {
    met: bool,
    /// p50, p90, p99 and p99.9 in milliseconds.
    percentiles: [Option<f64>; 4],
    delivered: u64,
}

impl ServiceLevel {
    /// Reads it from the answer's body.
    pub(super) fn read(body: &str) -> Option<Self> {
        let stats: Value = serde_json::from_str(body).ok()?;
        let slo = &stats["slo"];
        Some(Self {
            target: slo["deliveryP99Ms"].as_f64()?,
            minute: Window::read(&slo["minute"])?,
            hour: Window::read(&slo["hour"])?,
        })
    }

    fn target(&self) -> String {
        format!(
            "99 of 100 deliveries are to take at most {} ms (slo.delivery_p99).",
            clock::whole(self.target)
        )
    }

    fn rows(&self) -> [(&'static str, &Window); 2] {
        [("Last minute", &self.minute), ("Last hour", &self.hour)]
    }
}

impl Window {
    fn read(window: &Value) -> Option<Self> {
        Some(Self {
            met: window["met"].as_bool()?,
            percentiles: ["p50Ms", "p90Ms", "p99Ms", "p999Ms"].map(|name| window[name].as_f64()),
            delivered: window["delivered"].as_u64()?,
        })
    }

    /// The cells of the window's row, after its name.
    fn cells(&self) -> [String; 5] {
        let [p50, p90, p99, p999] = self.percentiles.map(latency);
        [self.delivered.to_string(), p50, p90, p99, p999]
    }

    /// Whether the target is met, in a word, with its tone.
    fn verdict(&self) -> (&'static str, Option<&'static str>) {
        match (self.delivered, self.met) {
            (0, _) => ("nothing delivered", None),
            (_, true) => ("met", Some("good")),
            (_, false) => ("missed", Some("bad")),
        }
    }
}

fn latency(ms: Option<f64>) -> String {
    ms.map_or_else(|| "–".to_owned(), clock::duration)
}

/// The table.
#[component]
pub(super) fn ServiceLevelView(
    /// The service level to show.
    level: ServiceLevel,
) -> impl IntoView {
    let row = |(name, window): (&'static str, &Window)| {
        let (word, tone) = window.verdict();
        let cells = window.cells().map(|cell| view! { <td class="num">{cell}</td> });
        view! { <tr><th scope="row">{name}</th>{cells}<td><span class="tag" data-tone=tone>{word}</span></td></tr> }
    };
    view! {
        <p class="answer-note">{level.target()}</p>
        <Table label="Service level" numbers=true columns=&["Window", "Delivered", "p50", "p90", "p99", "p99.9", "Target"]>{level.rows().map(row)}</Table>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"connections":1,"topics":1,"subscriptions":1,"slo":{"deliveryP99Ms":50.0,
        "minute":{"met":true,"p50Ms":0.1,"p90Ms":0.2,"p99Ms":12.4,"p999Ms":1500.0,"published":1,"delivered":2,"duplicates":0,"replayed":0,"slowConsumers":0},
        "hour":{"met":true,"p50Ms":null,"p90Ms":null,"p99Ms":null,"p999Ms":null,"published":0,"delivered":0,"duplicates":0,"replayed":0,"slowConsumers":0}}}"#;

    #[test]
    fn each_window_is_a_row() {
        let level = ServiceLevel::read(BODY).unwrap();
        let [(_, minute), (_, hour)] = level.rows();
        assert_eq!(minute.cells(), ["2", "0.1 ms", "0.2 ms", "12 ms", "1.5 s"]);
        assert_eq!((minute.verdict().0, hour.verdict().0), ("met", "nothing delivered"));
        assert_eq!(hour.cells()[1], "–");
        assert_eq!(
            level.target(),
            "99 of 100 deliveries are to take at most 50 ms (slo.delivery_p99)."
        );
    }

    #[test]
    fn another_body_is_left_alone() {
        assert_eq!(ServiceLevel::read(r#"{"connections":1}"#), None);
    }
}
