//! From claims to a user, its rights, and the end of both.

use super::{Jwt, claims::Claims, invalid};
use crate::{
    access::Rights,
    auth::{Expiry, Identity, Refused},
    wall_clock::unix_time,
};
use std::time::{Duration, SystemTime};

impl Jwt {
    /// The user of these claims. Without a claim `topics` it has the configuration's rights.
    ///
    /// # Errors
    /// [`Refused`]: they are not valid yet, or not any more.
    pub(super) fn identity(&self, claims: Claims) -> Result<Identity, Refused> {
        let expires = self.good_until(&claims)?;
        let user = claims.user;
        let rights = match &claims.topics {
            Some(topics) => Rights::by(&user, &topics.subscribe, &topics.publish),
            None => Rights::by(&user, &self.default_subscribe, &self.default_publish),
        };
        Ok(Identity { user, rights, expires })
    }

    /// When `exp` and the leeway are over. `None`: later than a clock can tell.
    fn good_until(&self, claims: &Claims) -> Result<Option<Expiry>, Refused> {
        let now = unix_time(SystemTime::now());
        if claims.nbf.is_some_and(|begin| begin > now.saturating_add(self.leeway).as_secs_f64()) {
            return Err(invalid("it is not valid yet (nbf)"));
        }
        let Ok(exp) = Duration::try_from_secs_f64(claims.exp) else { return Ok(None) };
        match exp.saturating_add(self.leeway).checked_sub(now) {
            Some(left) if !left.is_zero() => Ok(Expiry::after(left)),
            _ => Err(Refused::Expired),
        }
    }
}
