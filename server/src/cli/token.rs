//! `micro-socket token`: a JSON Web Token for trying things out, signed by HS256 with the secret
//! that the gateway has.

use clap::Args;
use micro_socket::{access::Rule, auth, config::parse_period, text_file};
use protocol::UserId;
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

#[derive(Args)]
pub(crate) struct Token {
    /// The file that auth.jwt_secret_file names
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// The user's id
    #[arg(long, value_name = "USER", value_parser = user)]
    sub: String,
    /// What the user may subscribe to, such as 'prices.*'; may be repeated. Without any rule the
    /// gateway's defaults hold
    #[arg(long, value_name = "PATTERN", value_parser = rule)]
    subscribe: Vec<String>,
    /// What the user may publish to; may be repeated
    #[arg(long, value_name = "PATTERN", value_parser = rule)]
    publish: Vec<String>,
    /// How long it is good
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = period)]
    ttl: Duration,
    /// The claim iss, where auth.issuer asks for one
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    /// The claim aud, where auth.audience asks for one
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,
}

impl Token {
    /// The token.
    pub(crate) fn run(self) -> Result<String, String> {
        let file = self.secret_file.display();
        let secret = text_file::read(&self.secret_file)
            .map_err(|error| format!("{file}: cannot be read: {error}"))?;
        let secret = auth::secret_in(&secret);
        if secret.len() < 32 {
            return Err(format!(
                "{file}: a secret has at least 32 bytes; the gateway takes no shorter one"
            ));
        }
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
        Ok(auth::sign(&self.claims(now), secret.as_bytes()))
    }

    fn claims(&self, now: Duration) -> Value {
        let mut claims = json!({ "sub": self.sub, "iat": now.as_secs(), "exp": now.saturating_add(self.ttl).as_secs() });
        if !self.subscribe.is_empty() || !self.publish.is_empty() {
            claims["topics"] = json!({ "subscribe": self.subscribe, "publish": self.publish });
        }
        for (name, value) in [("iss", &self.issuer), ("aud", &self.audience)] {
            if let Some(value) = value {
                claims[name] = json!(value);
            }
        }
        claims
    }
}

fn user(text: &str) -> Result<String, String> {
    UserId::new(text).map(|user| user.as_str().to_owned()).map_err(|why| why.to_string())
}

fn rule(text: &str) -> Result<String, String> {
    Rule::parse(text)
        .map(|rule| rule.to_string())
        .ok_or_else(|| "not a pattern of topics: > stands only at the end".to_owned())
}

fn period(text: &str) -> Result<Duration, String> {
    parse_period(text)
        .filter(|period| !period.is_zero())
        .ok_or_else(|| "a duration is written 30s, 10m or 1h".to_owned())
}
