//! Lists of topic rules.

use super::list::List;
use crate::access::Rule;

/// The rules of users' rights.
pub(super) const RULES: List<Rule> = List {
    parse: Rule::parse,
    show: Rule::to_string,
    allowed: "a list of patterns of topics, such as [\"prices.*\", \"inbox.{userId}.>\"]: * is one segment between dots, > at the end all that \
              follow, {userId} the user (in a variable separated by commas)",
};
