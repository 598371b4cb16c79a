//! The sockets of live processes: every kind, by every method, in other namespaces, and without permission.
//!
//! Targets are this process or children of it: the test binary runs itself with `--exact child` and a role in the environment.
//! Only loopback is used. Faults are those of the original, by the numbers of its list.

use crate::common;

use std::collections::BTreeMap;
use std::ffi::CString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::host::{TempDir, may_be_another_user, unprivileged, works};
use common::run::{Process, command, is_own_process, own_test, run_command, through};
use common::skip;
use common::target::{Victim, proc};
use memdoor::error::{Absent, Source};
use memdoor::parse::net::{Protocol, Socket, State};
use memdoor::snapshot::sockets::{Choice, Method, SocketOwner, Sockets, Summary};
use memdoor::sys::file::Dir;
use memdoor::sys::netlink::{ALL_STATES, SockDiag, Table};
use memdoor::sys::pidfd::PidFd;
use memdoor::units::{Bytes, Pid};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{Backlog, listen};

const FORCED: [Choice; 3] = [Choice::Getfd, Choice::Diag, Choice::Proc];

/// Tests of the own sockets run one after the other: they share one table of descriptors.
static OWN: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process to look at.
struct Target {
    view: Dir,
    pidfd: Option<PidFd>,
}

impl Target {
    fn of(pid: u32) -> Self {
        let path = CString::new(format!("/proc/{pid}")).expect("no NUL");
        Self {
            view: Dir::open(&path).expect("/proc/PID"),
            pidfd: PidFd::open(Pid::new(u64::from(pid)).expect("a pid")).ok(),
        }
    }

    fn me() -> Self {
        Self::of(std::process::id())
    }

    fn take(&self, choice: Choice) -> Result<(Vec<Socket>, Summary), Absent> {
        let mut sockets = Sockets::arm(64).expect("memory");
        sockets.choice = choice;
        self.take_with(&mut sockets)
    }

    fn take_with(&self, sockets: &mut Sockets) -> Result<(Vec<Socket>, Summary), Absent> {
        let pidfd = self.pidfd.as_ref();
        let whose = SocketOwner { view: &self.view, pidfd, lender: pidfd.ok_or(Absent::NoPidfd) };
        let mut rows = Vec::new();
        let mut buf = vec![0; 32 * 1024];
        let summary = sockets.take(whose, &mut buf, &mut |socket| rows.push(*socket))?;
        Ok((rows, summary))
    }

    fn rows(&self, choice: Choice) -> BTreeMap<u32, Socket> {
        let (rows, _) = self.take(choice).expect("sockets");
        let count = rows.len();
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.inode, row)).collect();
        assert_eq!(rows.len(), count, "a socket twice");
        rows
    }
}

#[allow(unsafe_code)]
fn raw_socket(family: i32, kind: i32, protocol: i32) -> std::io::Result<OwnedFd> {
    // SAFETY: socket(2) takes three integers.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: the kernel has just returned it, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

#[derive(Clone, Copy)]
enum End {
    Local,
    Remote,
}

/// bind(2) to 127.0.0.1 or ::1, or connect(2) to it.
#[allow(unsafe_code)]
fn attach(fd: &OwnedFd, end: End, address: SocketAddr) -> nix::Result<()> {
    let mut name = [0_u8; 28];
    let len = match address {
        SocketAddr::V4(address) => {
            name[..2].copy_from_slice(&2_u16.to_ne_bytes());
            name[4..8].copy_from_slice(&address.ip().octets());
            16
        }
        SocketAddr::V6(address) => {
            name[..2].copy_from_slice(&10_u16.to_ne_bytes());
            name[8..24].copy_from_slice(&address.ip().octets());
            28
        }
    };
    name[2..4].copy_from_slice(&address.port().to_be_bytes());
    let name = name.as_ptr().cast();
    let done = match end {
        // SAFETY: `name` is `len` bytes or more and lives through the call.
        End::Local => unsafe { libc::bind(fd.as_raw_fd(), name, len) },
        // SAFETY: as above.
        End::Remote => unsafe { libc::connect(fd.as_raw_fd(), name, len) },
    };
    nix::errno::Errno::result(done).map(drop)
}

fn any_port(host: &str) -> SocketAddr {
    format!("{host}:0").parse().expect("an address")
}

fn inode(fd: &impl AsRawFd) -> u32 {
    let link = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd())).expect("link");
    let link = link.to_str().expect("UTF-8");
    let number = link.trim_start_matches("socket:[").trim_end_matches(']');
    number.parse().expect("socket:[N]")
}

