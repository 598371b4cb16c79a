//! How a process ended: the status of wait(2).

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It exited by itself, with this code.
    Code(u8),
    /// A signal killed it.
    Signal {
        /// Which.
        number: u8,
        /// Whether its core was dumped.
        core: Core,
    },
}

/// Whether a core was dumped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Core {
    /// It was.
    Dumped,
    /// None was.
    None,
}

/// Parses a status: the signal in bits 0 to 6, the core in bit 7, the exit code above.
#[must_use]
pub fn status(status: i32) -> Ended {
    let [low, code, ..] = status.to_le_bytes();
    match low & 0x7f {
        0 => Ended::Code(code),
        number => Ended::Signal { number, core: if low & 0x80 == 0 { Core::None } else { Core::Dumped } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_a_signal_or_a_code() {
        let signal = |number, core| Ended::Signal { number, core };
        assert_eq!(status(9), signal(9, Core::None));
        assert_eq!(status(0x8b), signal(11, Core::Dumped));
        assert_eq!(status(0), Ended::Code(0));
        assert_eq!(status(137 << 8), Ended::Code(137));
    }
}
