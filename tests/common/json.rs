//! What memdoor writes as JSON, judged by serde_json; a key that stands twice in one object, of which serde_json's own maps keep the last,
//! is an error, too.

use std::fmt::{self, Formatter};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub enum Json {
    Null,
    Bool(bool),
    /// In its shortest form: `7`, `0.998`.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// The value below `path`, as `memdoor.process.comm`.
    pub fn get(&self, path: &str) -> Option<&Json> {
        path.split('.').try_fold(self, |value, key| match value {
            Json::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, member)| member),
            _ => None,
        })
    }

    /// Reads a line that must be JSON.
    pub fn parse(line: &str) -> Self {
        parse(line).unwrap_or_else(|why| panic!("{why} in {line}"))
    }

    /// A text that must be there.
    pub fn text(&self, path: &str) -> &str {
        self.text_at(path).unwrap_or_else(|| panic!("no text {path} in {self:?}"))
    }

    /// A whole number that must be there.
    pub fn number(&self, path: &str) -> i64 {
        self.number_at(path)
            .and_then(|digits| digits.parse().ok())
            .unwrap_or_else(|| panic!("no whole number {path} in {self:?}"))
    }

    pub fn text_at(&self, path: &str) -> Option<&str> {
        match self.get(path)? {
            Json::Text(text) => Some(text),
            _ => None,
        }
    }

    /// In its shortest form.
    pub fn number_at(&self, path: &str) -> Option<&str> {
        match self.get(path)? {
            Json::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Every value that holds no others, with its path.
    pub fn leaves(&self) -> Vec<(String, &Json)> {
        match self {
            Json::Object(members) => members.iter().flat_map(|(key, value)| joined(key, value)).collect(),
            Json::Array(items) => items.iter().flat_map(|value| joined("[]", value)).collect(),
            leaf => vec![(String::new(), leaf)],
        }
    }
}

fn joined<'j>(key: &str, value: &'j Json) -> Vec<(String, &'j Json)> {
    let leaves = value.leaves().into_iter();
    leaves
        .map(|(rest, leaf)| match &*rest {
            "" => (key.to_string(), leaf),
            rest => (format!("{key}.{rest}"), leaf),
        })
        .collect()
}

/// Reads one value that is the whole of `text`.
pub fn parse(text: &str) -> Result<Json, String> {
    serde_json::from_str(text).map_err(|why| why.to_string())
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, to: &mut Formatter<'_>) -> fmt::Result {
        to.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some((key, value)) = from.next_entry()? {
            if members.iter().any(|(earlier, _)| *earlier == key) {
                return Err(serde::de::Error::custom(format_args!("the key {key:?} stands twice")));
            }
            members.push((key, value));
        }
        Ok(Json::Object(members))
    }
}
