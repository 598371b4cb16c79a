//! The children of a process: `/proc/PID/task/TID/children` (Linux 3.5, CONFIG_PROC_CHILDREN).

use core::ffi::CStr;

use crate::fixed::Fixed;
use crate::parse::{dec, words};
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::sys::{Errno, Result};
use crate::units::Pid;

/// So much of a list is read at once: 500 numbers.
const LIST: usize = 4096;

/// Hands those to `take` that the process of the directory `dir` has started and that have not been collected. They are listed by the
/// thread that did, until that has exited. This is the one reader of those lists.
///
/// A thread that ends meanwhile has none. What fails otherwise is returned once the other threads were asked: what was handed out until
/// then is true, and not all. ENOENT: this kernel does not list children.
pub fn children(dir: &Dir, take: &mut dyn FnMut(Pid)) -> Result<()> {
    let tasks = dir.dir(c"task")?;
    let listing = tasks.listing(c".")?;
    let mut entries = Entries::new(&listing)?;
    let mut done = Ok(());
    while let Some(name) = entries.next() {
        let name = name?;
        if dec(name.to_bytes()).is_none() {
            continue;
        }
        match of_thread(&tasks, name, take) {
            Ok(()) | Err(Errno::ESRCH) => {}
            // The thread has ended.
            Err(Errno::ENOENT) if tasks.identity(name).is_err() => {}
            Err(errno) => done = done.and(Err(errno)),
        }
    }
    done
}

fn of_thread(tasks: &Dir, thread: &CStr, take: &mut dyn FnMut(Pid)) -> Result<()> {
    let mut path = Fixed::<32>::of(thread.to_bytes());
    path.push(b"/children");
    let file = tasks.file(path.as_c_str().unwrap_or_default())?;
    let (mut buf, mut offset) = ([0; LIST], 0);
    loop {
        let len = file.read_at(&mut buf, offset)?;
        // A blank follows each number. One that is cut at the end of what was read comes whole with the next read.
        let text = buf.get(..len).unwrap_or_default();
        let Some(blank) = text.iter().rposition(|byte| *byte == b' ') else { return Ok(()) };
        let text = text.get(..blank).unwrap_or_default();
        offset += text.len() as u64 + 1;
        words(text).filter_map(dec).filter_map(Pid::new).for_each(&mut *take);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::process::Command;

    #[test]
    fn a_child_that_any_thread_has_started_is_listed_until_it_is_collected() {
        let own = Dir::open(c"/proc/self").expect("/proc");
        if !std::path::Path::new("/proc/thread-self/children").exists() {
            return;
        }
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
        let number = child.id();
        let is_listed = || {
            let mut found = false;
            children(&own, &mut |pid| found |= pid.get().unsigned_abs() == number).expect("listed");
            found
        };
        assert!(is_listed());
        child.kill().expect("killed");
        child.wait().expect("collected");
        assert!(!is_listed());
    }

    #[test]
    fn a_process_that_has_gone_is_an_error_and_not_one_without_children() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
        let dir = std::ffi::CString::new(std::format!("/proc/{}", child.id())).expect("a path");
        let dir = Dir::open(&dir).expect("its directory");
        child.kill().expect("killed");
        child.wait().expect("collected");
        let listed = children(&dir, &mut |pid| panic!("{pid}"));
        assert!(matches!(listed, Err(Errno::ENOENT | Errno::ESRCH)), "{listed:?}");
    }
}
