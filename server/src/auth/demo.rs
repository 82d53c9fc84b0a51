//! Demo mode: any non-empty token is the user's id. For trying things out, and behind something that has authenticated already.

use super::{Authenticator, Identity, Refused};
use protocol::{Invalid, UserId};

/// Takes every token that can be a user id.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demo;

impl Authenticator for Demo {
    fn authenticate(&self, token: &str) -> Result<Identity, Refused> {
        match UserId::new(token.to_owned()) {
            Ok(user) => Ok(Identity { user }),
            Err(Invalid::Empty) => Err(Refused::Invalid("it is empty; in demo mode any text is one")),
            Err(Invalid::TooLong(_)) => Err(Refused::Invalid("in demo mode it is the user id, of at most 256 bytes")),
            Err(_) => Err(Refused::Invalid("in demo mode it is the user id, without control characters")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_a_user() {
        assert_eq!(Demo.authenticate("demo-user").unwrap().user.as_str(), "demo-user");
        for bad in ["", "a\nb", &"x".repeat(257)] {
            assert!(matches!(Demo.authenticate(bad), Err(Refused::Invalid(_))), "{bad:?}");
        }
    }
}
