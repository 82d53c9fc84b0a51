//! Demo mode: any non-empty token is the user's id. For trying things out, and behind something
//! that has authenticated already.

use super::{Authenticator, Identity, Refused};
use crate::access::Rights;
use futures_util::{
    FutureExt,
    future::{BoxFuture, ready},
};
use protocol::{Invalid, UserId};
use std::net::IpAddr;

/// Takes every token that can be a user id.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demo;

impl Demo {
    fn check(token: &str) -> Result<Identity, Refused> {
        let refused = |why: &'static str| Refused::Invalid(why.into());
        match UserId::new(token.to_owned()) {
            Ok(user) => Ok(Identity { user, rights: Rights::all(), expires: None }),
            Err(Invalid::Empty) => Err(refused("it is empty; in demo mode any text is one")),
            Err(Invalid::TooLong { .. }) => {
                Err(refused("in demo mode it is the user id, of at most 256 bytes"))
            }
            Err(_) => Err(refused("in demo mode it is the user id, without control characters")),
        }
    }
}

impl Authenticator for Demo {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        _from: Option<IpAddr>,
    ) -> BoxFuture<'a, Result<Identity, Refused>> {
        ready(Self::check(token)).boxed()
    }

    fn renews(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_user() {
        assert_eq!(Demo::check("demo-user").unwrap().user.as_str(), "demo-user");
        for bad in ["", "a\nb", &"x".repeat(257)] {
            assert!(matches!(Demo::check(bad), Err(Refused::Invalid(_))), "{bad:?}");
        }
    }
}
