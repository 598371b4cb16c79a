//! Programs that a machine or a login hangs on, as data: whom `kill --only any` never takes, and whom `protect session` shields.
//!
//! This is the one table of them. A comm is at most 15 bytes, so longer names stand here cut.
//!
//! Anybody may call a process `sshd`. So a name is believed only when the executable, where it can be seen, is called so as well; what
//! is one executable under many names (busybox) or a script is told apart in [`Exe`].

use Exe::{Named, Other};
use Role::{Bus, Desktop, Login, Manager, Runtime, Supervisor, Terminal};

/// What hangs on a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// All services: systemd, as the system's and as a user's manager, and its daemons.
    Manager,
    /// The services or jobs that it starts: other service managers, an init of a container, cron, batch systems.
    ///
    /// What they start inherits their oom_score_adj, so `protect session` leaves them as they are.
    Supervisor,
    /// Logins: sshd.
    Login,
    /// What runs in a terminal or under another name: login, getty, su, sudo, tmux. What they start inherits their oom_score_adj, too.
    Terminal,
    /// D-Bus.
    Bus,
    /// A desktop: its display manager, display server, compositor, shell.
    Desktop,
    /// Containers: dockerd, containerd and its shims, CRI-O, podman's conmon, kubelet.
    Runtime,
}

/// What its executable is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exe {
    /// As its comm, or longer.
    Named,
    /// It may be anything: a script's interpreter, or a program with another name.
    Other,
}

/// Names in lines.
struct Row {
    role: Role,
    exe: Exe,
    comms: &'static str,
}

const fn row(role: Role, exe: Exe, comms: &'static str) -> Row {
    Row { role, exe, comms }
}

static TABLE: [Row; 13] = [
    // Another memdoor may write down all that will be known of this night.
    row(Supervisor, Named, "memdoor"),
    row(
        Manager,
        Named,
        "systemd\nsystemd-logind\nsystemd-journal\nsystemd-udevd\nsystemd-network\nsystemd-resolve\nsystemd-timesyn\nsystemd-machine\n\
         systemd-oomd\nsystemd-userdbd\nsystemd-homed\nsystemd-import\nsystemd-portabl\nsystemd-hostnam\nsystemd-executo",
    ),
    row(Manager, Other, "(sd-pam)\n(udev-worker)\n(systemd)"),
    row(
        Supervisor,
        Named,
        "runsvdir\nrunsv\nrunit\nrunit-init\nsvlogd\ns6-svscan\ns6-supervise\ns6-linux-init\nsupervise\nsupervise-daemo\nopenrc\n\
         openrc-init\nopenrc-run\ndinit\nupstart\nprocd\ntini\ntini-static\ncatatonit\ndumb-init\ndocker-init\npodman-init\nudevd\nelogind\n\
         atd\nslurmd\nslurmstepd\nnomad\nmonit\nxinetd\ninetd",
    ),
    row(Supervisor, Other, "init\nsupervisord\ncron\ncrond\nanacron"),
    row(Login, Named, "sshd\nsshd-session\nsshd-auth\ndropbear\npolkitd\naccounts-daemon"),
    row(Terminal, Named, "mosh-server\nsftp-server\nsu\nsudo\ndoas\nrunuser"),
    row(Terminal, Other, "login\ngetty\nagetty\nmingetty\ntmux: server\nscreen\nSCREEN\nzellij"),
    row(Bus, Named, "dbus-daemon\ndbus-broker\ndbus-broker-lau\ndbus-launch"),
    row(
        Desktop,
        Named,
        "gdm\ngdm3\ngdm-session-wor\ngdm-wayland-ses\ngdm-x-session\ngnome-session\ngnome-session-b\ngnome-session-c\ngnome-session-s\n\
         gnome-session-i\ngnome-shell\ngnome-keyring-d\nnautilus\nkwin_wayland\nkwin_x11\nplasmashell\nksmserver\nplasma_session\n\
         startplasma-way\nsddm\nsddm-helper\nlightdm\nlxdm\nlxdm-binary\nxdm\ngreetd\nly\nly-dm\nslim\nnodm\nxinit\nsway\nHyprland\nweston\nlabwc\nwayfire\nXorg\nXwayland\nXvnc\n\
         xrdp\nxrdp-sesman\nxfce4-session\nxfwm4\nmutter\ncinnamon\ncinnamon-sessio\nmate-session\nmarco\nlxsession\nlxqt-session\ni3\nopenbox",
    ),
    row(Desktop, Other, "startx"),
    row(
        Runtime,
        Named,
        "dockerd\ncontainerd\ncontainerd-shim\ncrio\nconmon\nconmonrs\npodman\nbuildkitd\nrunc\ncrun\nyouki\nkubelet\nk3s\nk0s\nlxcfs\nlxd\n\
         incusd\nlxc-start\nlxc-monitord\nrootlesskit\nslirp4netns\npasta\nfuse-overlayfs\nvirtiofsd",
    ),
    row(Runtime, Other, "k3s-server\nk3s-agent\ndocker-proxy\n[lxc monitor]"),
];

