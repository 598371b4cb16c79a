//! One line of a kernel log without what its transport put before it.

/// A line, its prefixes read off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'l> {
    /// What the kernel printed, leading blanks of continuation lines included.
    pub text: &'l [u8],
    /// The line that it was read from: what is before the text are its prefixes. The text alone where these came as members of JSON.
    pub line: &'l [u8],
    /// When, as far as the prefixes tell.
    pub when: When<'l>,
    /// Who said it.
    pub origin: Origin,
    /// CONFIG_PRINTK_CALLER's `T123` or `C1`: which context printed it. Tells two CPUs' events apart.
    pub caller: Option<Caller>,
    /// Which machine, where the transport says it.
    pub host: Option<&'l [u8]>,
    /// Which boot, where the journal says it.
    pub boot_id: Option<&'l [u8]>,
    /// Words and a colon before all that printk or dmesg wrote, where nothing tells whose they are: a host's name, as pdsh and clush put it
    /// there, or a program's that quotes the kernel. The origin is [`Origin::Other`] then.
    pub behind: Option<&'l [u8]>,
    /// Whether systemd said it, by its identifier.
    pub of_systemd: bool,
    /// Whether what stood before the kernel's words is of no form that is known: anybody may have written it.
    pub is_unverified: bool,
}

impl Record<'_> {
    /// Whether nothing stands before its text: neither who said it nor when.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.origin == Origin::Unknown && self.when.wall.is_none() && self.when.boot_us.is_none()
    }
}

/// The times in a line's prefixes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct When<'l> {
    /// Since boot, in microseconds: `[  123.456789]`, or the third field of /dev/kmsg.
    pub boot_us: Option<u64>,
    /// The wall clock time as it is written, in whatever form and language.
    pub wall: Option<&'l [u8]>,
    /// The same since 1970 in microseconds, where it is complete (year and zone known).
    pub wall_us: Option<i64>,
}

/// Whether the kernel said it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The prefix says so: identifier `kernel`, facility 0, or a bracketed boot time at the start.
    Kernel,
    /// The prefix names somebody else: a userspace line with the same words is not an event.
    Other,
    /// There is no prefix.
    Unknown,
}

/// Who printed it, by printk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caller {
    /// A task's thread id.
    Task(u64),
    /// A CPU, outside of any task.
    Cpu(u64),
}
