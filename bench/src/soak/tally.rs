//! The clients' counts.

use std::cell::Cell;

#[derive(Debug, Default)]
pub(super) struct Count(Cell<u64>);

impl Count {
    pub(super) fn add(&self, more: u64) {
        self.0.set(self.0.get() + more);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.get()
    }
}

const FAULTS: &str = "violations";
const STORED: &str = "messages published";
const DELIVERED: &str = "messages delivered and checked";
const DUPLICATES: &str = "repeats answered `duplicate`";
const CONNECTIONS: &str = "connections set up";

macro_rules! tally {
    ($( $(#[$doc:meta])* $name:ident: $text:expr, )*) => {
        /// The counts of one stage.
        #[derive(Debug, Default)]
        pub(super) struct Tally {
            $( $(#[$doc])* pub(super) $name: Count, )*
        }

        impl Tally {
            /// Counts that are above zero even in the shortest run.
            pub(super) const ALWAYS: [&str; 4] = [STORED, DELIVERED, DUPLICATES, CONNECTIONS];

            /// Counts that are still zero, although a run of some minutes should raise all of them.
            pub(super) fn never(&self) -> impl Iterator<Item = &'static str> {
                self.lines().into_iter().filter(|(name, count)| *count == 0 && *name != FAULTS).map(|(name, _)| name)
            }

            /// Each count with its name in the report.
            pub(super) fn lines(&self) -> Vec<(&'static str, u64)> {
                vec![$( ($text, self.$name.get()), )*]
            }
        }
    };
}

tally! {
    /// Sessions that may be without a connection by now.
    left: "sessions left",
    /// Distinct messages: a repeat is not counted.
    stored: STORED,
    delivered: DELIVERED,
    duplicates: DUPLICATES,
    reconnects: "publishers that lost their connection with publishes in flight",
    connections: CONNECTIONS,
    full: "connections refused because the gateway was full (1013)",
    half_open: "connections left half-open (4408)",
    resumed: "sessions resumed",
    recovered: "topics resumed without loss",
    lost: "topics with a reported loss (`recovered: false`)",
    expired: "sessions that had expired",
    overtaken: "connections whose session was resumed elsewhere (4409)",
    brief: "short-lived topics",
    slow: "slow readers closed (4290)",
    leisurely: "messages to readers that are slow but keep up",
    refused: "publishes and subscriptions refused by a limit",
    rated: "publishers closed for their rate (4429)",
    garbage: "senders of garbage, each answered as documented",
    requests: "HTTP requests",
    faults: FAULTS,
}
