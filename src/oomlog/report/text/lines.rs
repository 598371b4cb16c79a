//! Lines of 80 columns.

/// Columns of a terminal.
pub(super) const WIDTH: usize = 80;

/// Above and below a title.
pub(super) const DOUBLE: &str = "======================================================================";

/// Below a heading.
pub(super) const SINGLE: &str = "----------------------------------------------------------------------";

/// Words in as many lines as they take, the first behind `first`, the others behind `rest`. A word that is longer than a line stays
/// whole: somebody may want to copy it.
pub(super) fn paragraph(to: &mut String, first: &str, rest: &str, words: &str) {
    to.push_str(first);
    let mut column = columns(first);
    let mut is_start = true;
    for word in words.split(' ') {
        let width = columns(word);
        if !is_start && column + 1 + width > WIDTH {
            to.push('\n');
            to.push_str(rest);
            column = columns(rest);
            is_start = true;
        }
        if !is_start {
            to.push(' ');
            column += 1;
        }
        to.push_str(word);
        column += width;
        is_start = false;
    }
    to.push('\n');
}

/// How many lines it takes as a paragraph, at most so many: the rest is left out, and `...` says so.
pub(super) fn cut_paragraph(to: &mut String, first: &str, rest: &str, words: &str, most: usize) {
    let mut all = String::new();
    paragraph(&mut all, first, rest, words);
    for (at, line) in all.lines().enumerate() {
        if at + 1 == most && all.lines().count() > most {
            let room = line.char_indices().nth(WIDTH - 3).map_or(line.len(), |(at, _)| at);
            to.push_str(line.get(..room).unwrap_or(line));
            to.push_str("...\n");
            return;
        }
        to.push_str(line);
        to.push('\n');
    }
}

/// A name, its middle left out when it is longer than `most` columns: what it begins with and what it ends with tell most.
pub(super) fn short(text: &str, most: usize) -> String {
    let length = columns(text);
    if length <= most || most < 16 {
        return text.into();
    }
    let keep = most - 3;
    let (head, tail) = (keep / 2, keep - keep / 2);
    let chars = || text.chars();
    chars().take(head).chain("...".chars()).chain(chars().skip(length - tail)).collect()
}

/// Columns, as far as characters tell: wide ones count as one.
pub(super) fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_80_columns_and_long_words_stay_whole() {
        let mut text = String::new();
        let word = "x".repeat(100);
        paragraph(&mut text, "  - ", "    ", &format!("{} {word} end", "word ".repeat(20)));
        assert!(text.lines().all(|line| line.len() <= WIDTH || line.trim() == word));
        assert!(text.lines().skip(1).all(|line| line.starts_with("    ")));
        assert!(text.ends_with("    end\n"));
    }

    #[test]
    fn a_long_path_keeps_both_ends() {
        assert_eq!(short("/short", 20), "/short");
        let path = short(&"/kubepods/0123456789/0123456789abcdef".repeat(3), 30);
        assert_eq!(columns(&path), 30);
        assert!(path.starts_with("/kubepods/") && path.ends_with("abcdef"));
    }
}