fn pair(address: &str) -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind(address).expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    (listener, client, server)
}

/// A connection that is still being made: the listener's queue is full, so that loopback drops the SYN.
fn syn_sent() -> (TcpListener, Vec<OwnedFd>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    listen(&listener, Backlog::new(0).expect("0")).expect("listen");
    let address = listener.local_addr().expect("address");
    let clients = (0..3).map(|_| {
        let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK;
        let client = raw_socket(libc::AF_INET, kind, 0).expect("socket");
        let _ = attach(&client, End::Remote, address);
        client
    });
    (listener, clients.collect(), address)
}

fn bytes(count: u64) -> Option<Bytes> {
    Some(Bytes(count))
}

/// What the methods may differ in: /proc does not know a listener's limit.
fn comparable(rows: BTreeMap<u32, Socket>) -> BTreeMap<u32, Socket> {
    let same = |mut row: Socket| {
        if row.state == State::Listen {
            row.tx_queue = None;
        }
        row
    };
    rows.into_iter().map(|(inode, row)| (inode, same(row))).collect()
}

#[test]
fn each_method_gives_the_same_rows() {
    let _alone = alone();
    let (listen4, client4, mut server4) = pair("127.0.0.1:0");
    let (_listen6, mut client6, server6) = pair("[::1]:0");
    server4.write_all(&[1; 300]).expect("write");
    client6.write_all(&[2; 70]).expect("write");
    drop(client6);
    let waiting = TcpStream::connect(listen4.local_addr().expect("address")).expect("connect");

    let both = TcpListener::bind("[::]:0").expect("bind");
    let mapped = TcpStream::connect(("127.0.0.1", both.local_addr().expect("address").port())).expect("connect");
    let (mapped_server, _) = both.accept().expect("accept");

    let unbound = raw_socket(libc::AF_INET6, libc::SOCK_STREAM, 0).expect("socket");
    let bound = raw_socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket");
    attach(&bound, End::Local, any_port("127.0.0.1")).expect("bind");
    let (_full, trying, tried) = syn_sent();

    let udp4 = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let udp6 = UdpSocket::bind("[::1]:0").expect("bind");
    let udp6_peer = UdpSocket::bind("[::1]:0").expect("bind");
    udp6.connect(udp6_peer.local_addr().expect("address")).expect("connect");
    let udp_unbound = raw_socket(libc::AF_INET, libc::SOCK_DGRAM, 0).expect("socket");
    for _ in 0..3 {
        udp6_peer.send_to(&[3; 50], udp4.local_addr().expect("address")).expect_err("another family");
        udp6.send(&[3; 50]).expect("send");
    }

    let rows = Target::me().rows(Choice::Getfd);
    let row = |fd: &dyn Fn() -> u32| *rows.get(&fd()).expect("a row");

    let found = row(&|| inode(&listen4));
    assert_eq!((found.protocol, found.state), (Protocol::Tcp, State::Listen));
    assert_eq!(found.rx_queue, bytes(1), "one waits to be accepted");
    assert_eq!(Some(found.local), listen4.local_addr().ok());

    let found = row(&|| inode(&client4));
    assert_eq!((found.state, found.rx_queue, found.tx_queue), (State::Established, bytes(300), bytes(0)));
    assert_eq!(Some(found.local), client4.local_addr().ok());
    assert_eq!(Some(found.remote), client4.peer_addr().ok());

    let found = row(&|| inode(&server6));
    assert_eq!((found.protocol, found.state), (Protocol::Tcp6, State::CloseWait));
    assert_eq!(found.rx_queue, bytes(70), "the FIN is not a byte");

    let found = row(&|| inode(&mapped_server));
    assert_eq!(found.protocol, Protocol::Tcp6);
    assert!(found.remote.to_string().starts_with("[::ffff:127.0.0.1]:"));
    assert_eq!(found.remote.port(), mapped.local_addr().expect("address").port());

    let found = row(&|| inode(&unbound));
    assert_eq!(found.state, State::Close);
    assert_eq!(found.local.to_string(), "[::]:0");
    assert_ne!(row(&|| inode(&bound)).local.port(), 0);
    assert!(trying.iter().any(|fd| {
        let found = row(&|| inode(fd));
        found.state == State::SynSent && found.remote == tried
    }));

    let found = row(&|| inode(&udp6));
    assert_eq!((found.protocol, found.state), (Protocol::Udp6, State::Established));
    assert_eq!(Some(found.remote), udp6_peer.local_addr().ok());
    let found = row(&|| inode(&udp6_peer));
    assert_eq!(found.state, State::Unconn);
    assert!(found.rx_queue >= bytes(150), "{found:?}");
    assert_eq!(row(&|| inode(&udp_unbound)).local.to_string(), "0.0.0.0:0");
    assert!(rows.contains_key(&inode(&waiting)));

    let rows = comparable(rows);
    for choice in FORCED {
        assert_eq!(comparable(Target::me().rows(choice)), rows, "{choice:?} against pidfd_getfd");
    }
}

