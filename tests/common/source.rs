//! Rust sources as tokens, for tests/all/layers.rs: comments and test modules are set aside, and a string is one token, so that only
//! code counts.

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenKind {
    /// An identifier, a keyword or a number.
    Word,
    /// `::` or one other character.
    Sign,
    /// A string or a character, as it is written, with its quotes.
    Literal,
}

/// A token outside of comments and tests.
#[derive(Clone, Debug)]
pub struct Token {
    pub kind: TokenKind,
    pub text: String,
    /// Counted from 1.
    pub line: usize,
}

impl Token {
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text == word
    }

    /// What stands between the quotes of a string, its own quotes without their backslash.
    pub fn string(&self) -> Option<String> {
        let (_, rest) = self.text.split_once('"').filter(|_| self.kind == TokenKind::Literal)?;
        Some(rest.rsplit_once('"')?.0.replace("\\\"", "\""))
    }
}

/// A path that is written out, `sys::out::Out`.
#[derive(Debug)]
pub struct Used {
    pub text: String,
    pub line: usize,
}

/// A function with a body.
#[derive(Debug)]
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

/// One file of src.
pub struct Source {
    /// Below src: `sys/file.rs`.
    pub name: String,
    pub tokens: Vec<Token>,
    lines: Vec<String>,
    lines_of_tests: usize,
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        let (tokens, lines_of_tests) = without_tests(tokens(text));
        Self { name: name.into(), tokens, lines: text.lines().map(String::from).collect(), lines_of_tests }
    }

    /// The layer of the library that the file belongs to; `None` for the binary and for the list of layers, lib.rs.
    pub fn layer(&self) -> Option<&str> {
        let first = self.in_crate().split('/').next()?;
        let layer = first.strip_suffix(".rs").unwrap_or(first);
        (!matches!(layer, "main" | "cli" | "lib")).then_some(layer)
    }

    /// Whether it is of the crate in src/core.
    pub fn is_core(&self) -> bool {
        self.name.starts_with("core/")
    }

    /// Its name below its crate.
    fn in_crate(&self) -> &str {
        self.name.strip_prefix("core/").unwrap_or(&self.name)
    }

    pub fn lines_outside_tests(&self) -> usize {
        self.lines.len() - self.lines_of_tests
    }

    /// The module's path below the crate: `sys::file` is 2 deep, and so many `super` lead to the crate.
    fn depth(&self) -> usize {
        let parts = self.in_crate().split('/').count();
        let is_mod = self.name.ends_with("/mod.rs");
        parts - usize::from(is_mod)
    }

    /// Paths from the crate's root, written as `crate::...` or with enough `super`. The crate as a whole is `crate`.
    pub fn own_paths(&self) -> Vec<Used> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let (start, end) = (at, self.root_at(at));
            at = end.unwrap_or(at) + 1;
            if let Some(end) = end {
                let line = self.tokens[start].line;
                let mut texts = Vec::new();
                self.tree(end, "", &mut texts);
                found.extend(texts.into_iter().map(|text| Used { text, line }));
            }
        }
        found
    }

    /// Index of the last token of what leads to the crate's root, if that is what begins at `at`.
    fn root_at(&self, at: usize) -> Option<usize> {
        let text = |at: usize| self.tokens.get(at).map_or("", |token| &*token.text);
        let before = |back: usize| at.checked_sub(back).map_or("", text);
        if text(at) == "crate" {
            // `pub(crate)` is a visibility, `extern crate` another crate.
            return (before(1) != "extern" && !(before(1) == "(" && text(at + 1) == ")")).then_some(at);
        }
        if text(at) != "super" || before(1) == "::" {
            return None;
        }
        let mut last = at;
        for _ in 1..self.depth() {
            if (text(last + 1), text(last + 2)) != ("::", "super") {
                return None;
            }
            last += 2;
        }
        Some(last)
    }

    /// Paths that begin with the word `first` and are no part of a longer one.
    pub fn paths(&self, first: &str) -> Vec<Used> {
        let mut found = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let is_inner = at > 0 && self.tokens[at - 1].text == "::";
            let is_path = self.tokens.get(at + 1).is_some_and(|next| next.text == "::");
            if token.is_word(first) && is_path && !is_inner {
                let mut texts = Vec::new();
                self.tree(at, first, &mut texts);
                let line = token.line;
                found.extend(texts.into_iter().map(|text| Used { text, line }));
            }
        }
        found
    }

    /// Collects the paths behind the token `at`: `::a::{b, c::d}` gives `a::b` and `a::c::d`. Returns where it ends.
    fn tree(&self, at: usize, prefix: &str, found: &mut Vec<String>) -> usize {
        let join = |word: &str| match prefix {
            "" => word.to_string(),
            _ => format!("{prefix}::{word}"),
        };
        let (Some(colons), Some(next)) = (self.tokens.get(at + 1), self.tokens.get(at + 2)) else {
            found.push(or_crate(prefix));
            return at;
        };
        if colons.text != "::" || !(next.kind == TokenKind::Word || "{*".contains(&next.text)) {
            found.push(or_crate(prefix));
            return at;
        }
        match &*next.text {
            "{" => self.group(at + 2, prefix, found),
            "*" => {
                found.push(join("*"));
                at + 2
            }
            word => self.tree(at + 2, &join(word), found),
        }
    }

    /// The members of the braces that open at `open`. Returns where they close.
    fn group(&self, open: usize, prefix: &str, found: &mut Vec<String>) -> usize {
        let mut at = open + 1;
        while let Some(token) = self.tokens.get(at) {
            match &*token.text {
                "}" => return at,
                "self" => found.push(or_crate(prefix)),
                // `x as y`
                "as" => at += 1,
                word if token.kind == TokenKind::Word => {
                    let path = match prefix {
                        "" => word.to_string(),
                        _ => format!("{prefix}::{word}"),
                    };
                    at = self.tree(at, &path, found);
                }
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Whether the comment directly above the statement on `line`, or above its attributes, gives a reason.
    pub fn has_safety_comment(&self, line: usize) -> bool {
        for text in self.lines.iter().take(line - 1).rev().map(|line| line.trim()) {
            if text.starts_with("// SAFETY:") {
                return true;
            }
            let goes_on = text.starts_with("//")
                || text.starts_with("#[")
                || (!text.is_empty() && !text.ends_with([';', '{', '}', ',']));
            if !goes_on {
                return false;
            }
        }
        false
    }

    /// Functions with a body, however deep.
    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            let Some(name) = self.tokens.get(at + 1) else {
                break;
            };
            if !token.is_word("fn") || name.kind != TokenKind::Word {
                continue;
            }
            if let Some(open) = self.body(at)
                && let Some(close) = closing(&self.tokens, open)
            {
                found.push(Function {
                    name: name.text.clone(),
                    line: token.line,
                    lines: self.tokens[close].line - token.line + 1,
                });
            }
        }
        found
    }

    /// The brace that opens the body of the function at `at`; a `;` outside of brackets says that it has none.
    fn body(&self, at: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(at) {
            match &*token.text {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                "{" if depth == 0 => return Some(index),
                ";" if depth == 0 => return None,
                _ => {}
            }
        }
        None
    }
}

