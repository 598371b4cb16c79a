//! The running kernel's log as records.
use core::ffi::CStr;

use super::escape::lines_of;
use super::event::RECORDS;
use super::prefix::record;
use super::scan::{Part, Take};
use crate::parse;
use crate::sys::kmsg::{self, Kmsg, RECORD, Read};
use crate::sys::{Errno, Result};

/// The largest buffer that is asked of syslog(2): what does not fit is the oldest.
const MOST: usize = 4 << 20;

/// What a reading of the live log lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gaps {
    /// How many times records were overwritten before they could be read.
    pub lost: u64,
}

/// Hands on what `/dev/kmsg` holds now, from the oldest record; with `log` kept, the next call goes on from there. A record's number
/// is the kernel's sequence number.
pub fn drain(log: &Kmsg, take: &mut Take<'_>) -> Result<Gaps> {
    let mut buf = [0; RECORD];
    let mut gaps = Gaps::default();
    loop {
        match log.next(&mut buf)? {
            Read::End => return Ok(gaps),
            Read::Lost => gaps.lost += 1,
            Read::Record(line) => {
                let number = parse::kmsg::record(line).map_or(0, |record| record.sequence);
                let number = RECORDS | number;
                if lines_of(record(line)).any(|record| take(record, number) == Part::Stop) {
                    return Ok(gaps);
                }
            }
        }
    }
}

/// Hands on what syslog(2) gives: kernels before 3.5, and containers without the device.
pub fn syslog(take: &mut Take<'_>) -> Result<Gaps> {
    let size = kmsg::size()?.clamp(RECORD, MOST);
    let mut buf = vec![0; size];
    let text = kmsg::read_all(&mut buf)?;
    // A full buffer begins anywhere in a line, whose start was overwritten: as good as any other cut log.
    for (number, line) in (RECORDS | 1..).zip(text.split(|byte| *byte == b'\n')) {
        if lines_of(record(line)).any(|record| take(record, number) == Part::Stop) {
            break;
        }
    }
    Ok(Gaps::default())
}

/// The way that the live log is read.
#[derive(Debug)]
pub enum Live {
    /// By its device.
    Device(Kmsg),
    /// By syslog(2).
    Syslog,
}

impl Live {
    /// By whichever way there is.
    pub fn open(device: &CStr) -> Result<Self> {
        match Kmsg::open(device) {
            Ok(log) => Ok(Self::Device(log)),
            Err(Errno::ENOENT | Errno::ENXIO | Errno::ENODEV | Errno::EACCES | Errno::EPERM) => Ok(Self::Syslog),
            Err(errno) => Err(errno),
        }
    }

    /// What to call it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Device(_) => "/dev/kmsg",
            Self::Syslog => "syslog(2)",
        }
    }

    /// Hands on what it holds now.
    pub fn read(&self, take: &mut Take<'_>) -> Result<Gaps> {
        match self {
            Self::Device(log) => drain(log, take),
            Self::Syslog => syslog(take),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oomlog::record::{Origin, Record};

    /// Both ways end without waiting; who may not read the log is told so.
    #[test]
    fn the_live_log_is_the_kernels_whichever_way_it_is_read() {
        for device in [c"/dev/kmsg", c"/nonexistent/kmsg"] {
            let (mut all, mut timed) = (0, 0);
            let mut take = |record: Record<'_>, _| {
                all += 1;
                let is_kernel = record.origin == Origin::Kernel;
                timed += usize::from(is_kernel && record.when.boot_us.is_some());
                Part::Other
            };
            match Live::open(device).and_then(|live| live.read(&mut take)) {
                // dmesg -C leaves nothing to syslog(2).
                Ok(_) => assert!(timed > 0 || all == 0, "{device:?}"),
                Err(errno) => assert!(matches!(errno, Errno::EPERM | Errno::EACCES), "{errno}"),
            }
        }
    }
}
