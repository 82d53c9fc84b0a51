//! A token's JSON: members that are asked for by name, each there once at most and of the type that
//! it should have. What refuses one names it, and holds nothing of its value.

use crate::auth::Refused;
use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::fmt;

pub(super) const TEXT: &str = "a text";
pub(super) const NUMBER: &str = "a number";
pub(super) const LIST: &str = "a list";
pub(super) const OBJECT: &str = "an object";

/// The members of these names, others are passed over. One that is null counts as left out.
///
/// # Errors
/// `what` is no object, or has one of these members twice.
pub(super) fn members<'a, const N: usize>(
    what: &str,
    json: &'a [u8],
    names: [&'static str; N],
) -> Result<[Option<&'a RawValue>; N], Refused> {
    let not_an_object = |_| Refused::Invalid(format!("{what} is not a JSON object").into());
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let found = Members(names).deserialize(&mut deserializer).map_err(not_an_object)?;
    deserializer.end().map_err(not_an_object)?;
    found.map_err(|Repeated(name)| Refused::Invalid(format!("{what} has {name} twice").into()))
}

/// The value of `what` as `T`, which is written as `expected`.
///
/// # Errors
/// It is something else.
pub(super) fn value<'a, T: Deserialize<'a>>(
    what: fmt::Arguments<'_>,
    expected: &str,
    raw: &'a RawValue,
) -> Result<T, Refused> {
    serde_json::from_str(raw.get()).map_err(|_| unfit(what, expected, raw))
}

/// `what` is not `expected`.
pub(super) fn unfit(what: fmt::Arguments<'_>, expected: &str, raw: &RawValue) -> Refused {
    let found = kind(raw);
    Refused::Invalid(
        if found == expected {
            format!("{what} cannot be read")
        } else {
            format!("{what} is {found}, not {expected}")
        }
        .into(),
    )
}

/// What a value is, told by how it begins.
pub(super) fn kind(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'"') => TEXT,
        Some(b'[') => LIST,
        Some(b'{') => OBJECT,
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => NUMBER,
    }
}

struct Members<const N: usize>([&'static str; N]);

struct Repeated(&'static str);

impl<'de, const N: usize> DeserializeSeed<'de> for Members<N> {
    type Value = Result<[Option<&'de RawValue>; N], Repeated>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const N: usize> Visitor<'de> for Members<N> {
    type Value = Result<[Option<&'de RawValue>; N], Repeated>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(OBJECT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = [None; N];
        let mut repeated = None;
        while let Some(index) = map.next_key_seed(Name(&self.0))? {
            match index {
                Some(index) if found[index].is_none() => {
                    found[index] = Some(map.next_value::<&RawValue>()?)
                }
                Some(index) => {
                    map.next_value::<IgnoredAny>()?;
                    repeated = Some(Repeated(self.0[index]));
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let given = |raw: Option<&'de RawValue>| raw.filter(|raw| raw.get() != "null");
        Ok(repeated.map_or_else(|| Ok(found.map(given)), Err))
    }
}

/// Which of these names a key is.
struct Name<'n>(&'n [&'static str]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|known| *known == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two(json: &str) -> Result<[Option<String>; 2], String> {
        let found =
            members("it", json.as_bytes(), ["a", "b"]).map_err(|refused| refused.to_string())?;
        Ok(found.map(|raw| raw.map(|raw| raw.get().to_owned())))
    }

    #[test]
    fn each_name_counts_once_and_the_others_not_at_all() {
        let text = |json: &str| Some(json.to_owned());
        assert_eq!(
            two(r#" {"b":[1],"\u0061":"x","c":1,"c":2} "#),
            Ok([text("\"x\""), text("[1]")])
        );
        assert_eq!(two(r#"{"a":null}"#), Ok([None, None]));
        for json in [r#"{"a":1,"a":1}"#, r#"{"a":null,"a":1}"#, r#"{"a":1,"\u0061":1}"#] {
            assert_eq!(
                two(json),
                Err("the token is not valid: it has a twice".to_owned()),
                "{json}"
            );
        }
        for json in ["", "[]", "1", "{", "{}{}", r#"{"a":}"#] {
            assert_eq!(
                two(json),
                Err("the token is not valid: it is not a JSON object".to_owned()),
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_of_another_type_is_named_with_both_types() {
        let read = |json: &str| {
            value::<String>(
                format_args!("its a"),
                TEXT,
                &RawValue::from_string(json.to_owned()).unwrap(),
            )
        };
        assert_eq!(read("\"x\""), Ok("x".to_owned()));
        for (json, why) in [
            ("42", "its a is a number, not a text"),
            ("-1", "its a is a number, not a text"),
            ("true", "its a is true or false, not a text"),
            ("[]", "its a is a list, not a text"),
            ("{}", "its a is an object, not a text"),
            ("null", "its a is null, not a text"),
            ("\"\\ud800\"", "its a cannot be read"),
        ] {
            assert_eq!(read(json), Err(Refused::Invalid(why.into())), "{json}");
        }
    }
}
