//! The process that tests, the demo and the benchmark watch: it leaks, maps, opens sockets, execs or dies, as its command
//! line says. It is a cargo example, so `cargo test` builds it beside the tests.

#[path = "stuck.rs"]
mod stuck;

use std::error::Error;
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use memdoor::host::Host;
use memdoor::sys::kmsg::{self, Kmsg, Read};
use memdoor::sys::map::{Access, Placeholder, Region, Shared};
use memdoor::sys::pidfd::PidFd;
use memdoor::sys::signal::{Until, wait};
use memdoor::units::Pid;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MmapAdvise, madvise, mlock};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};
use nix::sys::wait::{Id, WaitPidFlag, waitid};

const USAGE: &str = "\
usage: victim VERB [OPTION...] [ARGUMENT...]

Sets a state up, prints `ready PID` (PID: the process to watch) and stays so
until its standard input ends, it is killed, or its parent dies.

  leak [--wait] [--threads N] [--from MIB] [--idle N] [--maps N] [--sockets N]
       [--shared] [--leaderless] MIB_PER_SECOND [MAX_MIB]
                 touch memory at that pace (0: as fast as it can) up to MAX_MIB;
                 with --wait only after one line on standard input. --threads: N
                 that leak together (1). --from: MIB at once, the rest at that
                 pace. Beside it: --idle N threads, --maps N mappings, --sockets
                 N UDP sockets, all there before `ready`. --shared: memory that
                 is mapped MAP_SHARED. --leaderless: the main thread has exited
                 before `ready`, another leaks
  hold MIB       so much resident anonymous memory
  shared COMM anon|memfd|sysv|deleted:PATH|PATH MIB [CHILDREN]
                 so much resident shared memory, under that name: anonymous, a
                 memfd, a segment of System V, or the file at PATH, which is
                 created when it is missing (deleted: and then removed). With a
                 memfd CHILDREN processes map and touch all of it as well
  given-up COMM MIB
                 so much resident anonymous memory, under that name, that was given
                 up with MADV_FREE
  locked COMM PATH MIB
                 so much of the file at PATH, mapped and locked, under that name
  forks COMM anon|shared|space MIB CHILDREN [CHILD_COMM [OWN_MIB]]
                 so much resident memory, under that name, then CHILDREN that
                 come from it by fork(2) and have each OWN_MIB of their own, under
                 CHILD_COMM. shared: it is mapped MAP_SHARED, and they do not touch
                 it. space: they have its address space (CLONE_VM)
  maps N         N mappings that do not merge, none resident
  grow anon|shm MIB
                 after one line on standard input maps so much, anonymous or
                 shared, and says `ready` again
  map-file PATH...
                 each file mapped once, read-only and private
  sockets N [--udp | --tcp-pairs | --tcp-listen | --unbound | --unix |
             --netlink | --raw | --packet] [--v6] [--queue BYTES] [--list]
                 N loopback sockets (--udp). --tcp-pairs: N connections, both
                 ends of them its own, so 2 N sockets, beside a listener for
                 each 10,000. --queue: BYTES sent through each pair or to each
                 UDP socket, and never read. --list prints, before `ready`,
                 `socket PROTOCOL STATE LOCAL REMOTE INODE` for each UDP and TCP one
  fds N [PER_SECOND]
                 N descriptors of each kind: socket, file, pipe (two each),
                 pidfd, a deleted file and a memfd of 1 MiB each, /dev/null.
                 With PER_SECOND it opens so many pidfds more each second
  zombie         a child that has exited and is not reaped: PID is the child
  zombie-leader [--wait] [--comm COMM] MIB
                 the main thread has exited, another holds MIB; with --wait only
                 after one line on standard input, and `ready` comes twice.
                 --comm: the name of both threads
  exec PATH [ARGUMENT...]
                 execve(PATH) after one line on standard input
  comm TEXT      its comm is TEXT, with the escapes \\n \\t \\\\ \\xHH
  children N     N idle child processes that end with it
  family [--deaf] [--undumpable] [--acts-as USER] [--grow N [--every MS]] COMM MIB CHILDREN
                 a tree: itself and CHILDREN processes, each called COMM (with
                 escapes as above) and holding MIB. --deaf: none hears SIGTERM.
                 --undumpable: only root sees the executable of the first.
                 --acts-as: that number is its effective user, for root.
                 --grow: N more children, one each MS (5), after `ready`
  fill FILE MIB_PER_SECOND
                 after one line on standard input writes into FILE at that pace
                 until the file system is full, and keeps it open
  stuck PATH     a child whose mmap_lock is held until this process ends: PID is
                 the child. A file of FUSE is mounted over PATH: for root, in a
                 mount namespace of its own
  init PROGRAM [ARGUMENT...]
                 no state: runs that, waits for it and collects nobody else
  idle           nothing
  freed PID FILE BYTES
                 no state: waits for the kernel's log to say `Killed process PID`
                 then for FILE, a cgroup's memory.current or
                 memory.usage_in_bytes, to say less than BYTES, and prints
                 `freed MICROSECONDS` between the two
  shortage PERCENT SECONDS
                 no state: waits until less than PERCENT of memory is available,
                 then until it is that much again for 10 s. Prints `shortage
                 MILLISECONDS LEAST_KIB` of the time between, LEAST_KIB the
                 least that was available; after SECONDS without an end
                 `shortage - LEAST_KIB`
