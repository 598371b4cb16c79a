//! What a log may be packed in that is not unpacked here, and how others do it.

/// A file that is no text, by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// LZ4.
    Lz4,
    /// lzma, what xz was before.
    Lzma,
    /// zip.
    Zip,
    /// compress, of which `.Z` is left.
    Compress,
    /// Text in UTF-16, as PowerShell's redirection writes it.
    Utf16,
    /// A file of systemd-journald.
    Journal,
    /// An archive of files.
    Tar,
}

/// The most that is needed of a file to know it.
pub(super) const LONGEST: usize = 8;

/// What is needed to know an archive.
pub(super) const HEADER: usize = 262;

const MAGIC: [(&[u8], Foreign); 7] = [
    (b"\x04\x22\x4d\x18", Foreign::Lz4),
    (b"\x5d\0\0", Foreign::Lzma),
    (b"PK\x03\x04", Foreign::Zip),
    (b"\x1f\x9d", Foreign::Compress),
    (b"\xff\xfe", Foreign::Utf16),
    (b"\xfe\xff", Foreign::Utf16),
    (b"LPKSHHRH", Foreign::Journal),
];

impl Foreign {
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        let (_, found) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic))?;
        Some(*found)
    }

    /// Whether a text is an archive: POSIX's and GNU's headers have this word behind the fields of the first file.
    pub(super) fn is_tar(start: &[u8]) -> bool {
        start.get(257..262) == Some(b"ustar")
    }

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lz4 => "lz4",
            Self::Lzma => "lzma",
            Self::Zip => "zip",
            Self::Compress => "compress",
            Self::Utf16 => "UTF-16",
            Self::Journal => "systemd-journald",
            Self::Tar => "tar",
        }
    }

    /// What is typed before and behind the file's name, so that its text is written to standard output. `journalctl -k` would leave
    /// out all boots but the last one.
    #[must_use]
    pub const fn command(self) -> [&'static str; 2] {
        match self {
            Self::Lz4 => ["lz4cat ", ""],
            Self::Lzma => ["lzcat ", ""],
            Self::Zip => ["unzip -p ", ""],
            Self::Compress => ["zcat ", ""],
            Self::Utf16 => ["iconv -f utf16 -t utf8 ", ""],
            Self::Tar => ["tar -xOf ", ""],
            Self::Journal => ["journalctl --file ", " _TRANSPORT=kernel -o short-iso"],
        }
    }
}
