//! What a token says, after its signature was found good.

use super::members::{LIST, NUMBER, OBJECT, TEXT, kind, members, unfit, value};
use crate::{access::Rule, auth::Refused};
use protocol::UserId;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Patterns of each list.
const MAX_PATTERNS: usize = 100;

/// The claims that matter here; others are ignored.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) user: UserId<'static>,
    /// Seconds since 1970; issuers may write fractions.
    pub(super) exp: f64,
    pub(super) nbf: Option<f64>,
    pub(super) topics: Option<Topics>,
}

/// The claim `topics`: rules for subscribing and for publishing. A list that is left out opens
/// nothing.
#[derive(Debug)]
pub(super) struct Topics {
    pub(super) subscribe: Vec<Rule>,
    pub(super) publish: Vec<Rule>,
}

/// What the configuration demands of a token.
#[derive(Debug)]
pub(super) struct Demands {
    pub(super) issuer: Option<String>,
    pub(super) audience: Option<String>,
}

impl Claims {
    /// Reads `json`, all but the times of which is checked.
    ///
    /// # Errors
    /// A claim that is missing, repeated, of the wrong type, or not what it should be.
    pub(super) fn read(json: &[u8], demands: &Demands) -> Result<Self, Refused> {
        let [sub, exp, nbf, iss, aud, topics] =
            members("its content", json, ["sub", "exp", "nbf", "iss", "aud", "topics"])?;
        if let Some(issuer) = &demands.issuer {
            let iss: String = claim("iss", TEXT, required("iss", iss)?)?;
            if iss != *issuer {
                return Err(Refused::Invalid("it is from another issuer (iss)".into()));
            }
        }
        if let Some(audience) = &demands.audience
            && !audiences(required("aud", aud)?)?.contains(audience)
        {
            return Err(Refused::Invalid("it is for another audience (aud)".into()));
        }
        let sub: String = claim("sub", TEXT, required("sub", sub)?)?;
        Ok(Self {
            user: UserId::new(sub)
                .map_err(|why| Refused::Invalid(format!("its claim sub {why}").into()))?,
            exp: seconds("exp", required("exp", exp)?)?,
            nbf: nbf.map(|raw| seconds("nbf", raw)).transpose()?,
            topics: topics.map(Topics::read).transpose()?,
        })
    }
}

impl Topics {
    fn read(raw: &RawValue) -> Result<Self, Refused> {
        if kind(raw) != OBJECT {
            return Err(unfit(format_args!("its claim topics"), OBJECT, raw));
        }
        let [subscribe, publish] =
            members("its claim topics", raw.get().as_bytes(), ["subscribe", "publish"])?;
        Ok(Self {
            subscribe: rules("topics.subscribe", subscribe)?,
            publish: rules("topics.publish", publish)?,
        })
    }
}

fn required<'a>(name: &str, raw: Option<&'a RawValue>) -> Result<&'a RawValue, Refused> {
    raw.ok_or_else(|| Refused::Invalid(format!("it has no claim {name}").into()))
}

fn claim<'a, T: Deserialize<'a>>(
    name: &str,
    expected: &str,
    raw: &'a RawValue,
) -> Result<T, Refused> {
    value(format_args!("its claim {name}"), expected, raw)
}

fn seconds(name: &str, raw: &RawValue) -> Result<f64, Refused> {
    let seconds: f64 = claim(name, NUMBER, raw)?;
    if seconds < 0.0 {
        Err(Refused::Invalid(format!("its claim {name} is negative").into()))
    } else {
        Ok(seconds)
    }
}

/// One audience, or a list of them.
fn audiences(raw: &RawValue) -> Result<Vec<String>, Refused> {
    match kind(raw) {
        LIST => entries("aud", raw)?
            .into_iter()
            .enumerate()
            .map(|(index, raw)| entry("aud", index, raw))
            .collect(),
        TEXT => Ok(vec![claim("aud", TEXT, raw)?]),
        _ => Err(unfit(format_args!("its claim aud"), "a text or a list", raw)),
    }
}

fn rules(name: &str, list: Option<&RawValue>) -> Result<Vec<Rule>, Refused> {
    let Some(list) = list else { return Ok(Vec::new()) };
    let entries = entries(name, list)?;
    if entries.len() > MAX_PATTERNS {
        return Err(Refused::Invalid(
            format!("its claim {name} has more than {MAX_PATTERNS} patterns").into(),
        ));
    }
    let rule = |(index, raw): (usize, &RawValue)| {
        let text: String = entry(name, index, raw)?;
        Rule::parse(&text).ok_or_else(|| {
            Refused::Invalid(
                format!("entry {index} of its claim {name} is not a pattern of topics").into(),
            )
        })
    };
    entries.into_iter().enumerate().map(rule).collect()
}

fn entries<'a>(name: &str, raw: &'a RawValue) -> Result<Vec<&'a RawValue>, Refused> {
    claim(name, LIST, raw)
}

fn entry(name: &str, index: usize, raw: &RawValue) -> Result<String, Refused> {
    value(format_args!("entry {index} of its claim {name}"), TEXT, raw)
}
