//! Which thread of the target is seized, and why none is.

use super::{Life, STATUS_MAX, Target, live_thread};
use crate::error::Absent;
use crate::parse::status::{self, Status};
use crate::sys::Errno;
use crate::sys::ptrace::Tracee;
use crate::units::Pid;

/// Whom to seize.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Anybody but the first process of a pid namespace: whoever depends on it notices the least delay.
    Ordinary,
    /// Anybody.
    All,
}

/// Why the target is not seized.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unseized {
    /// It is the first process of a pid namespace: PID 1, or a container's init.
    Init,
    /// It is memdoor.
    Itself,
    /// Another process traces it.
    Traced(u64),
    /// This kernel has no pidfd, or `/proc` is another pid namespace's: its number may mean another process.
    Unpinned,
    /// It could not be asked, or the kernel refused.
    Refused(Absent),
}

impl Target {
    /// Seizes a live thread of it, the first if it lives. It is not stopped by that.
    pub fn seize(&mut self, tracee: &Tracee, scope: Scope, own: u64) -> Result<(), Unseized> {
        // Twice: the thread may have exited just now.
        let mut refused = Errno::ESRCH;
        for _ in 0..2 {
            let tid = self.seizable(scope, own)?;
            match tracee.seize(tid, self.pid) {
                Ok(()) if self.is_still_itself() => return Ok(()),
                // The number was another's by then: the kernel lets go of that at once.
                Ok(()) => {
                    let _ = tracee.release(core::time::Duration::from_millis(100));
                    return Err(Unseized::Refused(Absent::Gone));
                }
                Err(errno) => refused = errno,
            }
            if self.look_again() == Life::Exited {
                return Err(Unseized::Refused(Absent::Gone));
            }
        }
        Err(Unseized::Refused(Absent::from(refused)))
    }

    /// The thread to seize.
    fn seizable(&mut self, scope: Scope, own: u64) -> Result<Pid, Unseized> {
        if self.pidfd.is_none() {
            return Err(Unseized::Unpinned);
        }
        let tid = self.shown_by().unwrap_or(self.pid);
        let mut buf = [0; STATUS_MAX];
        let (view, files) = self.view_and_files();
        let status = files.status.once(view, &mut buf).map(status::parse);
        let status = status.map_err(|errno| Unseized::Refused(self.absent(c"status", errno)))?;
        match objection(&status, self.pid, scope, own) {
            Some(why) => Err(why),
            None => Ok(tid),
        }
    }

    /// Whether the number still is this process's: its own directory answers no more once it was collected.
    fn is_still_itself(&mut self) -> bool {
        self.stat(|stat| stat.starttime) == Ok(self.started)
    }

    /// Whether a thread of it is not exiting.
    #[must_use]
    pub fn has_running_thread(&self) -> bool {
        live_thread(&self.dir).is_some()
    }

    /// How many mappings it has; 0 when that can't be seen.
    #[must_use]
    pub fn mappings(&mut self) -> usize {
        let mut buf = [0; 4096];
        let (view, files) = self.view_and_files();
        let Ok(mut lines) = files.maps.lines(view, &mut buf) else {
            return 0;
        };
        let mut count = 0;
        while let Some(Ok(_)) = lines.next() {
            count += 1;
        }
        count
    }
}

/// What speaks against seizing a process with this status.
fn objection(status: &Status, pid: Pid, scope: Scope, own: u64) -> Option<Unseized> {
    if u64::try_from(pid.get()) == Ok(own) {
        return Some(Unseized::Itself);
    }
    if let Some(tracer) = status.tracer.filter(|tracer| *tracer != 0) {
        return Some(Unseized::Traced(tracer));
    }
    // Linux before 4.1 has no NSpid: then only the own namespace's is known.
    let first = status.vpid.map_or(pid.get() == 1, |vpid| vpid == 1);
    (first && scope == Scope::Ordinary).then_some(Unseized::Init)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_process_is_seized_only_when_asked_for() {
        let pid = Pid::new(77).expect("a pid");
        let init = Status { vpid: Some(1), tracer: Some(0), ..Status::default() };
        assert_eq!(objection(&init, pid, Scope::Ordinary, 9), Some(Unseized::Init));
        assert_eq!(objection(&init, pid, Scope::All, 9), None);
        let other = Status { vpid: Some(5), ..init };
        assert_eq!(objection(&other, pid, Scope::Ordinary, 9), None);
    }

    #[test]
    fn neither_memdoor_itself_nor_what_is_traced_is_ever_seized() {
        let pid = Pid::new(77).expect("a pid");
        let traced = Status { tracer: Some(8), ..Status::default() };
        assert_eq!(objection(&traced, pid, Scope::All, 9), Some(Unseized::Traced(8)));
        assert_eq!(objection(&Status::default(), pid, Scope::All, 77), Some(Unseized::Itself));
    }
}
