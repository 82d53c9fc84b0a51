//! What users may do with which topics. Configuration and tokens say it as rules; a user's rights
//! are made of them.
//!
//! | module | idea |
//! |---|---|
//! | `pattern` | which topics something holds for |
//! | `rule` | a pattern in which the user's id may occur |
//! | `rights` | the topics that one user may subscribe and publish to |

mod pattern;
mod rights;
mod rule;

pub use pattern::Pattern;
pub use rights::Rights;
pub use rule::Rule;