#[test]
fn each_method_can_go_first_and_says_so() {
    let _alone = alone();
    let _listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    for (choice, method) in FORCED.into_iter().zip([Method::Getfd, Method::Diag, Method::Proc]) {
        let (_, summary) = Target::me().take(choice).expect("sockets");
        assert!(summary.methods.has(method), "{choice:?}: {summary:?}");
        assert_eq!((summary.setback, summary.missing, summary.unidentified), (None, None, 0), "{choice:?}");
        assert_eq!(summary.malformed, 0);
    }
    let (_, summary) = Target::me().take(Choice::Auto).expect("sockets");
    assert_eq!(summary.methods.to_string(), "pidfd_getfd", "a few sockets");
}

#[test]
fn fault_5_33_other_families_are_counted() {
    let _alone = alone();
    let count = |choice| {
        let (_, summary) = Target::me().take(choice).expect("sockets");
        assert_eq!(summary.unidentified, 0);
        summary.others
    };
    let before = FORCED.map(count);
    let _unix = UnixStream::pair().expect("pair");
    let _netlink = raw_socket(libc::AF_NETLINK, libc::SOCK_RAW, 0).expect("netlink");
    let vsock = raw_socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0).ok();
    let raw = raw_socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP).ok();
    let raw6 = raw_socket(libc::AF_INET6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6).ok();
    let every = i32::from(3_u16.to_be());
    let packet = raw_socket(libc::AF_PACKET, libc::SOCK_RAW, every).ok();
    if raw.is_none() || packet.is_none() {
        skip("raw and packet sockets need root");
    }
    for (choice, before) in FORCED.into_iter().zip(before) {
        let after = count(choice);
        assert_eq!(after.unix - before.unix, 2, "{choice:?}");
        assert_eq!(after.netlink - before.netlink, 1, "{choice:?}");
        assert_eq!(after.vsock - before.vsock, u32::from(vsock.is_some()), "{choice:?}");
        assert_eq!(after.raw - before.raw, u32::from(raw.is_some()) + u32::from(raw6.is_some()), "{choice:?}");
        assert_eq!(after.packet - before.packet, u32::from(packet.is_some()), "{choice:?}");
        assert_eq!((after.sctp, after.other), (0, before.other));
    }
}

#[test]
fn without_pidfds_other_families_are_counted_from_the_tables() {
    // Other tests of this program have sockets of their own, now and then.
    if !is_own_process(module_path!(), "without_pidfds_other_families_are_counted_from_the_tables") {
        return;
    }
    let me = Target { pidfd: None, ..Target::me() };
    // What the harness has is there before: its standard output may be a socket.
    let (_, before) = me.take(Choice::Auto).expect("sockets");
    let _unix = UnixStream::pair().expect("pair");
    let _unbound = raw_socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket");
    // The kernel's table of netlink sockets has only those with an address; the first message gives it one.
    let mut netlink = SockDiag::open().expect("netlink");
    let table = Table { family: 2, protocol: 17, states: ALL_STATES };
    netlink.dump(table, &mut [0; 8192], &mut |_| {}).expect("dump");
    let (_, after) = me.take(Choice::Auto).expect("sockets");
    assert!(!after.methods.has(Method::Getfd));
    assert_eq!(after.others.unix - before.others.unix, 2);
    assert_eq!(after.others.netlink - before.others.netlink, 1);
    assert_eq!(after.unidentified - before.unidentified, 1, "the unbound one");
    assert_eq!(after.missing, Some(Absent::Unidentified));
}

