//! Keys that the tests sign and check with.

pub(super) const RSA_PRIVATE: &str = include_str!("../../../tests/keys/rsa.pem");
pub(super) const RSA_PUBLIC: &str = include_str!("../../../tests/keys/rsa.pub.pem");
pub(super) const OTHER_RSA_PRIVATE: &str = include_str!("../../../tests/keys/other_rsa.pem");
pub(super) const EC_PRIVATE: &str = include_str!("../../../tests/keys/ec.pem");
pub(super) const EC_PUBLIC: &str = include_str!("../../../tests/keys/ec.pub.pem");
pub(super) const ED_PRIVATE: &str = include_str!("../../../tests/keys/ed.pem");
pub(super) const ED_PUBLIC: &str = include_str!("../../../tests/keys/ed.pub.pem");
pub(super) const RSA_1024_PUBLIC: &str = include_str!("../../../tests/keys/weak_rsa.pub.pem");
pub(super) const P384_PUBLIC: &str = include_str!("../../../tests/keys/p384.pub.pem");
pub(super) const SECRET: &str = "a secret of at least thirty-two bytes";