";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "victim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    // The signal outlives exec(), and whoever starts a victim may be killed at any time.
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // Else a "page" is 2 MiB where transparent huge pages are on, and neither pace nor size is what was asked for.
    nix::sys::prctl::set_thp_disable(true)?;
    let mut args = lexopt::Parser::from_env();
    let verb = match args.next()? {
        Some(Value(verb)) => verb,
        Some(Short('h') | Long("help")) | None => {
            io::stdout().write_all(USAGE.as_bytes())?;
            return Ok(());
        }
        Some(other) => return Err(other.unexpected().into()),
    };
    match verb.to_str() {
        Some("leak") => leak(&mut args),
        Some("hold") => {
            let held = memory(last_number(&mut args)?);
            stay(held)
        }
        Some("shared") => shared(&mut args),
        Some("given-up") => given_up(&mut args),
        Some("locked") => locked(&mut args),
        Some("forks") => forks(&mut args),
        Some("maps") => maps(last_number(&mut args)?),
        Some("grow") => grow(&mut args),
        Some("map-file") => map_files(&mut args),
        Some("sockets") => Sockets::parse(&mut args)?.open(),
        Some("fds") => fds(&mut args),
        Some("zombie") => zombie(&mut args),
        Some("zombie-leader") => zombie_leader(&mut args),
        Some("exec") => exec(&mut args),
        Some("comm") => comm(&mut args),
        Some("freed") => freed(&mut args),
        Some("fill") => fill(&mut args),
        Some("shortage") => shortage(&mut args),
        Some("children") => children(last_number(&mut args)?),
        Some("family") => family(&mut args),
        Some("init") => init(&mut args),
        Some("stuck") => stuck_child(&mut args),
        Some("held") => stuck::held(&args.value()?.string()?),
        Some("idle") => {
            end_of(&mut args)?;
            stay(())
        }
        _ => Err(format!("unknown verb {verb:?}: --help lists them").into()),
    }
}

// Arguments

fn number(args: &mut lexopt::Parser) -> Result<usize> {
    Ok(args.value()?.parse()?)
}

fn end_of(args: &mut lexopt::Parser) -> Result<()> {
    match args.next()? {
        None => Ok(()),
        Some(extra) => Err(extra.unexpected().into()),
    }
}

fn last_number(args: &mut lexopt::Parser) -> Result<usize> {
    let number = number(args)?;
    end_of(args)?;
    Ok(number)
}

// The protocol with whoever started it

fn ready(pid: u32) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "ready {pid}")?;
    Ok(out.flush()?)
}

/// Blocks for one line; the end of the input instead of it ends the process.
fn wait_for_line() -> Result<()> {
    // Byte by byte, because whatever follows the line belongs to the image that `exec` starts.
    let mut byte = [0];
    while byte[0] != b'\n' {
        nix::unistd::read(io::stdin().as_fd(), &mut byte).and_then(|len| match len {
            0 => std::process::exit(0),
            _ => Ok(()),
        })?;
    }
    Ok(())
}

fn wait_for_end() {
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
}

/// Says that the state is set up and keeps it until the input ends.
fn stay<T>(state: T) -> Result<()> {
    ready(std::process::id())?;
    wait_for_end();
    drop(state);
    Ok(())
}

// Verbs

const MIB: usize = 1024 * 1024;

/// A process that is near its limit grows by little at a time: 16 pages.
const STEP: usize = 64 * 1024;

fn memory(mib: usize) -> Vec<u8> {
    vec![0x5a; mib * MIB]
}

/// How leaked memory is mapped.
#[derive(Clone, Copy)]
enum Memory {
    Private,
    Shared,
}

/// Whether the main thread lives while the process leaks.
#[derive(Clone, Copy)]
enum Leader {
    Lives,
    Exits,
}