#[test]
fn multipath_and_lightweight_sockets_are_tcp_and_udp() {
    let _alone = alone();
    let mptcp = raw_socket(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP);
    let lite = raw_socket(libc::AF_INET6, libc::SOCK_DGRAM, libc::IPPROTO_UDPLITE);
    let mut wanted = Vec::new();
    if let Ok(fd) = &mptcp {
        attach(fd, End::Local, any_port("127.0.0.1")).expect("bind");
        listen(fd, Backlog::new(5).expect("5")).expect("listen");
        wanted.push((inode(fd), Protocol::Tcp, State::Listen));
    } else {
        skip("this kernel has no MPTCP");
    }
    if let Ok(fd) = &lite {
        attach(fd, End::Local, any_port("[::1]")).expect("bind");
        wanted.push((inode(fd), Protocol::UdpLite6, State::Unconn));
    } else {
        skip("this kernel has no UDP-Lite");
    }
    for choice in FORCED {
        let rows = Target::me().rows(choice);
        for (inode, protocol, state) in &wanted {
            let row = rows.get(inode).expect("a row");
            assert_eq!((row.protocol, row.state), (*protocol, *state), "{choice:?}");
            assert_ne!(row.local.port(), 0);
        }
    }
}

#[test]
fn a_duplicated_descriptor_is_one_socket() {
    let _alone = alone();
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let before = FORCED.map(|choice| Target::me().take(choice).expect("sockets").1);
    let _again: Vec<_> = (0..5).map(|_| listener.try_clone().expect("dup")).collect();
    for (choice, before) in FORCED.into_iter().zip(before) {
        let (_, after) = Target::me().take(choice).expect("sockets");
        assert_eq!(after, before, "{choice:?}");
        assert_eq!(after.in_state(State::Listen), 1);
    }
}

#[test]
fn fault_5_09_taking_300_times_leaks_no_descriptor() {
    // The descriptors of the process are counted, and other tests open some meanwhile.
    if !is_own_process(module_path!(), "fault_5_09_taking_300_times_leaks_no_descriptor") {
        return;
    }
    let _kept = (pair("127.0.0.1:0"), UnixStream::pair());
    let mut sockets = Sockets::arm(64).expect("memory");
    let me = Target::me();
    let open = || std::fs::read_dir("/proc/self/fd").expect("fd").count();
    let before = open();
    for round in 0..300 {
        sockets.choice = FORCED[round % 3];
        me.take_with(&mut sockets).expect("sockets");
    }
    assert_eq!(open(), before);
}

#[test]
fn fault_5_10_more_sockets_than_the_table_holds_are_looked_at_all_the_same() {
    let _alone = alone();
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).expect("limit");
    let many: Vec<_> = (0..1100).map(|_| UdpSocket::bind("127.0.0.1:0").expect("bind")).collect();
    // Room for 2 * 256 + 512 = 1024.
    let mut sockets = Sockets::arm(256).expect("memory");
    let (rows, summary) = Target::me().take_with(&mut sockets).expect("sockets");
    assert!(summary.overflow >= 76, "{summary:?}");
    assert!(rows.len() >= many.len());
    assert_eq!((summary.unidentified, summary.missing), (0, None));

    let me = Target { pidfd: None, ..Target::me() };
    let (_, summary) = me.take_with(&mut sockets).expect("sockets");
    assert!(summary.udp >= 1000);
    assert_eq!(summary.unidentified, summary.overflow);
    assert!(summary.missing.is_some());
}

