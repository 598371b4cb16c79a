//! Which processes are memdoor's own, and which it descends from.

use crate::fixed::Fixed;
use crate::parse::stat;
use crate::processes::Process;
use crate::sys::file::Dir;
use crate::sys::system;
use crate::units::Pid;

/// Processes above memdoor that are looked for: 32 pid namespaces may be nested, and shells in them.
pub const OWN_MAX: usize = 64;

/// Whether it is one of those that memdoor, the first of [`own_line`], started to read what may block.
pub fn is_helper(process: &Process, own: &[Pid]) -> bool {
    process.parent.is_some()
        && process.parent == own.first().copied()
        && process.comm.as_bytes() == crate::sys::helper::COMM.to_bytes()
}

/// memdoor and all that it descends from, up to where this `/proc` ends. Its own number fills what is left.
pub fn own_line(proc: &Dir) -> [Pid; OWN_MAX] {
    let own = Pid::new(system::own_pid()).or_else(|| Pid::new(1));
    // There is no number that is not positive.
    let Some(own) = own else { unreachable!() };
    let mut line = [own; OWN_MAX];
    let mut buf = [0; crate::target::STAT_MAX];
    for at in 1..OWN_MAX {
        let mut path = Fixed::<32>::new();
        path.push_dec(line[at - 1].get()).push(b"/stat");
        let text = proc.read(path.as_c_str().unwrap_or_default(), &mut buf);
        let parent = text.ok().and_then(stat::parse);
        match parent.and_then(|stat| Pid::new(stat.ppid)) {
            Some(parent) => line[at] = parent,
            None => break,
        }
    }
    line
}
