//! The members of JSON objects, as far as logs are written in it: one object a line, one member a line, or all objects on one line.
//!
//! Tolerant by design: an object cut at either end, one inside of another, and dmesg's array of them give what they hold. Where one
//! begins and ends is told, as compact JSON (`jq -c`, `jq -s`) has a whole log on a line.

use crate::parse;

/// A member's value as it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value<'l> {
    /// What is between the quotes.
    Text(&'l [u8]),
    /// What is between the brackets: journalctl writes bytes that are not UTF-8 as numbers.
    Array(&'l [u8]),
    /// A number, `true`, `null`.
    Bare(&'l [u8]),
}

/// What a line of JSON has, in its order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token<'l> {
    /// A name and its value, which is no object.
    Member(&'l [u8], Value<'l>),
    /// A text that is an element of an array.
    Element(&'l [u8]),
    /// An object begins: the log's own, or one of an array.
    Opens,
    /// An object begins that is the value of a member.
    OpensInside,
    /// An object ends.
    Closes,
}

/// Calls `each` with each token, and with how much of the line is before its end.
pub(super) fn tokens<'l>(line: &'l [u8], mut each: impl FnMut(Token<'l>, usize)) {
    let mut rest = line;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}')) {
        let token = match rest[at] {
            b'{' => Some(Token::Opens),
            b'}' => Some(Token::Closes),
            _ => None,
        };
        if let Some(token) = token {
            rest = &rest[at + 1..];
            each(token, line.len() - rest.len());
            continue;
        }
        let Some((name, behind)) = text(&rest[at..]) else {
            return;
        };
        rest = behind;
        let Some(behind) = behind.trim_ascii_start().strip_prefix(b":") else {
            each(Token::Element(name), line.len() - rest.len());
            continue;
        };
        let behind = behind.trim_ascii_start();
        if let Some(inside) = behind.strip_prefix(b"{") {
            rest = inside;
            each(Token::OpensInside, line.len() - rest.len());
        } else if let Some((value, behind)) = value(behind) {
            rest = behind;
            each(Token::Member(name, value), line.len() - rest.len());
        }
    }
}

/// Calls `each` with the name and the value of each member.
pub(super) fn members<'l>(line: &'l [u8], mut each: impl FnMut(&'l [u8], Value<'l>)) {
    tokens(line, |token, _| {
        if let Token::Member(name, value) = token {
            each(name, value);
        }
    });
}

/// How far into the text an object of one long line may be said to begin: behind what ends the object before it. No text between quotes
/// looks like that: a quote inside of it has a backslash, and what follows the one that ends it is no name.
pub(super) fn object_start(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'}', text).find_map(|end| {
        let is_between = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
        let behind = &text[end + 1..];
        let length = behind.iter().take_while(|byte| is_between(byte)).count();
        let [b'{', b'"', first, ..] = &behind[length..] else {
            return None;
        };
        (first.is_ascii_alphabetic() || *first == b'_').then_some(end + 1 + length)
    })
}

fn value(text_of: &[u8]) -> Option<(Value<'_>, &[u8])> {
    match *text_of.first()? {
        b'"' => text(text_of).map(|(text, rest)| (Value::Text(text), rest)),
        b'{' => None,
        b'[' => {
            let is_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b' ' | b',');
            let length = text_of[1..].iter().take_while(|byte| is_number(byte)).count();
            let (inside, rest) = text_of[1..].split_at(length);
            Some((Value::Array(inside), rest))
        }
        _ => {
            let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            let length = text_of.iter().take_while(|byte| !is_end(byte)).count();
            let (bare, rest) = text_of.split_at(length);
            Some((Value::Bare(bare), rest))
        }
    }
}

/// What is between two quotes, and what is behind the second; a missing one is the line's end, where a line was cut.
fn text(quoted: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = quoted.strip_prefix(b"\"")?;
    let mut at = 0;
    loop {
        match memchr::memchr2(b'"', b'\\', inside.get(at..)?) {
            None => return Some((inside, &[])),
            Some(found) if inside[at + found] == b'"' => {
                let end = at + found;
                return Some((&inside[..end], &inside[end + 1..]));
            }
            Some(found) => at += found + 2,
        }
        if at > inside.len() {
            return Some((inside, &[]));
        }
    }
}

/// Appends the bytes of a value.
pub(super) fn decode(value: Value<'_>, to: &mut Vec<u8>) {
    match value {
        Value::Bare(bare) => to.extend_from_slice(bare),
        Value::Array(numbers) => to.extend(
            numbers
                .split(|byte| *byte == b',')
                .filter_map(|number| u8::try_from(parse::dec(number.trim_ascii())?).ok()),
        ),
        Value::Text(mut rest) => {
            while let Some(at) = memchr::memchr(b'\\', rest) {
                to.extend_from_slice(&rest[..at]);
                rest = escape(&rest[at + 1..], to);
            }
            to.extend_from_slice(rest);
        }
    }
}

/// RFC 8259, 7: what is behind a backslash.
fn escape<'l>(text: &'l [u8], to: &mut Vec<u8>) -> &'l [u8] {
    let Some((first, rest)) = text.split_first() else {
        return text;
    };
    to.push(match first {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'u' => return unicode(rest, to),
        other => *other,
    });
    rest
}

/// `\u0041`, and two of them for what does not fit into one.
fn unicode<'l>(text: &'l [u8], to: &mut Vec<u8>) -> &'l [u8] {
    let Some((mut code, mut rest)) = four(text) else {
        return text;
    };
    if (0xd800..0xdc00).contains(&code)
        && let Some((low, behind)) = rest.strip_prefix(b"\\u").and_then(four)
        && (0xdc00..0xe000).contains(&low)
    {
        code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        rest = behind;
    }
    let letter = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    to.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn four(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::try_from(parse::hex(digits)?).ok()?, rest))
}