#[test]
fn fault_5_25_a_table_that_can_not_be_opened_is_not_an_empty_one() {
    if !is_own_process(module_path!(), "fault_5_25_a_table_that_can_not_be_opened_is_not_an_empty_one") {
        return;
    }
    let _listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let me = Target { pidfd: None, ..Target::me() };
    let mut sockets = Sockets::arm(64).expect("memory");
    sockets.choice = Choice::Proc;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("limit");
    setrlimit(Resource::RLIMIT_NOFILE, 128, hard).expect("limit");
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    let none_left = me.take_with(&mut sockets);
    // Two descriptors are enough for the listing and too few for a table.
    files.truncate(files.len() - 2);
    let two_left = me.take_with(&mut sockets);
    drop(files);
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).expect("limit");

    let why = Absent::Failed(nix::errno::Errno::EMFILE);
    assert_eq!(none_left.map(drop), Err(Source::target(c"fd").failed(nix::errno::Errno::EMFILE)));
    let (rows, summary) = two_left.expect("a listing");
    assert!(rows.is_empty() && summary.unidentified >= 1);
    assert_eq!(summary.setback, Some((Method::Proc, why)));
    assert_eq!(summary.missing, Some(why));
    assert_eq!(summary.methods.to_string(), "-");
}

#[test]
fn a_pidfd_that_does_not_see_the_descriptors_is_no_reason_to_lose_them() {
    let _alone = alone();
    let (listener, _client, _server) = pair("127.0.0.1:0");
    let other = Victim::start(&["idle"]);
    // As of a leader that has exited before its threads: the descriptors are listed, and pidfd_getfd says EBADF.
    let target = Target { view: Target::me().view, pidfd: Target::of(other.pid).pidfd };
    let (rows, summary) = target.take(Choice::Auto).expect("sockets");
    assert!(rows.iter().any(|row| row.inode == inode(&listener)));
    assert_eq!(summary.setback, Some((Method::Getfd, Absent::Failed(nix::errno::Errno::EBADF))));
}

#[test]
fn an_exited_process_is_gone_and_not_without_sockets() {
    let _alone = alone();
    let mut child = Process::start(Command::new("true"));
    let target = Target::of(child.pid());
    assert!(matches!(
        memdoor::sys::signal::wait(
            target.pidfd.as_ref().map(|fd| (std::os::fd::AsFd::as_fd(fd), memdoor::sys::signal::Until::Readable)),
            None
        ),
        Ok(memdoor::sys::signal::Woken::Ready)
    ));
    assert_eq!(target.take(Choice::Auto).map(drop), Err(Absent::Gone));
    child.wait();
    assert_eq!(target.take(Choice::Auto).map(drop), Err(Absent::Gone));
}

// Children.

const ROLE: &str = "MEMDOOR_TEST_ROLE";
const PID: &str = "MEMDOOR_TEST_PID";

/// This binary, as a child with a role, from where everybody may run it.
fn myself(dir: &TempDir, role: &str) -> Command {
    let me = dir.program(Path::new("/proc/self/exe"), role);
    let mut command = command(&me, &[&own_test(module_path!(), "child"), "--exact", "--nocapture", "--test-threads=1"]);
    command.env(ROLE, role);
    command
}

/// Says what a [`Victim`] says, on a line of its own, and lives as long.
fn until_stdin_ends() {
    let pid = std::process::id();
    writeln!(std::io::stdout(), "\nready {pid}").expect("write");
    std::io::stdin().read_to_end(&mut Vec::new()).expect("read");
}