/// Shells that people type into. A shell that runs a script is a job like any other.
const SHELLS: &str = "bash\nsh\ndash\nash\nzsh\nfish\nksh\nksh93\nmksh\ntcsh\ncsh\nnu\nelvish\nxonsh\nbusybox";

/// What hangs on a process of this name, and of this executable where that is known.
#[must_use]
pub fn role(comm: &[u8], exe: Option<&[u8]>) -> Option<Role> {
    let row = TABLE.iter().find(|row| is_line(row.comms, comm))?;
    let is_it = row.exe == Other || exe.is_none_or(|exe| is_called(exe, comm));
    is_it.then_some(row.role)
}

/// Whether the name may be one of the table's, so that its executable decides.
#[must_use]
pub fn may_be(comm: &[u8]) -> bool {
    TABLE.iter().any(|row| is_line(row.comms, comm))
}

/// Whether a comm is that of a shell.
#[must_use]
pub fn is_shell(comm: &[u8]) -> bool {
    is_line(SHELLS, comm)
}

/// Whether a shell with these arguments (words that end with a NUL) is somebody's who is logged in: a login shell, whose name begins
/// with `-`, or one at a terminal that was given nothing to run.
#[must_use]
pub fn is_login_shell(arguments: &[u8], has_terminal: bool) -> bool {
    let mut words = arguments.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    let is_login = words.next().is_some_and(|name| name.starts_with(b"-"));
    let runs_something = words.any(|word| !word.starts_with(b"-") && !word.starts_with(b"+") || word == b"-c");
    is_login || has_terminal && !runs_something
}

fn is_called(exe: &[u8], comm: &[u8]) -> bool {
    let exe = exe.strip_suffix(b" (deleted)").unwrap_or(exe);
    let name = exe.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.starts_with(comm) || name == b"busybox" || name == b"toybox"
}

fn is_line(lines: &str, name: &[u8]) -> bool {
    lines.split('\n').any(|line| line.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_machine_hangs_on_is_known_by_its_name() {
        for (comm, expected) in [
            ("systemd", Some(Manager)),
            ("runsvdir", Some(Supervisor)),
            ("sshd-session", Some(Login)),
            ("dbus-broker-lau", Some(Bus)),
            ("gnome-shell", Some(Desktop)),
            ("slim", Some(Desktop)),
            ("nodm", Some(Desktop)),
            ("xinit", Some(Desktop)),
            ("startx", Some(Desktop)),
            ("lxdm-binary", Some(Desktop)),
            ("ly", Some(Desktop)),
            ("containerd-shim", Some(Runtime)),
            ("kubelet", Some(Runtime)),
            ("postgres", None),
            ("java", None),
            ("", None),
            ("sshd\nsshd-session", None),
        ] {
            assert_eq!(role(comm.as_bytes(), None), expected, "{comm}");
            assert_eq!(may_be(comm.as_bytes()), expected.is_some(), "{comm}");
        }
    }

    #[test]
    fn whoever_only_calls_itself_so_is_none() {
        assert_eq!(role(b"sshd", Some(b"/usr/sbin/sshd")), Some(Login));
        assert_eq!(role(b"sshd", Some(b"/usr/sbin/sshd (deleted)")), Some(Login));
        assert_eq!(role(b"gdm-session-wor", Some(b"/usr/libexec/gdm-session-worker")), Some(Desktop));
        assert_eq!(role(b"runsv", Some(b"/bin/busybox")), Some(Supervisor));
        assert_eq!(role(b"sshd", Some(b"/home/eve/miner")), None);
        assert_eq!(role(b"supervisord", Some(b"/usr/bin/python3.11")), Some(Supervisor));
    }

    #[test]
    fn a_login_shell_is_one_that_somebody_types_into() {
        for (arguments, has_terminal, expected) in [
            (&b"-bash\0"[..], false, true),
            (b"bash\0", true, true),
            (b"/bin/zsh\0-i\0", true, true),
            (b"bash\0", false, false),
            (b"bash\0-c\0python3 job.py\0", true, false),
            (b"sh\0./job.sh\0", true, false),
            (b"", false, false),
        ] {
            assert_eq!(is_login_shell(arguments, has_terminal), expected, "{}", arguments.escape_ascii());
        }
    }

    #[test]
    fn no_name_is_longer_than_a_comm() {
        for comm in TABLE.iter().flat_map(|row| row.comms.lines()).chain(SHELLS.lines()) {
            assert!(comm.len() <= 15 && comm == comm.trim() && !comm.is_empty(), "{comm}");
        }
    }
}
