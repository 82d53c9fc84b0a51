//! A row as a chart: bars of its first metric, or lines if it was measured at several sizes. Plain
//! SVG that is readable on light and dark pages.

use crate::{figure::Key, measure::spread::Spread, run::RowResult};
use std::fmt::Write;

const WIDTH: f64 = 720.0;
/// The least width of labels; longer ones take what their letters need.
const LABELS: f64 = 190.0;
const LETTER: f64 = 6.8;
const FIGURES: f64 = 70.0;
const BAR: f64 = 26.0;
const TOP: f64 = 34.0;
const STYLE: &str = "<style>text{font:13px system-ui,sans-serif;fill:#57606a}.own{fill:#1f7a8c}.peer{fill:#9aa5b1}.spread{stroke:#57606a;stroke-width:1.5}\
@media(prefers-color-scheme:dark){text{fill:#adbac7}.own{fill:#4fb3c6}.peer{fill:#636e7b}.spread{stroke:#adbac7}}</style>";

/// `None` if nothing was measured.
pub(super) fn of(result: &RowResult) -> Option<String> {
    let first = result
        .outcomes
        .iter()
        .find_map(|(_, outcome)| outcome.measured()?.keys().first().copied())?;
    let keys: Vec<Key> = result
        .outcomes
        .iter()
        .find_map(|(_, outcome)| outcome.measured())?
        .keys()
        .into_iter()
        .filter(|key| key.metric == first.metric)
        .collect();
    let bars: Vec<(String, bool, Spread)> = result
        .outcomes
        .iter()
        .filter_map(|(side, outcome)| Some((side, outcome.measured()?)))
        .flat_map(|(side, measured)| {
            keys.iter().filter_map(move |key| {
                let at = key.at.map(|at| format!(", {at}")).unwrap_or_default();
                Some((format!("{}{at}", side.name()), side.is_own(), measured.spread(*key)?))
            })
        })
        .collect();
    let unit = first.metric.unit();
    Some(draw(&format!("{}, {unit}", first.metric.name()), &bars))
}

/// A bar for each median, with a line from the lowest to the highest figure.
fn draw(title: &str, bars: &[(String, bool, Spread)]) -> String {
    let most = bars.iter().map(|(_, _, spread)| spread.median).fold(f64::MIN_POSITIVE, f64::max);
    let longest = bars.iter().map(|(label, ..)| label.chars().count()).max().unwrap_or_default();
    let labels = (longest as f64 * LETTER).max(LABELS);
    let scale = (WIDTH - labels - FIGURES) / most;
    let height = TOP + BAR * bars.len() as f64 + 8.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-label=\"{title}\">{STYLE}\
         <text x=\"{labels}\" y=\"20\">{title}; less is better</text>\n"
    );
    for (index, (label, own, spread)) in bars.iter().enumerate() {
        let top = TOP + BAR * index as f64;
        let (middle, line) = (top + BAR / 2.0, top + BAR / 2.0 + 4.0);
        let (width, class) = ((spread.median * scale).max(1.0), if *own { "own" } else { "peer" });
        let end = |figure: f64| labels + (figure * scale).min(WIDTH - labels - FIGURES);
        let _ = writeln!(
            svg,
            "<text x=\"{:.0}\" y=\"{line}\" text-anchor=\"end\">{label}</text>\
             <rect class=\"{class}\" x=\"{labels}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"2\"/>\
             <line class=\"spread\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\"/>\
             <text x=\"{:.1}\" y=\"{line}\">{}</text>",
            labels - 10.0,
            top + 4.0,
            BAR - 8.0,
            end(spread.low),
            end(spread.high),
            end(spread.high.max(spread.median)) + 8.0,
            number(spread.median),
        );
    }
    svg + "</svg>\n"
}

/// A figure with three significant digits.
pub(super) fn number(figure: f64) -> String {
    let digits = match figure.abs() {
        large if large >= 100.0 => 0,
        large if large >= 10.0 => 1,
        middle if middle >= 1.0 => 2,
        _ => 3,
    };
    format!("{figure:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_has_a_bar_for_each_side() {
        let spread = Spread { low: 0.9, median: 1.0, high: 1.2 };
        let svg = draw(
            "CPU per delivery, µs",
            &[("Micro Socket".to_owned(), true, spread), ("Node ws".to_owned(), false, spread)],
        );
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn numbers_have_three_digits_that_count() {
        assert_eq!([0.0512, 1.234, 12.34, 1234.5].map(number), ["0.051", "1.23", "12.3", "1234"]);
    }
}