/// What `leak` was asked for.
struct Leak {
    wait: bool,
    threads: usize,
    from: usize,
    idle: usize,
    maps: usize,
    sockets: usize,
    memory: Memory,
    leader: Leader,
    /// Bytes a second, 0: as fast as it can.
    pace: usize,
    max: usize,
}

impl Leak {
    fn parse(args: &mut lexopt::Parser) -> Result<Self> {
        let mut numbers = Vec::new();
        let mut this = Self {
            wait: false,
            threads: 1,
            from: 0,
            idle: 0,
            maps: 0,
            sockets: 0,
            memory: Memory::Private,
            leader: Leader::Lives,
            pace: 0,
            max: usize::MAX,
        };
        while let Some(arg) = args.next()? {
            match arg {
                Long("wait") => this.wait = true,
                Long("threads") => this.threads = number(args)?.max(1),
                Long("from") => this.from = number(args)? * MIB,
                Long("idle") => this.idle = number(args)?,
                Long("maps") => this.maps = number(args)?,
                Long("sockets") => this.sockets = number(args)?,
                Long("shared") => this.memory = Memory::Shared,
                Long("leaderless") => this.leader = Leader::Exits,
                Value(number) if numbers.len() < 2 => numbers.push(number.parse::<usize>()?),
                other => return Err(other.unexpected().into()),
            }
        }
        this.pace = numbers.first().ok_or("leak: MIB_PER_SECOND is missing")? * MIB;
        this.max = numbers.get(1).map_or(usize::MAX, |mib| mib * MIB);
        Ok(this)
    }
}

fn leak(args: &mut lexopt::Parser) -> Result<()> {
    let leak = Leak::parse(args)?;
    match leak.leader {
        Leader::Lives => leak_as(&leak),
        Leader::Exits => without_leader(move || leak_as(&leak)),
    }
}

fn leak_as(leak: &Leak) -> Result<()> {
    let _maps = mappings(leak.maps)?;
    let mut sockets = Vec::new();
    if leak.sockets > 0 {
        sockets = Sockets::udp_alone(leak.sockets).all()?;
    }
    for _ in 0..leak.idle {
        // A stack of its own for each is mapped, and not touched.
        thread::Builder::new().stack_size(64 * 1024).spawn(|| drop(park_for_ever()))?;
    }
    ready(std::process::id())?;
    if leak.wait {
        wait_for_line()?;
    }
    thread::spawn(|| {
        wait_for_end();
        std::process::exit(0)
    });
    let start = Instant::now();
    let each = |bytes: usize| bytes / leak.threads;
    let (from, pace, max, memory) = (each(leak.from), each(leak.pace), each(leak.max), leak.memory);
    for _ in 1..leak.threads {
        thread::spawn(move || leak_on(memory, start, from, pace, max));
    }
    leak_on(memory, start, from, pace, max);
    drop(sockets);
    park_for_ever()
}

fn park_for_ever() -> Result<()> {
    loop {
        thread::park();
    }
}

/// Touches `from` bytes at once, then more at `pace` bytes a second up to `max`, and never gives them back.
fn leak_on(memory: Memory, start: Instant, from: usize, pace: usize, max: usize) {
    // Address space is taken in few large pieces, so that it is the memory that grows and not the list of mappings.
    const PIECE: usize = 64 * MIB;
    let mut leaked = Vec::new();
    for touched in (0..max).step_by(STEP) {
        while pace > 0 && from as u128 + due(pace, start) <= touched as u128 {
            thread::sleep(Duration::from_millis(1));
        }
        if let Memory::Shared = memory {
            // A mapping for each step: a process may have 65,530, which is 4 GiB.
            if let Ok(step) = Region::shared(STEP) {
                std::mem::forget(step);
            }
            continue;
        }
        if touched % PIECE == 0 {
            leaked.push(Vec::<u8>::with_capacity(PIECE));
        }
        if let Some(piece) = leaked.last_mut() {
            piece.resize(touched % PIECE + STEP, 0x5a);
        }
    }
    std::mem::forget(leaked);
}

/// What should have been touched by now.
fn due(pace: usize, start: Instant) -> u128 {
    pace as u128 * start.elapsed().as_micros() / 1_000_000
}

fn maps(count: usize) -> Result<()> {
    stay(mappings(count)?)
}

/// Mappings that do not merge.
fn mappings(count: usize) -> Result<Vec<Placeholder>> {
    let mut held = Vec::with_capacity(count);
    for n in 0..count {
        let access = if n % 2 == 0 { Access::None } else { Access::Read };
        let map = Placeholder::anonymous(4096, access);
        held.push(
            map.map_err(|errno| format!("mapping {n} of {count}: {errno} (sysctl vm.max_map_count bounds them)"))?,
        );
    }
    Ok(held)
}

