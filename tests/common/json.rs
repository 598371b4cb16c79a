//! A strict JSON reader (RFC 8259) for what memdoor writes. Stricter than most: a key twice in one object is an error.

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub enum Json {
    Null,
    Bool(bool),
    /// As it was written.
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

    /// As it was written.
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
    let mut reader = Reader { rest: text };
    let value = reader.value()?;
    reader.blanks();
    match reader.rest {
        "" => Ok(value),
        rest => Err(format!("behind the value: {rest:?}")),
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn eat(&mut self, word: &str) -> bool {
        let rest = self.rest.strip_prefix(word);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        let here: String = self.rest.chars().take(20).collect();
        self.eat(word).then_some(()).ok_or_else(|| format!("{word:?} expected at {here:?}"))
    }

    fn value(&mut self) -> Result<Json, String> {
        self.blanks();
        match self.rest.chars().next() {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"') => self.string().map(Json::Text),
            Some('-' | '0'..='9') => self.number(),
            _ if self.eat("true") => Ok(Json::Bool(true)),
            _ if self.eat("false") => Ok(Json::Bool(false)),
            _ if self.eat("null") => Ok(Json::Null),
            other => Err(format!("a value can't begin with {other:?}")),
        }
    }

    fn object(&mut self) -> Result<Json, String> {
        let mut members: Vec<(String, Json)> = Vec::new();
        self.expect("{")?;
        self.blanks();
        while !self.eat("}") {
            if !members.is_empty() {
                self.expect(",")?;
                self.blanks();
            }
            let key = self.string()?;
            if members.iter().any(|(earlier, _)| *earlier == key) {
                return Err(format!("the key {key:?} twice"));
            }
            self.blanks();
            self.expect(":")?;
            members.push((key, self.value()?));
            self.blanks();
        }
        Ok(Json::Object(members))
    }

    fn array(&mut self) -> Result<Json, String> {
        let mut items = Vec::new();
        self.expect("[")?;
        self.blanks();
        while !self.eat("]") {
            if !items.is_empty() {
                self.expect(",")?;
            }
            items.push(self.value()?);
            self.blanks();
        }
        Ok(Json::Array(items))
    }

    fn string(&mut self) -> Result<String, String> {
        let mut text = String::new();
        self.expect("\"")?;
        while !self.eat("\"") {
            let char = self.rest.chars().next().ok_or("a string without its end")?;
            self.rest = &self.rest[char.len_utf8()..];
            match char {
                '\\' => text.push(self.escape()?),
                '\0'..='\u{1f}' => return Err(format!("{char:?} in a string")),
                other => text.push(other),
            }
        }
        Ok(text)
    }

    fn escape(&mut self) -> Result<char, String> {
        let char = self.rest.chars().next().ok_or("an escape without its end")?;
        self.rest = &self.rest[char.len_utf8()..];
        match char {
            '"' | '\\' | '/' => Ok(char),
            'b' => Ok('\u{8}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'u' => {
                let digits = self.rest.get(..4).ok_or("\\u without four digits")?;
                self.rest = &self.rest[4..];
                let number = u32::from_str_radix(digits, 16).map_err(|_| "\\u without digits")?;
                // memdoor writes no pairs of surrogates.
                Ok(char::from_u32(number).ok_or("a surrogate")?)
            }
            other => Err(format!("the escape \\{other}")),
        }
    }

    fn number(&mut self) -> Result<Json, String> {
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let len = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(len);
        self.rest = rest;
        let digits = number.strip_prefix('-').unwrap_or(number);
        let has_zero_in_front = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
        let is_plain = digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.ends_with('.');
        if has_zero_in_front || !is_plain || number.parse::<f64>().is_err() {
            return Err(format!("the number {number:?}"));
        }
        Ok(Json::Number(number.into()))
    }
}
