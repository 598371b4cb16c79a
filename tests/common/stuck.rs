//! A process whose mmap_lock is held until this one ends: as when a page of a dead network file system is awaited.
//!
//! A file of FUSE is mapped, and its server, this process, never answers READ. Whoever reads that page through `/proc/PID/mem` holds the
//! lock meanwhile (`get_user_pages_remote()` without FOLL_UNLOCKABLE); a thread that maps memory then waits to write, and every reader
//! after it waits behind that thread. The kernel ends it all when the server does: its descriptor is closed.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::process::{Child, Stdio};
use std::time::Duration;
use std::{fs, io, thread};

use memdoor::sys::map::{Placeholder, Region};
use nix::mount::{MsFlags, mount};

use super::Result;

/// Mounts the file system over the file at `path` and starts the process; `server` runs until the page is asked for.
///
/// include/uapi/linux/fuse.h. The mount is the caller's to see to: in a mount namespace of its own.
pub(super) fn start(path: &str) -> Result<(File, Child)> {
    let mut device = File::options().read(true).write(true).open("/dev/fuse")?;
    let options = format!("fd={},rootmode=100444,user_id=0,group_id=0", device.as_fd().as_raw_fd());
    mount(Some("victim"), path, Some("fuse"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(options.as_str()))?;
    let child = super::spawn(&["held", path], Stdio::null(), Stdio::null())?;
    let mut request = vec![0; 1 << 20];
    while !answer(&mut device, &mut request)? {}
    // The one who waits to write.
    while !is_waiting(child.id())? {
        thread::sleep(Duration::from_millis(2));
    }
    Ok((device, child))
}

const SIZE: u64 = 1 << 16;

const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const INIT: u32 = 26;
/// Those that have no answer.
const FORGET: [u32; 3] = [2, 36, 42];

/// Answers one request; whether it was READ, which is not answered.
fn answer(device: &mut File, request: &mut [u8]) -> Result<bool> {
    let length = device.read(request)?;
    let word = |at: usize| -> Result<u32> {
        let bytes = request[..length].get(at..at + 4).ok_or("a request that is too short")?;
        Ok(u32::from_ne_bytes(bytes.try_into()?))
    };
    let body = match word(4)? {
        READ => return Ok(true),
        code if FORGET.contains(&code) => return Ok(false),
        INIT => words(&[7, 31, 0, 0, 0, 4096, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        GETATTR => attributes(),
        OPEN => words(&[0; 4]),
        // ENOSYS.
        _ => return reply(device, &request[8..16], -38, &[]),
    };
    reply(device, &request[8..16], 0, &body)
}

fn reply(mut device: &File, unique: &[u8], error: i32, body: &[u8]) -> Result<bool> {
    let length = u32::try_from(16 + body.len())?;
    let answer = [&length.to_ne_bytes(), &error.to_ne_bytes(), unique, body].concat();
    device.write_all(&answer)?;
    Ok(false)
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// struct fuse_attr_out: inode 1, a regular file.
fn attributes() -> Vec<u8> {
    let mut out = words(&[0; 4]);
    out.extend([1, SIZE, SIZE / 512, 0, 0, 0].iter().flat_map(|long: &u64| long.to_ne_bytes()));
    out.extend(words(&[0, 0, 0, 0o100_444, 1, 0, 0, 0, 4096, 0]));
    out
}

/// Whether a process, its first thread, sleeps uninterruptibly.
fn is_waiting(pid: u32) -> io::Result<bool> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    Ok(stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" D ")))
}

/// The process that gets stuck. It says nothing: whoever started it sees it.
pub(super) fn held(path: &str) -> Result<()> {
    let file = File::open(path)?;
    let length = usize::try_from(file.metadata()?.len())?;
    let mapped = Placeholder::file(file.as_fd(), length)?;
    let maps = fs::read_to_string("/proc/self/maps")?;
    let line = maps.lines().find(|line| line.ends_with(path)).ok_or("the file is not mapped")?;
    let start = line.split('-').next().ok_or("no address")?;
    let start = u64::from_str_radix(start, 16)?;
    let memory = File::open("/proc/self/mem")?;
    let reader = thread::spawn(move || memory.read_at(&mut [0], start));
    // Until the reader holds the lock this does not wait.
    while !reader.is_finished() {
        drop(Region::new(4096)?);
        thread::sleep(Duration::from_millis(1));
    }
    drop(mapped);
    Ok(())
}