fn shared(args: &mut lexopt::Parser) -> Result<()> {
    let mut words = args.raw_args()?;
    let mut word =
        |name: &str| words.next().and_then(|word| word.into_string().ok()).ok_or(format!("shared: no {name}"));
    let (comm, kind, mib) = (word("COMM")?, word("kind")?, word("MIB")?);
    let count = word("CHILDREN").map_or(Ok(0), |count| count.parse::<usize>())?;
    let len = mib.parse::<usize>()? * MIB;
    let mut children = Vec::new();
    let mut of = |file: &File| -> Result<Shared> {
        nix::unistd::ftruncate(file, i64::try_from(len)?)?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        for _ in 0..count {
            children.push(start(&["shared", &comm, &path, &mib])?);
        }
        Ok(Shared::file(file.as_fd(), len)?)
    };
    let open = |path: &str| File::options().read(true).write(true).create(true).truncate(false).open(path);
    let held = match kind.as_str() {
        "anon" => Shared::anonymous(len)?,
        "sysv" => Shared::segment(len)?,
        "memfd" => of(&File::from(memfd_create(c"shared", MFdFlags::empty())?))?,
        path => match path.strip_prefix("deleted:") {
            Some(path) => {
                let file = open(path)?;
                std::fs::remove_file(path)?;
                of(&file)?
            }
            None => of(&open(path)?)?,
        },
    };
    held.touch();
    nix::sys::prctl::set_name(&CString::new(comm)?)?;
    stay((held, children))
}

#[allow(unsafe_code, reason = "madvise(2) takes an address")]
fn given_up(args: &mut lexopt::Parser) -> Result<()> {
    let comm = CString::new(args.value()?.string()?)?;
    let len = last_number(args)? * MIB;
    let mut memory = Region::new(len)?;
    memory.as_bytes().fill(0x5a);
    let start = std::ptr::NonNull::from(memory.as_bytes()).cast();
    // SAFETY: the memory is this process's own, and nobody reads it again.
    unsafe { madvise(start, len, MmapAdvise::MADV_FREE) }?;
    nix::sys::prctl::set_name(&comm)?;
    stay(memory)
}

#[allow(unsafe_code, reason = "mlock(2) takes an address")]
fn locked(args: &mut lexopt::Parser) -> Result<()> {
    let comm = CString::new(args.value()?.string()?)?;
    let path = args.value()?;
    let len = last_number(args)? * MIB;
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    nix::unistd::ftruncate(&file, i64::try_from(len)?)?;
    let memory = Shared::file(file.as_fd(), len)?;
    memory.touch();
    // What is clean is cache that can be taken at once, unless it is locked.
    file.sync_all()?;
    // SAFETY: it changes nothing of what is in it.
    unsafe { mlock(memory.start().cast(), len) }?;
    nix::sys::prctl::set_name(&comm)?;
    stay(memory)
}

#[allow(unsafe_code, reason = "there is no safe fork(2) or clone(2)")]
fn forks(args: &mut lexopt::Parser) -> Result<()> {
    let words = args.raw_args()?.map(|word| word.into_string().map_err(|word| format!("forks: {}", word.display())));
    let words = words.collect::<std::result::Result<Vec<_>, _>>()?;
    let word = |at: usize| words.get(at).map(String::as_str);
    let [comm, kind, mib, count, ..] = words.as_slice() else { return Err("forks: COMM KIND MIB CHILDREN".into()) };
    let (mib, own): (usize, usize) = (mib.parse()?, word(5).map_or(Ok(0), str::parse)?);
    let (name, child_name) = (CString::new(comm.as_str())?, CString::new(word(4).unwrap_or(comm))?);
    let mapped = if kind == "shared" { Some(Shared::anonymous(mib * MIB)?) } else { None };
    if let Some(mapped) = &mapped {
        mapped.touch();
    }
    let held = memory(if mapped.is_some() { 0 } else { mib });
    let (there, here) = UnixDatagram::pair()?;
    for _ in 0..count.parse()? {
        if kind == "space" {
            beside(&child_name)?;
            continue;
        }
        // SAFETY: there is no other thread, so the child is a whole copy.
        if let nix::unistd::ForkResult::Child = unsafe { nix::unistd::fork() }? {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            nix::sys::prctl::set_name(&child_name)?;
            let _own = memory(own);
            there.send(b"x")?;
            loop {
                nix::unistd::pause();
            }
        }
        here.recv(&mut [0; 1])?;
    }
    nix::sys::prctl::set_name(&name)?;
    stay((held, mapped))
}

