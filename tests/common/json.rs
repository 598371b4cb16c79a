//! A strict reader for JSON (RFC 8259), for the few lines that the tests look into.

use std::collections::BTreeMap;
use std::str::Chars;

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub enum Json {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Reads one line; says where it is no JSON.
    pub fn parse(line: &str) -> Self {
        let mut rest = line.chars();
        let value = value(&mut rest);
        match (value, rest.as_str()) {
            (Some(value), "") => value,
            (_, rest) => panic!("no JSON at {rest:?} of {line}"),
        }
    }

    /// The value at a path like `process.pid`.
    pub fn get(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |at, name| match at {
            Self::Object(members) => members.get(name),
            _ => None,
        })
    }

    /// A text that must be there.
    pub fn text(&self, path: &str) -> &str {
        match self.get(path) {
            Some(Self::Text(text)) => text,
            other => panic!("{path} is {other:?} in {self:?}"),
        }
    }

    /// A whole number that must be there.
    pub fn number(&self, path: &str) -> i64 {
        match self.get(path) {
            Some(Self::Number(digits)) => digits.parse().expect("a whole number"),
            other => panic!("{path} is {other:?} in {self:?}"),
        }
    }
}

fn value(rest: &mut Chars<'_>) -> Option<Json> {
    let text = rest.as_str();
    for (word, value) in [
        ("null", Json::Null),
        ("true", Json::Bool(true)),
        ("false", Json::Bool(false)),
    ] {
        if let Some(tail) = text.strip_prefix(word) {
            *rest = tail.chars();
            return Some(value);
        }
    }
    match text.chars().next()? {
        '"' => string(rest).map(Json::Text),
        '[' => list(rest),
        '{' => object(rest),
        _ => number(rest),
    }
}

fn string(rest: &mut Chars<'_>) -> Option<String> {
    let mut text = String::new();
    (rest.next()? == '"').then_some(())?;
    loop {
        match rest.next()? {
            '"' => return Some(text),
            '\\' => text.push(match rest.next()? {
                plain @ ('"' | '\\' | '/') => plain,
                'n' => '\n',
                't' => '\t',
                // memdoor writes no other escape.
                _ => return None,
            }),
            control if control < ' ' => return None,
            plain => text.push(plain),
        }
    }
}

fn number(rest: &mut Chars<'_>) -> Option<Json> {
    let text = rest.as_str();
    let end = text
        .find(|c: char| !matches!(c, '0'..='9' | '-' | '.'))
        .unwrap_or(text.len());
    let (number, tail) = text.split_at(end);
    let whole = number
        .strip_prefix('-')
        .unwrap_or(number)
        .split('.')
        .next()?;
    let is_plain = number.parse::<f64>().is_ok()
        && (whole == "0" || !whole.starts_with('0'))
        && !whole.is_empty()
        && !number.ends_with('.');
    *rest = tail.chars();
    is_plain.then(|| Json::Number(number.into()))
}

fn list(rest: &mut Chars<'_>) -> Option<Json> {
    let mut items = Vec::new();
    rest.next();
    if rest.as_str().starts_with(']') {
        rest.next();
        return Some(Json::List(items));
    }
    loop {
        items.push(value(rest)?);
        match rest.next()? {
            ',' => {}
            ']' => return Some(Json::List(items)),
            _ => return None,
        }
    }
}

fn object(rest: &mut Chars<'_>) -> Option<Json> {
    let mut members = BTreeMap::new();
    rest.next();
    if rest.as_str().starts_with('}') {
        rest.next();
        return Some(Json::Object(members));
    }
    loop {
        let key = string(rest)?;
        (rest.next()? == ':').then_some(())?;
        // A name that stands twice is one that some reader loses.
        members.insert(key, value(rest)?).is_none().then_some(())?;
        match rest.next()? {
            ',' => {}
            '}' => return Some(Json::Object(members)),
            _ => return None,
        }
    }
}
