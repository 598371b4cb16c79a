//! Syslog as it was sent: the frames of a stream (RFC 6587) one behind the other on a line, each with its length before it, or a NUL behind it.
//! Each becomes a line. Where a newline stands between them they are lines already.

/// A length that no frame has.
const MOST: usize = 1 << 24;

/// Frames that are taken apart.
pub(super) enum Framed {
    /// `123 <6>1 2026-...`: a frame's length is read, as far as it goes.
    Length(usize),
    /// So much of one is left.
    Frame(usize),
    /// No length was where one must be: what follows is taken as it is.
    Lost,
    /// A NUL ends each.
    Nul,
}

/// The length that stands at the start of the text, and how long it is with its blank.
fn length(text: &[u8]) -> Option<(usize, usize)> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = &text[digits..];
    let is_level = matches!(rest, [b' ', b'<', b'0'..=b'9', ..]);
    let number = core::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    (is_level && number > 0 && number < MOST).then_some((number, digits + 1))
}

impl Framed {
    /// Whether a log may begin so, of which no more is known.
    pub(super) fn may_be(start: &[u8]) -> bool {
        matches!(start.first(), Some(b'<' | b'1'..=b'9'))
    }

    /// What a log is that begins with this text. Frames are what follow each other.
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        if let Some((frame, before)) = length(start)
            && start.get(before + frame..).is_some_and(|next| length(next).is_some())
            && start[before + frame - 1] != b'\n'
        {
            return Some(Self::Length(0));
        }
        let has_newline = memchr::memchr(b'\n', start).is_some();
        let is_nul = start.first() == Some(&b'<') && memchr::memmem::find(start, b"\0<").is_some();
        (is_nul && !has_newline).then_some(Self::Nul)
    }

    /// Makes lines of the frames that are in `buf` from its second byte on; returns how long these are. The byte before them is for the end
    /// of a frame whose length has come earlier.
    pub(super) fn lines(&mut self, buf: &mut [u8]) -> usize {
        let mut to = 0;
        for from in 1..buf.len() {
            let byte = buf[from];
            *self = match *self {
                Self::Length(number) if byte.is_ascii_digit() && number < MOST => {
                    Self::Length(number * 10 + usize::from(byte - b'0'))
                }
                Self::Length(0) if matches!(byte, b'\n' | b'\r') => Self::Length(0),
                Self::Length(number) if byte == b' ' && number > 0 => Self::Frame(number),
                Self::Frame(left) if left > 1 => {
                    buf[to] = byte;
                    to += 1;
                    Self::Frame(left - 1)
                }
                Self::Frame(_) => {
                    buf[to] = byte;
                    to += 1;
                    if byte != b'\n' {
                        buf[to] = b'\n';
                        to += 1;
                    }
                    Self::Length(0)
                }
                Self::Length(_) | Self::Lost => {
                    buf[to] = byte;
                    to += 1;
                    Self::Lost
                }
                Self::Nul => {
                    buf[to] = if byte == 0 { b'\n' } else { byte };
                    to += 1;
                    Self::Nul
                }
            };
        }
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_lines_wherever_a_read_ends() {
        let frames = ["<6>1 a\nb", "<6>1 - 12 <6> c", "<6>1 d\n", "<13>1 e"];
        let stream: String = frames.iter().map(|frame| format!("{} {frame}", frame.len())).collect();
        assert!(Framed::of(stream.as_bytes()).is_some());
        for size in 1..stream.len() + 1 {
            let mut framed = Framed::of(stream.as_bytes()).expect("frames");
            let mut text = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                let mut buf = [b"?", piece].concat();
                let length = framed.lines(&mut buf);
                text.extend_from_slice(&buf[..length]);
            }
            assert_eq!(text, b"<6>1 a\nb\n<6>1 - 12 <6> c\n<6>1 d\n<13>1 e\n", "{size}");
        }
    }

    #[test]
    fn what_stands_on_lines_is_left_as_it_is() {
        for text in [
            "",
            "6 <6>1 a\n6 <6>1 b\n",
            "7 <6>1 a\n7 <6>1 b\n",
            "12 <6>1 a",
            "<6>a\n<6>b\n",
            "<6>a\0\n<6>b",
            "2026-11-21 x",
        ] {
            assert!(Framed::of(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(matches!(Framed::of(b"<6>1 a\0<6>1 b\0"), Some(Framed::Nul)));
    }
}
