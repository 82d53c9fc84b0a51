//! What a token says, after its signature was found good.

use crate::auth::{Refused, Rule};
use serde::Deserialize;

/// Patterns of each list.
const MAX_PATTERNS: usize = 100;

/// The claims that matter here; others are ignored.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: Option<String>,
    /// Seconds since 1970; issuers may write fractions.
    pub(super) exp: Option<f64>,
    pub(super) topics: Option<Topics>,
}

/// The claim `topics`. A list that is left out opens nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Topics {
    subscribe: Vec<String>,
    publish: Vec<String>,
}

impl Topics {
    /// Rules for subscribing and for publishing.
    ///
    /// # Errors
    /// Too many, or one that is no pattern. The text holds nothing of the token.
    pub(super) fn rules(&self) -> Result<(Vec<Rule>, Vec<Rule>), Refused> {
        Ok((rules("subscribe", &self.subscribe)?, rules("publish", &self.publish)?))
    }
}

fn rules(list: &str, texts: &[String]) -> Result<Vec<Rule>, Refused> {
    if texts.len() > MAX_PATTERNS {
        return Err(Refused::Invalid(format!("its claim topics.{list} has more than {MAX_PATTERNS} patterns").into()));
    }
    let rule = |(index, text): (usize, &String)| {
        let why = || format!("entry {index} of its claim topics.{list} is not a pattern of topics");
        Rule::parse(text).ok_or_else(|| Refused::Invalid(why().into()))
    };
    texts.iter().enumerate().map(rule).collect()
}
