//! Lists of topic rules.

use super::kind::{Found, Kind, quoted};
use crate::access::Rule;

/// An array in a file, separated by commas in a variable.
pub(super) struct RuleList;

impl Kind for RuleList {
    type Value = Vec<Rule>;

    fn read(&self, found: &Found<'_>) -> Option<Vec<Rule>> {
        found.texts()?.into_iter().map(Rule::parse).collect()
    }

    fn show(&self, value: &Vec<Rule>) -> String {
        let texts: Vec<String> = value.iter().map(|rule| quoted(&rule.to_string())).collect();
        format!("[{}]", texts.join(", "))
    }

    fn allowed(&self) -> String {
        "a list of patterns of topics, such as [\"prices.*\", \"inbox.{userId}.>\"]: * is one segment between dots, > at the end all that \
         follow, {userId} the user (in a variable separated by commas)"
            .to_owned()
    }
}