fn or_crate(prefix: &str) -> String {
    if prefix.is_empty() { "crate" } else { prefix }.into()
}

/// The brace that closes the one at `open`.
fn closing(tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match &*token.text {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

/// Takes out each item behind `#[cfg(test)]`, and counts its lines.
fn without_tests(mut tokens: Vec<Token>) -> (Vec<Token>, usize) {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut lines = 0;
    while let Some(start) =
        tokens.windows(MARK.len()).position(|window| window.iter().zip(MARK).all(|(token, mark)| token.text == mark))
    {
        let rest = &tokens[start..];
        // `mod tests;` ends with the semicolon, `mod tests {` with its brace.
        let ends = rest.iter().position(|token| matches!(&*token.text, ";" | "{")).map(|at| start + at);
        let end = match ends {
            Some(at) if tokens[at].text == "{" => closing(&tokens, at),
            other => other,
        }
        .unwrap_or(tokens.len() - 1);
        lines += tokens[end].line - tokens[start].line + 1;
        tokens.drain(start..=end);
    }
    (tokens, lines)
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let start = at;
        let rest = &chars[at..];
        let token = match rest {
            ['/', '/', ..] => {
                at += rest.iter().position(|c| *c == '\n').unwrap_or(rest.len());
                None
            }
            ['/', '*', ..] => {
                at += block_comment(rest);
                None
            }
            [c, ..] if c.is_whitespace() => {
                at += 1;
                None
            }
            _ if literal(rest) > 0 => {
                at += literal(rest);
                Some((TokenKind::Literal, chars[start..at].iter().collect()))
            }
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                at += rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
                Some((TokenKind::Word, chars[start..at].iter().collect()))
            }
            [':', ':', ..] => {
                at += 2;
                Some((TokenKind::Sign, "::".into()))
            }
            _ => {
                at += 1;
                Some((TokenKind::Sign, chars[start..at].iter().collect()))
            }
        };
        found.extend(token.map(|(kind, text)| Token { kind, text, line }));
        line += chars[start..at].iter().filter(|c| **c == '\n').count();
    }
    found
}

/// The length of a block comment, which may hold others.
fn block_comment(text: &[char]) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < text.len() {
        match &text[at..] {
            ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
            ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the string or character literal at the start; 0 when there is none. A lifetime is no character.
fn literal(text: &[char]) -> usize {
    let prefix = text.iter().take(3).take_while(|c| matches!(c, 'b' | 'c' | 'r')).count();
    let is_raw = text[..prefix].contains(&'r');
    let hashes = text[prefix..].iter().take_while(|c| **c == '#').count();
    let open = prefix + if is_raw { hashes } else { 0 };
    match text.get(open) {
        Some('"') if is_raw => {
            let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let body = &text[open + 1..];
            let closes = body.windows(end.len()).position(|window| window == end);
            open + 1 + closes.map_or(body.len(), |at| at + end.len())
        }
        Some('"') => open + escaped(&text[open..], '"'),
        Some('\'') => match &text[open + 1..] {
            ['\\', ..] => open + escaped(&text[open..], '\''),
            [_, '\'', ..] => open + 3,
            _ => 0,
        },
        _ => 0,
    }
}

/// The length of a quoted text in which a backslash escapes the next character.
fn escaped(text: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < text.len() && text[at] != quote {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(text.len())
}
