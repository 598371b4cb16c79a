//! A terminal: a pty to start a program on, and what stands on its screen at the end.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};

use super::host::works;

/// Our end of a pty of 80 columns and 24 rows.
pub struct Pty {
    master: PtyMaster,
    path: String,
}

impl Pty {
    /// One on which nothing was written yet.
    pub fn open() -> Self {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).expect("a pty");
        grantpt(&master).expect("ours");
        unlockpt(&master).expect("unlocked");
        let path = ptsname_r(&master).expect("a name");
        assert!(works(&["stty", "-F", &path, "rows", "24", "cols", "80"]), "stty");
        Self { master, path }
    }

    /// The other end, for a program to write to.
    pub fn stdout(&self) -> Stdio {
        File::options().read(true).write(true).open(&self.path).expect("the pty").into()
    }

    /// All that was written, once nobody has the other end any more.
    pub fn written(mut self) -> String {
        let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
        // Nobody who writes is EIO on Linux.
        while let Ok(count @ 1..) = self.master.read(&mut part) {
            bytes.extend_from_slice(&part[..count]);
        }
        String::from_utf8(bytes).expect("UTF-8")
    }
}

/// A screen: it knows the sequences that memdoor uses, and no other.
pub struct Screen {
    columns: usize,
    pub lines: Vec<Vec<char>>,
    at: (usize, usize),
    /// Colours and such, in the order in which they were set.
    pub looks: Vec<String>,
}

fn width(char: char) -> usize {
    match char {
        '\u{2500}'..='\u{25ff}' => 1,
        char if char >= '\u{1100}' => 2,
        _ => 1,
    }
}

impl Screen {
    /// After these bytes.
    pub fn shows(size: (usize, usize), bytes: &[u8]) -> Self {
        let (columns, rows) = size;
        let mut terminal = Self {
            columns,
            // What was there before must go.
            lines: vec![vec!['~'; columns]; rows],
            at: (0, 0),
            looks: Vec::new(),
        };
        let text = str::from_utf8(bytes).expect("UTF-8");
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            terminal.take(char, &mut chars);
        }
        terminal
    }

    fn take(&mut self, char: char, chars: &mut std::str::Chars<'_>) {
        match char {
            '\x1b' => {
                assert_eq!(chars.next(), Some('['));
                let mut code = String::new();
                let end = loop {
                    match chars.next().expect("an end") {
                        end @ ('a'..='z' | 'A'..='Z') => break end,
                        other => code.push(other),
                    }
                };
                self.sequence(&code, end);
            }
            '\r' => self.at.1 = 0,
            '\n' => self.at.0 += 1,
            char => {
                assert!(!char.is_control(), "{char:?}");
                let (row, column) = self.at;
                assert!(row < self.lines.len(), "below the last line");
                assert!(column + width(char) <= self.columns, "line {row} runs over: {:?}", self.lines[row]);
                let line = &mut self.lines[row];
                line.truncate(column);
                line.push(char);
                if width(char) == 2 {
                    // Its second half.
                    line.push('\0');
                }
                self.at.1 += width(char);
            }
        }
    }

    fn sequence(&mut self, code: &str, end: char) {
        let (row, column) = self.at;
        match (code, end) {
            ("", 'H') => self.at = (0, 0),
            ("", 'K') => {
                assert!(column < self.columns, "it would clear the last character");
                self.lines[row].truncate(column);
            }
            ("", 'J') => {
                self.lines[row].truncate(column);
                self.lines.iter_mut().skip(row + 1).for_each(Vec::clear);
            }
            (code, 'm') => self.looks.push(code.to_string()),
            other => panic!("{other:?}"),
        }
    }

    /// Its lines, blanks at their ends left out.
    pub fn text(&self) -> String {
        let lines = self.lines.iter().map(|line| {
            let line: String = line.iter().filter(|char| **char != '\0').collect();
            format!("{}\n", line.trim_end())
        });
        let text: String = lines.collect();
        format!("{}\n", text.trim_end())
    }
}