/// A process with the address space of this one.
#[allow(unsafe_code, reason = "there is no safe fork(2) or clone(2)")]
fn beside(name: &std::ffi::CStr) -> Result<()> {
    extern "C" fn wait(name: *mut libc::c_void) -> libc::c_int {
        // SAFETY: integers and no memory.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
        // SAFETY: the name is never freed.
        unsafe { libc::prctl(libc::PR_SET_NAME, name, 0, 0, 0) };
        loop {
            // SAFETY: it takes nothing and touches no memory.
            unsafe { libc::pause() };
        }
    }
    let name = Box::leak(name.to_owned().into_boxed_c_str()).as_ptr().cast_mut().cast();
    let stack = Box::leak(vec![0_u128; 4096].into_boxed_slice()).as_mut_ptr_range().end.cast();
    // SAFETY: the stack is its own, grows downwards from its aligned end and is never freed.
    let child = unsafe { libc::clone(wait, stack, libc::CLONE_VM | libc::SIGCHLD, name) };
    if child < 0 { Err(io::Error::last_os_error().into()) } else { Ok(()) }
}

/// The same as a child that is ready.
fn start(args: &[&str]) -> Result<Child> {
    let mut child = spawn(args, Stdio::piped(), Stdio::piped())?;
    let out = child.stdout.take().ok_or("no pipe")?;
    BufReader::new(out).read_line(&mut String::new())?;
    Ok(child)
}

fn grow(args: &mut lexopt::Parser) -> Result<()> {
    let kind = args.value()?;
    let len = last_number(args)? * MIB;
    ready(std::process::id())?;
    wait_for_line()?;
    let held = match kind.to_str() {
        Some("anon") => Placeholder::anonymous(len, Access::Read)?,
        Some("shm") => {
            let file = memfd_create(c"grown", MFdFlags::empty())?;
            nix::unistd::ftruncate(&file, i64::try_from(len)?)?;
            Placeholder::file(file.as_fd(), len)?
        }
        _ => return Err("grow: anon or shm".into()),
    };
    stay(held)
}

fn map_files(args: &mut lexopt::Parser) -> Result<()> {
    let mut held = Vec::new();
    for path in args.raw_args()? {
        let file = File::open(&path).map_err(|error| format!("{path:?}: {error}"))?;
        let len = usize::try_from(file.metadata()?.len())?.max(1);
        held.push(Placeholder::file(file.as_fd(), len)?);
    }
    stay(held)
}

fn fds(args: &mut lexopt::Parser) -> Result<()> {
    let each = number(args)?;
    let pace = args.raw_args()?.next().map_or(Ok(0), |word| word.parse::<usize>())?;
    let own = Pid::new(std::process::id().into()).ok_or("no pid")?;
    let (mut held, mut pidfds) = (Sockets::udp_alone(each).all()?, Vec::new());
    for n in 0..each {
        held.push(File::open("/proc/self/exe")?.into());
        held.push(File::open("/dev/null")?.into());
        let (end, other) = io::pipe()?;
        held.extend([OwnedFd::from(end), other.into()]);
        pidfds.push(PidFd::open(own)?);
        let path = std::env::temp_dir().join(format!("victim-{}-{n}", std::process::id()));
        let deleted = File::create_new(&path)?;
        std::fs::remove_file(&path)?;
        deleted.write_all_at(&vec![1; MIB], 0)?;
        let memory = File::from(memfd_create(c"victim", MFdFlags::empty())?);
        memory.write_all_at(&vec![1; MIB], 0)?;
        held.extend([OwnedFd::from(deleted), memory.into()]);
    }
    if pace > 0 {
        let start = Instant::now();
        thread::spawn(move || -> nix::Result<()> {
            for opened in 0.. {
                while due(pace, start) <= opened {
                    thread::sleep(Duration::from_millis(1));
                }
                std::mem::forget(PidFd::open(own)?);
            }
            Ok(())
        });
    }
    stay((held, pidfds))
}

fn zombie(args: &mut lexopt::Parser) -> Result<()> {
    end_of(args)?;
    let child = spawn_idle(Stdio::null(), Stdio::null())?;
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id())?);
    // WNOWAIT leaves it unreaped: that is the point.
    waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT)?;
    ready(child.id())?;
    wait_for_end();
    Ok(())
}

fn init(args: &mut lexopt::Parser) -> Result<()> {
    let mut words = args.raw_args()?;
    let status = Command::new(words.next().ok_or("init: PROGRAM is missing")?).args(words).status()?;
    std::process::exit(status.code().unwrap_or(1))
}

