//! What a log may be packed in that is not unpacked here, and how others do it.

/// A file that is no text, by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Foreign {
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
    /// bzip2.
    Bzip2,
    /// LZ4.
    Lz4,
    /// A file of systemd-journald.
    Journal,
}

/// The most that is needed of a file to know it.
pub(super) const LONGEST: usize = 8;

const MAGIC: [(&[u8], Foreign); 5] = [
    (b"\xfd7zXZ\0", Foreign::Xz),
    (b"\x28\xb5\x2f\xfd", Foreign::Zstd),
    (b"BZh", Foreign::Bzip2),
    (b"\x04\x22\x4d\x18", Foreign::Lz4),
    (b"LPKSHHRH", Foreign::Journal),
];

impl Foreign {
    pub(super) fn of(start: &[u8]) -> Option<Self> {
        let (_, found) = MAGIC.iter().find(|(magic, _)| start.starts_with(magic))?;
        Some(*found)
    }

    /// What it is called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
            Self::Journal => "systemd-journald",
        }
    }

    /// What is typed before and behind the file's name, so that its text is written to standard output. `journalctl -k` would leave
    /// out all boots but the last one.
    #[must_use]
    pub const fn command(self) -> [&'static str; 2] {
        match self {
            Self::Xz => ["xzcat ", ""],
            Self::Zstd => ["zstdcat ", ""],
            Self::Bzip2 => ["bzcat ", ""],
            Self::Lz4 => ["lz4cat ", ""],
            Self::Journal => ["journalctl --file ", " _TRANSPORT=kernel -o short-iso"],
        }
    }
}
