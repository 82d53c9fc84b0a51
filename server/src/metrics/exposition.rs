//! The Prometheus text format (version 0.0.4): a family is a name, its help and type, and its
//! samples. Small enough to be written by hand, since everything it shows is read from elsewhere
//! when it is asked for.

use std::fmt::{self, Display, Write};

/// What the format is called in `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A histogram as Prometheus counts: everything at or below each bound, in seconds or whatever the
/// unit is.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// Bounds, rising, each with the count of everything up to it.
    pub upper_bounds: Vec<(f64, u64)>,
    /// Everything.
    pub count: u64,
    /// The sum of all values.
    pub sum: f64,
}

/// The text of one answer.
#[derive(Debug, Default)]
pub struct Exposition(String);

/// Where the samples of one family go.
#[derive(Debug)]
pub struct Family<'a> {
    name: &'a str,
    text: &'a mut String,
}

impl Exposition {
    /// A value that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help).sample(&[], value);
    }

    /// A value that only grows; its name ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        debug_assert!(name.ends_with("_total"));
        self.family(name, "counter", help).sample(&[], value);
    }

    /// A counter with a label.
    pub fn counters<V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (impl Display, V)>,
    ) {
        debug_assert!(name.ends_with("_total"));
        let mut family = self.family(name, "counter", help);
        for (of, value) in values {
            family.sample(&[(label, &of)], value);
        }
    }

    /// A distribution.
    pub fn histogram(&mut self, name: &str, help: &str, buckets: &Buckets) {
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        let mut family = Family { name: &bucket, text: &mut self.0 };
        for (bound, count) in &buckets.upper_bounds {
            family.sample(&[("le", bound)], count);
        }
        family.sample(&[("le", &"+Inf")], buckets.count);
        Family { name: &format!("{name}_sum"), text: &mut self.0 }.sample(&[], buckets.sum);
        Family { name: &format!("{name}_count"), text: &mut self.0 }.sample(&[], buckets.count);
    }

    /// Begins a family of samples.
    pub fn family<'a>(&'a mut self, name: &'a str, kind: &str, help: &str) -> Family<'a> {
        line(&mut self.0, format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
        Family { name, text: &mut self.0 }
    }

    /// The whole text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// One value with its labels.
    pub fn sample(&mut self, labels: &[(&str, &dyn Display)], value: impl Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(&value.to_string())))
            .collect();
        let name = self.name;
        if labels.is_empty() {
            line(self.text, format_args!("{name} {value}"));
        } else {
            line(self.text, format_args!("{name}{{{}}} {value}", labels.join(",")));
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn line(text: &mut String, content: fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{content}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_of_each_kind() {
        let mut out = Exposition::default();
        out.gauge("a", "A gauge.", 1);
        out.counters("b_total", "Counters.", "code", [("x\"\\\n", 2), ("y", 3)]);
        out.histogram(
            "c_seconds",
            "A histogram.",
            &Buckets { upper_bounds: vec![(0.5, 1), (1.0, 4)], count: 5, sum: 2.25 },
        );
        let expected = "# HELP a A gauge.\n# TYPE a gauge\na 1\n\
            # HELP b_total Counters.\n# TYPE b_total counter\nb_total{code=\"x\\\"\\\\\\n\"} 2\nb_total{code=\"y\"} 3\n\
            # HELP c_seconds A histogram.\n# TYPE c_seconds histogram\n\
            c_seconds_bucket{le=\"0.5\"} 1\nc_seconds_bucket{le=\"1\"} 4\nc_seconds_bucket{le=\"+Inf\"} 5\nc_seconds_sum 2.25\nc_seconds_count 5\n";
        assert_eq!(out.into_text(), expected);
    }
}