fn stuck_child(args: &mut lexopt::Parser) -> Result<()> {
    let path = args.value()?.string()?;
    end_of(args)?;
    let (server, mut child) = stuck::start(&path)?;
    ready(child.id())?;
    wait_for_end();
    drop(server);
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn spawn_idle(stdin: Stdio, stdout: Stdio) -> io::Result<Child> {
    spawn(&["idle"], stdin, stdout)
}

/// This program once more.
fn spawn(args: &[&str], stdin: Stdio, stdout: Stdio) -> io::Result<Child> {
    Command::new("/proc/self/exe").arg0("victim").args(args).stdin(stdin).stdout(stdout).spawn()
}

fn zombie_leader(args: &mut lexopt::Parser) -> Result<()> {
    let (mut waits, mut mib) = (false, None);
    while let Some(arg) = args.next()? {
        match arg {
            Long("wait") => waits = true,
            Long("comm") => nix::sys::prctl::set_name(&CString::new(unescape(args.value()?.as_bytes())?)?)?,
            Value(number) if mib.is_none() => mib = Some(number.parse::<usize>()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let mib = mib.ok_or("zombie-leader: MIB is missing")?;
    if waits {
        ready(std::process::id())?;
        wait_for_line()?;
    }
    without_leader(move || stay(memory(mib)))
}

/// Goes on with `rest` in another thread, once the main thread has exited.
fn without_leader(rest: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    thread::spawn(move || {
        if let Err(error) = wait_until_leader_is_zombie().and_then(|()| rest()) {
            let _ = writeln!(io::stderr(), "victim: {error}");
        }
        std::process::exit(0);
    });
    memdoor::sys::thread::exit()
}

fn wait_until_leader_is_zombie() -> Result<()> {
    // The kernel tells nobody when a leader exits before its threads: looking is the only way.
    while !std::fs::read_to_string("/proc/self/status")?.contains("\nState:\tZ") {
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn exec(args: &mut lexopt::Parser) -> Result<()> {
    let mut words = args.raw_args()?;
    let path: OsString = words.next().ok_or("exec: PATH is missing")?;
    ready(std::process::id())?;
    wait_for_line()?;
    Err(format!("{path:?}: {}", Command::new(&path).args(words).exec()).into())
}

fn comm(args: &mut lexopt::Parser) -> Result<()> {
    let text = args.value()?;
    end_of(args)?;
    let name = CString::new(unescape(text.as_bytes())?)?;
    nix::sys::prctl::set_name(&name)?;
    stay(())
}

/// `\n`, `\t`, `\\` and `\xHH` become the byte they stand for.
fn unescape(text: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        (bytes, rest) = match (byte, tail) {
            (b'\\', [b'n', tail @ ..]) => (push(bytes, b'\n'), tail),
            (b'\\', [b't', tail @ ..]) => (push(bytes, b'\t'), tail),
            (b'\\', [b'\\', tail @ ..]) => (push(bytes, b'\\'), tail),
            (b'\\', [b'x', high, low, tail @ ..]) => {
                let digits = [*high, *low];
                let byte = u8::from_str_radix(std::str::from_utf8(&digits)?, 16)?;
                (push(bytes, byte), tail)
            }
            (b'\\', _) => return Err("an escape is \\n, \\t, \\\\ or \\xHH".into()),
            _ => (push(bytes, byte), tail),
        };
    }
    Ok(bytes)
}

fn push(mut bytes: Vec<u8>, byte: u8) -> Vec<u8> {
    bytes.push(byte);
    bytes
}

fn children(count: usize) -> Result<()> {
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        let mut child = spawn_idle(Stdio::piped(), Stdio::piped())?;
        let out = child.stdout.take().ok_or("children: no pipe")?;
        BufReader::new(out).read_line(&mut String::new())?;
        held.push(child);
    }
    stay(held)
}

fn family(args: &mut lexopt::Parser) -> Result<()> {
    let mut acts_as = None;
    let (mut deaf, mut grow, mut every, mut words) = (false, 0, Duration::from_millis(5), Vec::new());
    while let Some(arg) = args.next()? {
        match arg {
            Long("deaf") => deaf = true,
            Long("undumpable") => nix::sys::prctl::set_dumpable(false)?,
            Long("acts-as") => acts_as = Some(number(args)?),
            Long("grow") => grow = number(args)?,
            Long("every") => every = Duration::from_millis(number(args)? as u64),
            Value(word) if words.len() < 3 => words.push(word),
            other => return Err(other.unexpected().into()),
        }
    }
    let [comm, mib, count] = words.try_into().map_err(|_| "family: COMM MIB CHILDREN")?;
    let (mib, count): (usize, usize) = (mib.parse()?, count.parse()?);
    if deaf {
        // Blocked as well in all that it starts.
        let mut set = nix::sys::signal::SigSet::empty();
        set.add(Signal::SIGTERM);
        set.thread_block()?;
    }
    let comm = comm.into_string().map_err(|comm| format!("family: {comm:?}"))?;
    let start = || start(&["family", &comm, &mib.to_string(), "0"]);
    let held = memory(mib);
    let mut children = (0..count).map(|_| start()).collect::<Result<Vec<_>>>()?;
    let name = CString::new(unescape(comm.as_bytes())?)?;
    nix::sys::prctl::set_name(&name)?;
    if let Some(user) = acts_as {
        let root = nix::unistd::Uid::from_raw(0);
        nix::unistd::setresuid(root, nix::unistd::Uid::from_raw(u32::try_from(user)?), root)?;
    }
    if grow > 0 {
        ready(std::process::id())?;
        for _ in 0..grow {
            children.push(start()?);
            thread::sleep(every);
        }
        wait_for_end();
        return Ok(());
    }
    stay((held, children))
}

/// How long the memory of a process that the kernel kills stays charged.
fn freed(args: &mut lexopt::Parser) -> Result<()> {
    let killed = format!("Killed process {} (", number(args)?);
    let file = File::open(args.value()?)?;
    let below = last_number(args)?;
    let log = Kmsg::open(c"/dev/kmsg")?;
    log.skip()?;
    ready(std::process::id())?;
    let mut buf = [0; kmsg::RECORD];
    loop {
        match log.next(&mut buf)? {
            Read::Record(text) if String::from_utf8_lossy(text).contains(&killed) => {
                break;
            }
            Read::End => drop(wait(Some((log.as_fd(), Until::Readable)), None)?),
            _ => {}
        }
    }
    let killed = Instant::now();
    let mut digits = [0; 32];
    loop {
        let length = file.read_at(&mut digits, 0)?;
        let usage: usize = std::str::from_utf8(&digits[..length])?.trim().parse()?;
        if usage < below {
            break;
        }
        // Not oftener: on a machine that is busy the victim needs its processor to free.
        thread::sleep(Duration::from_micros(500));
    }
    let micros = killed.elapsed().as_micros();
    Ok(writeln!(io::stdout(), "freed {micros}")?)
}

fn fill(args: &mut lexopt::Parser) -> Result<()> {
    let path = args.value()?;
    let pace = last_number(args)? * MIB;
    let file = File::create_new(&path).map_err(|error| format!("{path:?}: {error}"))?;
    ready(std::process::id())?;
    wait_for_line()?;
    let start = Instant::now();
    for written in (0_u64..).step_by(STEP) {
        while due(pace, start) <= u128::from(written) {
            thread::sleep(Duration::from_millis(1));
        }
        match file.write_all_at(&[0x5a; STEP], written) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
            other => other?,
        }
    }
    wait_for_end();
    Ok(())
}

/// How long memory is short.
fn shortage(args: &mut lexopt::Parser) -> Result<()> {
    /// Memory that is back for less than this was not back.
    const STEADY: Duration = Duration::from_secs(10);
    let percent = number(args)? as u64;
    let end = Instant::now() + Duration::from_secs(last_number(args)? as u64);
    let mut host = Host::open(c"/proc").map_err(|_| "shortage: /proc cannot be opened")?;
    ready(std::process::id())?;
    let (mut least, mut short, mut back) = (u64::MAX, None, None);
    while Instant::now() < end {
        let memory = host.meminfo().map_err(|_| "shortage: /proc/meminfo cannot be read")?;
        let (total, available) = memory.total.zip(memory.available).ok_or("shortage: no MemAvailable")?;
        let now = Instant::now();
        if available.0 * 100 < total.0 * percent {
            short.get_or_insert(now);
            back = None;
        } else if short.is_some() {
            back.get_or_insert(now);
        }
        least = least.min(available.kib());
        if let (Some(short), Some(back)) = (short, back)
            && now - back >= STEADY
        {
            let millis = (back - short).as_millis();
            return Ok(writeln!(io::stdout(), "shortage {millis} {least}")?);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(writeln!(io::stdout(), "shortage - {least}")?)
}

// Sockets

#[derive(Clone, Copy)]
enum Kind {
    Udp,
    TcpPairs,
    TcpListen,
    /// UDP sockets that were never bound.
    Unbound,
    Unix,
    Netlink,
    Raw,
    Packet,
}

struct Sockets {
    count: usize,
    kind: Kind,
    loopback: IpAddr,
    queue: Vec<u8>,
    list: bool,
}

impl Sockets {
    fn parse(args: &mut lexopt::Parser) -> Result<Self> {
        let mut this = Self::udp_alone(number(args)?);
        while let Some(arg) = args.next()? {
            match arg {
                Long("udp") => this.kind = Kind::Udp,
                Long("tcp-pairs") => this.kind = Kind::TcpPairs,
                Long("tcp-listen") => this.kind = Kind::TcpListen,
                Long("unbound") => this.kind = Kind::Unbound,
                Long("unix") => this.kind = Kind::Unix,
                Long("netlink") => this.kind = Kind::Netlink,
                Long("raw") => this.kind = Kind::Raw,
                Long("packet") => this.kind = Kind::Packet,
                Long("v6") => this.loopback = Ipv6Addr::LOCALHOST.into(),
                Long("queue") => this.queue = vec![b'q'; number(args)?],
                Long("list") => this.list = true,
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(this)
    }

    /// UDP sockets of IPv4, without data.
    fn udp_alone(count: usize) -> Self {
        Self { count, kind: Kind::Udp, loopback: Ipv4Addr::LOCALHOST.into(), queue: Vec::new(), list: false }
    }

    fn open(self) -> Result<()> {
        stay(self.all()?)
    }

    fn all(&self) -> Result<Vec<OwnedFd>> {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
        let mut held = Vec::with_capacity(self.count);
        match self.kind {
            Kind::TcpPairs => self.tcp_pairs(&mut held)?,
            _ => {
                for _ in 0..self.count {
                    held.push(self.one()?);
                }
            }
        }
        Ok(held)
    }

    fn any_port(&self) -> SocketAddr {
        SocketAddr::new(self.loopback, 0)
    }

    fn one(&self) -> Result<OwnedFd> {
        let special = |family, kind, protocol| socket(family, kind, SockFlag::empty(), protocol);
        Ok(match self.kind {
            Kind::Udp => self.udp()?,
            Kind::TcpListen | Kind::TcpPairs => {
                let listener = TcpListener::bind(self.any_port())?;
                let local = listener.local_addr()?;
                self.report("tcp", "LISTEN", local, None, &listener)?;
                listener.into()
            }
            Kind::Unbound => {
                let family = match self.loopback {
                    IpAddr::V4(_) => AddressFamily::Inet,
                    IpAddr::V6(_) => AddressFamily::Inet6,
                };
                special(family, SockType::Datagram, None)?
            }
            Kind::Unix => UnixDatagram::unbound()?.into(),
            Kind::Netlink => special(AddressFamily::Netlink, SockType::Raw, Some(SockProtocol::NetlinkRoute))?,
            Kind::Raw => special(AddressFamily::Inet, SockType::Raw, Some(SockProtocol::Icmp))?,
            Kind::Packet => special(AddressFamily::Packet, SockType::Datagram, None)?,
        })
    }

    fn udp(&self) -> Result<OwnedFd> {
        let socket = UdpSocket::bind(self.any_port())?;
        let local = socket.local_addr()?;
        if !self.queue.is_empty() {
            UdpSocket::bind(self.any_port())?.send_to(&self.queue, local)?;
        }
        self.report("udp", "UNCONN", local, None, &socket)?;
        Ok(socket.into())
    }

    fn tcp_pairs(&self, held: &mut Vec<OwnedFd>) -> Result<()> {
        // One listener takes at most the 28,232 ports of net.ipv4.ip_local_port_range.
        const PER_LISTENER: usize = 10_000;
        for start in (0..self.count).step_by(PER_LISTENER) {
            let listener = TcpListener::bind(self.any_port())?;
            let local = listener.local_addr()?;
            self.report("tcp", "LISTEN", local, None, &listener)?;
            for _ in start..self.count.min(start + PER_LISTENER) {
                let mut near = TcpStream::connect(local)?;
                let (far, _) = listener.accept()?;
                near.write_all(&self.queue)?;
                for end in [near, far] {
                    let (local, remote) = (end.local_addr()?, end.peer_addr()?);
                    self.report("tcp", "ESTABLISHED", local, Some(remote), &end)?;
                    held.push(end.into());
                }
            }
            held.push(listener.into());
        }
        Ok(())
    }

    /// The line of `--list`.
    fn report(
        &self,
        protocol: &str,
        state: &str,
        local: SocketAddr,
        remote: Option<SocketAddr>,
        socket: &impl AsFd,
    ) -> Result<()> {
        if self.list {
            let inode = nix::sys::stat::fstat(socket)?.st_ino;
            let remote = remote.map_or("-".into(), |remote| remote.to_string());
            let mut out = io::stdout();
            writeln!(out, "socket {protocol} {state} {local} {remote} {inode}")?;
        }
        Ok(())
    }
}
