//! Facts to nested objects.

use crate::report::escape::{self, JSON_MAX, Source};
use crate::report::time::{Precision, rfc3339};
use crate::report::{Fact, Value, put_fmt};
use crate::sys::out::Out;
use crate::units::micros;

/// Writes facts as nested objects: `host.name` and `host.id` become `"host":{"name":...,"id":...}` wherever they stand.
pub fn put_object(out: &mut Out<'_>, facts: &[Fact<'_>]) {
    out.put(b"{");
    put_below(out, facts, "");
    out.put(b"}");
}

/// The members below `prefix`, which is empty or ends with a dot. Each pass over the facts is short: there are 48 at most.
fn put_below(out: &mut Out<'_>, facts: &[Fact<'_>], prefix: &str) {
    let mut comma: &[u8] = b"";
    for (at, fact) in facts.iter().enumerate() {
        let Some(rest) = present_below(fact, prefix) else {
            continue;
        };
        let name = rest.split('.').next().unwrap_or(rest);
        let earlier = facts.iter().take(at).filter_map(|fact| present_below(fact, prefix));
        if earlier.map(|rest| rest.split('.').next()).any(|other| other == Some(name)) {
            continue;
        }
        out.put(comma);
        comma = b",";
        put_fmt(out, format_args!("\"{name}\":"));
        if rest.len() == name.len() {
            put_value(out, fact.value);
        } else {
            let deeper = fact.key.get(..=prefix.len() + name.len()).unwrap_or(fact.key);
            out.put(b"{");
            put_below(out, facts, deeper);
            out.put(b"}");
        }
    }
    if prefix == "memdoor." && facts.iter().any(is_incomplete) {
        put_incomplete(out, facts);
    }
}

/// What a whole line lacks is a list of sentences under this key; it stands with what single facts lack.
const INCOMPLETE: &str = "memdoor.incomplete";

/// What is missing and why: the last member of `memdoor`, which every line has because of memdoor.version.
fn put_incomplete(out: &mut Out<'_>, facts: &[Fact<'_>]) {
    let mut bracket: &[u8] = b",\"incomplete\":[";
    for fact in facts.iter().filter(|fact| is_incomplete(fact)) {
        out.put(bracket);
        bracket = b",";
        match fact.value {
            Value::Absent(why) => put_fmt(out, format_args!("\"{}: {why}\"", fact.key)),
            Value::List(reasons) => put_items(out, reasons, |out, words| put_words(out, words)),
            _ => put_fmt(out, format_args!("\"{}: cut\"", fact.key)),
        }
    }
    out.put(b"]");
}

/// What follows `prefix` in the fact's key, when the fact has a value at all.
fn present_below<'k>(fact: &Fact<'k>, prefix: &str) -> Option<&'k str> {
    let is_present = !matches!(fact.value, Value::Nothing | Value::Absent(_)) && fact.key != INCOMPLETE;
    fact.key.strip_prefix(prefix).filter(|_| is_present)
}

fn is_incomplete(fact: &Fact<'_>) -> bool {
    match fact.value {
        // What a whole line lacks has a name in words, and is there only where it was asked for.
        Value::Absent(why) => why.is_loss() || fact.key.contains(' '),
        Value::Text(bytes) => escape::is_cut_in_json(bytes),
        Value::Cut(_) => true,
        Value::List(_) => fact.key == INCOMPLETE,
        _ => false,
    }
}

fn put_value(out: &mut Out<'_>, value: Value<'_>) {
    match value {
        Value::Bytes(size) | Value::Mib(size) | Value::About(size, _) => out.put_dec(size.0),
        Value::Count(count) => out.put_dec(count),
        Value::Int(number) | Value::Growth(number) | Value::Rate(number) => out.put_dec(number),
        Value::Text(bytes) | Value::Cut(bytes) => {
            escape::json(out, bytes, Source::Raw, JSON_MAX);
        }
        Value::Percent(percent) | Value::Tenths(percent) => put_fmt(out, format_args!("{percent}")),
        Value::Thousandths(parts) => put_fmt(out, format_args!("{}.{:03}", parts / 1000, parts % 1000)),
        Value::Span(span) => out.put_dec(micros(span)),
        Value::Moment(moment) => {
            out.put(b"\"");
            out.put(rfc3339(moment.utc, moment.micros, Precision::Micros).as_bytes());
            out.put(b"\"");
        }
        Value::Flag(flag) => put_fmt(out, format_args!("{flag}")),
        Value::Words(words) => put_words(out, words),
        Value::List(list) => put_list(out, list, |out, words| put_words(out, words)),
        Value::Texts(list) => put_list(out, list, |out, text| {
            escape::json(out, text, Source::Raw, SENTENCE);
        }),
        Value::Objects(objects) => put_list(out, objects, |out, facts| put_object(out, facts)),
        Value::Nothing | Value::Absent(_) | Value::Command(_) => out.put(b"null"),
    }
}

/// A line may have a dozen sentences.
const SENTENCE: usize = JSON_MAX / 6;

fn put_words(out: &mut Out<'_>, words: &str) {
    escape::json(out, words.as_bytes(), Source::Kernel, SENTENCE);
}

fn put_list<T>(out: &mut Out<'_>, items: &[T], put: impl Fn(&mut Out<'_>, &T)) {
    out.put(b"[");
    put_items(out, items, put);
    out.put(b"]");
}

fn put_items<T>(out: &mut Out<'_>, items: &[T], put: impl Fn(&mut Out<'_>, &T)) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.put(b",");
        }
        put(out, item);
    }
}
