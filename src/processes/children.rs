//! The children of a process: `/proc/PID/task/TID/children` (Linux 3.5, CONFIG_PROC_CHILDREN).

use crate::fixed::Fixed;
use crate::parse::{dec, words};
use crate::sys::Result;
use crate::sys::file::Dir;
use crate::sys::getdents::Entries;
use crate::units::Pid;

/// So much of a list is read at once: 500 numbers.
const LIST: usize = 4096;

/// Hands those to `take` that the process of the directory `dir` has started and that have not been collected. They are listed by the
/// thread that did, until that has exited.
pub fn children(dir: &Dir, take: &mut dyn FnMut(Pid)) -> Result<()> {
    let tasks = dir.dir(c"task")?;
    let listing = tasks.listing(c".")?;
    let mut entries = Entries::new(&listing)?;
    while let Some(name) = entries.next() {
        let name = name?;
        if dec(name.to_bytes()).is_none() {
            continue;
        }
        let mut path = Fixed::<32>::of(name.to_bytes());
        path.push(b"/children");
        // Of a thread that has ended meanwhile none is listed.
        if let Some(path) = path.as_c_str() {
            let _ = of_thread(&tasks, path, take);
        }
    }
    Ok(())
}

fn of_thread(tasks: &Dir, path: &core::ffi::CStr, take: &mut dyn FnMut(Pid)) -> Result<()> {
    let file = tasks.file(path)?;
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
}