/// Not a test by itself: what the children do.
#[test]
fn child() {
    match std::env::var(ROLE).as_deref() {
        // Loopback is down in a new namespace; the wildcard can be bound all the same.
        Ok("namespace") => {
            let _tcp6 = TcpListener::bind("[::]:4242").expect("bind");
            let _udp6 = UdpSocket::bind("[::]:4243").expect("bind");
            let _unix = UnixStream::pair().expect("pair");
            until_stdin_ends();
        }
        Ok("nobody") => {
            let _tcp = TcpListener::bind("127.0.0.1:0").expect("bind");
            let _unbound = raw_socket(libc::AF_INET, libc::SOCK_STREAM, 0).expect("socket");
            let _unix = UnixStream::pair().expect("pair");
            until_stdin_ends();
        }
        Ok("denied") => assert!(asked_for().is_err_and(Absent::is_denied)),
        Ok("refused") => {
            let (rows, summary) = asked_for().expect("sockets");
            let (method, why) = summary.setback.expect("a setback");
            assert!(method == Method::Getfd && why.is_denied(), "{summary:?}");
            assert_eq!(summary.methods.to_string(), "sock_diag, /proc/PID/net");
            assert_eq!(rows.len(), 1);
            assert_eq!((summary.tcp, summary.others.unix), (1, 2));
            assert_eq!(summary.unidentified, 1, "the unbound socket");
            assert!(summary.missing.is_some_and(Absent::is_denied), "{summary:?}");
        }
        _ => {}
    }
}

fn asked_for() -> Result<(Vec<Socket>, Summary), Absent> {
    let pid = std::env::var(PID).expect("a pid").parse().expect("a pid");
    Target::of(pid).take(Choice::Auto)
}

fn succeeds(mut command: Command, pid: u32) {
    command.env(PID, pid.to_string());
    let ended = run_command(command);
    assert!(ended.out.contains("1 passed"), "{ended:#?}");
    assert_eq!(ended.code(), 0, "{ended:#?}");
}

/// A child in a network namespace of its own, or a skip.
fn in_a_namespace(dir: &TempDir) -> Option<Victim> {
    if !works(&["unshare", "-n", "true"]) {
        skip("needs root and unshare to make a network namespace");
        return None;
    }
    let inner = myself(dir, "namespace");
    Some(Victim::start_command(through(&["unshare", "-n"], &inner)))
}

#[test]
fn fault_5_07_sockets_are_those_of_the_targets_namespace() {
    let _alone = alone();
    let dir = TempDir::new();
    let Some(child) = in_a_namespace(&dir) else {
        return;
    };
    let target = Target::of(child.pid);
    for choice in [Choice::Auto, Choice::Getfd, Choice::Diag, Choice::Proc] {
        let (rows, summary) = target.take(choice).expect("sockets");
        let mut found: Vec<_> =
            rows.iter().map(|row| format!("{} {} {}", row.protocol.name(), row.state, row.local)).collect();
        found.sort();
        assert_eq!(found, ["TCP6 LISTEN [::]:4242", "UDP6 UNCONN [::]:4243"], "{choice:?}");
        assert_eq!(summary.others.unix, 2);
        assert!(!summary.methods.has(Method::Diag), "it shows our namespace");
        assert_eq!(summary.missing, None);
    }
}

#[test]
fn fault_5_08_an_empty_ipv4_udp_table_does_not_hide_the_others() {
    let _alone = alone();
    let dir = TempDir::new();
    let Some(child) = in_a_namespace(&dir) else {
        return;
    };
    let udp = proc(child.pid, "net/udp");
    assert_eq!(udp.lines().count(), 1, "a header and nothing else");
    let target = Target { pidfd: None, ..Target::of(child.pid) };
    let (rows, summary) = target.take(Choice::Proc).expect("sockets");
    assert_eq!((rows.len(), summary.tcp, summary.udp), (2, 1, 1));
    assert_eq!(summary.others.unix, 2);
    assert_eq!(summary.unidentified, 0);
}

#[test]
fn fault_5_27_a_process_that_may_not_be_read_is_not_one_without_sockets() {
    let _alone = alone();
    if !may_be_another_user() {
        return;
    }
    let dir = TempDir::new();
    let nobody = unprivileged(&myself(&dir, "denied"));
    succeeds(nobody, std::process::id());
}

#[test]
fn fault_5_27_where_pidfd_getfd_is_refused_the_tables_answer() {
    let _alone = alone();
    if !may_be_another_user() {
        return;
    }
    let dir = TempDir::new();
    // Files of /proc ask for the effective user, pidfd_getfd for the real one: what Yama does to a user's own processes.
    let target = Victim::start_command(unprivileged(&myself(&dir, "nobody")));
    let half = ["setpriv", "--ruid=1", "--euid=65534", "--regid=65534", "--clear-groups"];
    succeeds(through(&half, &myself(&dir, "refused")), target.pid);
}
