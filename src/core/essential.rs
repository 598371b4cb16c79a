//! Programs that a machine or a login hangs on, as data: whom `kill --only any` never takes, and whom `protect session` shields.
//!
//! This is the one table of them. Names stand here whole, as their executables are called; a comm is at most 15 bytes, and a longer name is
//! compared by its first 15 (`containerd-shim` of containerd-shim-runc-v2, `gdm-session-wor`).
//!
//! As of Debian 12 and 13, Ubuntu 24.04, RHEL 9 and 10, Alpine and Arch, 2026-11-30: sshd has its sessions in sshd-session since OpenSSH
//! 9.8 and its logins in sshd-auth since 10.0, systemd-udevd is a link to udevadm, run0 one to systemd-run.
//!
//! Anybody may call a process `sshd`. So a name is believed only when the executable, where it can be seen, is called so as well; what
//! is one executable under many names (busybox) or a script is told apart in [`Exe`]. And anybody may call a file of theirs `sshd`: so it
//! must be root's, or of who runs memdoor, and nobody else may write to it ([`Owner`]). Where that can't be looked at `kill` spares the
//! process and `protect` does not protect it: to be wrong costs least that way.

use Exe::{Called, Named, Other};
use Role::{Bus, Desktop, Host, Login, Manager, Runtime, Supervisor, Terminal};

/// What hangs on a program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// All services: systemd, as the system's and as a user's manager, and its daemons.
    Manager,
    /// The services or jobs that it starts: other service managers, an init of a container, cron, batch systems.
    ///
    /// What they start inherits their oom_score_adj, so `protect session` leaves them as they are.
    Supervisor,
    /// Logins: sshd, and whom it asks who somebody is.
    Login,
    /// What runs in a terminal or under another name: login, getty, su, sudo, tmux. What they start inherits their oom_score_adj, too.
    Terminal,
    /// The host's disks and its network, its logs and its cluster: multipathd, iscsid, FUSE's, NetworkManager. None of a session's.
    Host,
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
    /// As its comm; one that the kernel has cut may be longer.
    Named,
    /// By this name, to which its own is a link.
    Called(&'static str),
    /// It may be anything: a script's interpreter, or a program with another name.
    Other,
}

/// Whose file an executable is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Root's, or of who runs memdoor, and only they may write to it.
    Trusted,
    /// Another's, or others may write to it: what is in it is not what its name says.
    Other,
    /// That could not be looked at.
    Unknown,
}

impl Owner {
    /// Of a file with this user and mode, as what `/proc/PID/exe` leads to tells them (a deleted one's, too), for a memdoor that `own` runs.
    #[must_use]
    pub fn of(file: Option<(u32, u32)>, own: u32) -> Self {
        /// S_IWGRP and S_IWOTH.
        const OTHERS_WRITE: u32 = 0o022;
        match file {
            None => Self::Unknown,
            Some((user, mode)) if (user == 0 || user == own) && mode & OTHERS_WRITE == 0 => Self::Trusted,
            Some(_) => Self::Other,
        }
    }
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

static TABLE: [Row; 20] = [
    // Another memdoor may write down all that will be known of this night.
    row(Supervisor, Named, "memdoor"),
    row(
        Manager,
        Named,
        "systemd\nsystemd-logind\nsystemd-journald\nsystemd-networkd\nsystemd-resolved\nsystemd-timesyncd\nsystemd-machined\n\
         systemd-oomd\nsystemd-userdbd\nsystemd-userwork\nsystemd-homed\nsystemd-homework\nsystemd-importd\nsystemd-portabled\n\
         systemd-hostnamed\nsystemd-localed\nsystemd-timedated\nsystemd-executor\nsystemd-nsresourced\nsystemd-mountfsd\n\
         systemd-sysupdated\nsystemd-coredump\nsystemd-shutdown\nsystemd-initctl\nsystemd-cryptsetup\nsystemd-fsck\n\
         systemd-tty-ask-password-agent\nsystemd-stdio-bridge",
    ),
    row(Manager, Called("udevadm"), "systemd-udevd"),
    row(Manager, Other, "(sd-pam)\n(udev-worker)\n(systemd)"),
    row(
        Supervisor,
        Named,
        "runsvdir\nrunsv\nrunit\nrunit-init\nsvlogd\ns6-svscan\ns6-supervise\ns6-linux-init\ns6-rc\ns6-log\ns6-ipcserverd\n\
         supervise\nsupervise-daemon\nopenrc\nopenrc-init\nopenrc-run\ndinit\nfinit\nshepherd\nupstart\nprocd\n\
         tini-static\ncatatonit\ndumb-init\ndocker-init\npodman-init\nsystemd-nspawn\nudevd\nelogind\nseatd\nturnstiled\natd\n\
         slurmd\nslurmstepd\nnomad\nmonit\nxinetd\ninetd",
    ),
    row(Supervisor, Called("tini-static"), "tini"),
    row(Supervisor, Other, "init\nsupervisord\ncron\ncrond\nfcron\nanacron"),
    row(
        Login,
        Named,
        "sshd\nsshd-session\nsshd-auth\npolkitd\naccounts-daemon\nsssd\nsssd_be\nsssd_nss\nsssd_pam\nsssd_ssh\n\
         sssd_sudo\nsssd_ifp\nsssd_kcm\nwinbindd\nnslcd\nnscd\ncockpit-ws\ncockpit-tls\nxrdp\nxrdp-sesman\ntailscaled\nqemu-ga\n\
         vmtoolsd",
    ),
    row(Login, Called("dropbearmulti"), "dropbear"),
    row(
        Terminal,
        Named,
        "mosh-server\nsftp-server\nsu\nsudo\ndoas\nrunuser\npkexec\nsulogin\ncockpit-session\namazon-ssm-agent\n\
         ssm-agent-worker\nssm-session-worker\ngoogle_guest_agent\nxrdp-sesexec\nabduco\ndtach",
    ),
    row(Terminal, Called("systemd-run"), "run0"),
    row(
        Terminal,
        Other,
        "login\ngetty\nagetty\nmingetty\nfgetty\nmgetty\nngetty\ntmux: server\nscreen\nSCREEN\nzellij\ncockpit-bridge",
    ),
    row(
        Host,
        Named,
        "multipathd\niscsid\niscsiuio\ndmeventd\nlvmetad\nlvmpolld\nlvmdbusd\nmdadm\nmdmon\nnbd-client\nrpcbind\nrpc.statd\n\
         rpc.gssd\nrpc.idmapd\nnfsdcld\nNetworkManager\nnm-dispatcher\nwpa_supplicant\niwd\nconnmand\nModemManager\ndhclient\n\
         dhcpcd\nudhcpc\nnetifd\nteamd\nauditd\nudisksd\nupowerd\nglusterd\nglusterfs\nglusterfsd\nsshfs\nntfs-3g\nmount.ntfs\n\
         mount.ntfs-3g\nceph-fuse\nrbd-fuse\nrbd-nbd\nqemu-nbd\ntcmu-runner\nstratisd\nzed\nautomount\nypbind\ngssproxy\nrsyslogd\n\
         syslog-ng\novs-vswitchd\novsdb-server\npppd\nopenvpn\ncharon\ncharon-systemd\nwireguard-go\ndnsmasq\nchronyd\ncorosync\n\
         pacemakerd\nsbd\ndlm_controld\nxenstored\noxenstored",
    ),
    row(Bus, Named, "dbus-daemon\ndbus-broker\ndbus-broker-launch\ndbus-launch"),
    row(
        Desktop,
        Named,
        "gdm\ngdm3\ngdm-session-worker\ngdm-wayland-session\ngdm-x-session\ngnome-session\ngnome-session-binary\n\
         gnome-session-ctl\ngnome-session-service\ngnome-session-init-worker\ngnome-shell\ngnome-keyring-daemon\n\
         gnome-remote-desktop-daemon\nnautilus\nkwin_wayland\nkwin_wayland_wrapper\nkwin_x11\nplasmashell\nksmserver\n\
         plasma_session\nstartplasma-wayland\nstartplasma-x11\nplasmalogin\nkscreenlocker_greet\nsddm\nsddm-helper\n\
         sddm-helper-start-wayland\nsddm-greeter-qt6\nlightdm\nlightdm-gtk-greeter\nlxdm\nlxdm-binary\nnodm\nxinit\nxdm\nslim\ngreetd\nly\n\
         ly-dm\nsway\nswaylock\nhyprlock\ni3lock\nxscreensaver\nHyprland\nniri\nriver\ncosmic-session\ncosmic-comp\n\
         cosmic-greeter\nweston\nlabwc\nwayfire\nXorg\nXorg.bin\nXwayland\nXvnc\nXtigervnc\nxfce4-session\nxfwm4\nmutter\n\
         mutter-x11-frames\nmuffin\ncinnamon\ncinnamon-session\nmate-session\nmarco\nbudgie-wm\nlxsession\nlxqt-session\ni3\n\
         awesome\nbspwm\ndwm\nxmonad\nopenbox\nfluxbox\ngnome-terminal-server\nkgx\nptyxis\nkonsole\nxterm\nxfce4-terminal",
    ),
    row(Desktop, Called("Xorg"), "X"),
    row(Desktop, Other, "startx"),
    row(Desktop, Called("sddm-greeter-qt6"), "sddm-greeter"),
    row(
        Runtime,
        Named,
        "dockerd\ncontainerd\ncontainerd-shim\ncontainerd-shim-runc-v2\ncrio\nconmon\nconmonrs\npodman\nbuildkitd\nrunc\ncrun\n\
         youki\nkubelet\nkubelite\nk3s\nk0s\nrke2\ncri-dockerd\naardvark-dns\nlxcfs\nlxd\nincusd\nlxc-start\nlxc-monitord\n\
         rootlesskit\nslirp4netns\npasta\nfuse-overlayfs\nvirtiofsd\nlibvirtd\nvirtqemud\nvirtlogd",
    ),
    row(Runtime, Other, "k3s-server\nk3s-agent\ndocker-proxy\n[lxc monitor]"),
];

/// Shells that people type into. A shell that runs a script is a job like any other.
const SHELLS: &str = "bash\nsh\ndash\nash\nzsh\nfish\nksh\nksh93\nmksh\ntcsh\ncsh\nnu\nelvish\nxonsh\nbusybox";

/// What hangs on a process of this name, and of this executable where that is known.
#[must_use]
pub fn role(comm: &[u8], exe: Option<&[u8]>) -> Option<Role> {
    let row = TABLE.iter().find(|row| is_line(row.comms, comm))?;
    let is_it = match (row.exe, exe) {
        (Other, _) | (_, None) => true,
        (Called(name), Some(exe)) => is_called(exe, name.as_bytes()) || is_called(exe, comm),
        (Named, Some(exe)) => is_called(exe, comm),
    };
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

/// Whether the executable is the one that is known by this name. What the kernel has cut may be the beginning of a longer name, and
/// nothing else: sumo is not su.
fn is_called(exe: &[u8], comm: &[u8]) -> bool {
    let exe = exe.strip_suffix(b" (deleted)").unwrap_or(exe);
    let name = exe.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let is_it = if comm.len() == COMM { name.starts_with(comm) } else { name == comm };
    is_it || name == b"busybox" || name == b"toybox"
}

/// What the kernel keeps of a name, in bytes: TASK_COMM_LEN is 16, with the NUL.
const COMM: usize = 15;

fn cut(name: &[u8]) -> &[u8] {
    name.get(..COMM).unwrap_or(name)
}

fn is_line(lines: &str, name: &[u8]) -> bool {
    lines.split('\n').any(|line| cut(line.as_bytes()) == name)
}

#[cfg(test)]
mod tests {
    extern crate std;
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
    fn an_executable_is_believed_that_only_root_or_who_runs_memdoor_may_write_to() {
        for (user, mode, own, expected) in [
            (0, 0o755, 0, Owner::Trusted),
            (0, 0o755, 1000, Owner::Trusted),
            (1000, 0o755, 1000, Owner::Trusted),
            (1000, 0o755, 0, Owner::Other),
            (1001, 0o755, 1000, Owner::Other),
            (0, 0o757, 0, Owner::Other),
            (0, 0o775, 0, Owner::Other),
        ] {
            assert_eq!(Owner::of(Some((user, mode)), own), expected, "{user} {mode:o} {own}");
        }
        assert_eq!(Owner::of(None, 0), Owner::Unknown);
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
    fn only_a_name_that_the_kernel_has_cut_is_the_beginning_of_the_executables() {
        for (comm, exe) in [("su", "/usr/bin/sumo"), ("sshd", "/usr/bin/sshd-miner"), ("sudo", "/opt/sudoku (deleted)")]
        {
            assert!(may_be(comm.as_bytes()), "{comm}");
            assert_eq!(role(comm.as_bytes(), Some(exe.as_bytes())), None, "{comm}: {exe}");
        }
        assert_eq!(role(b"su", Some(b"/usr/bin/su")), Some(Terminal));
        assert_eq!(role(b"containerd-shim", Some(b"/usr/bin/containerd-shim-runc-v2")), Some(Runtime));
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
    fn each_name_is_known_by_what_the_kernel_keeps_of_it() {
        for row in &TABLE {
            for name in row.comms.lines() {
                let comm = cut(name.as_bytes());
                assert!(comm.len() <= 15 && name == name.trim() && !name.is_empty(), "{name}");
                let exe = std::format!("/usr/bin/{}", if let Called(exe) = row.exe { exe } else { name });
                assert_eq!(role(comm, Some(exe.as_bytes())), Some(row.role), "{name}");
                assert!(name.len() <= 15 || role(name.as_bytes(), None).is_none(), "{name}: no comm is that long");
            }
        }
        assert!(SHELLS.lines().all(|name| name.len() <= 15));
    }

    #[test]
    fn what_distributions_call_them_is_known() {
        // What /proc/PID/comm and /proc/PID/exe have.
        for (comm, exe) in [
            ("systemd-udevd", "/usr/bin/udevadm"),
            ("systemd-importd", "/usr/lib/systemd/systemd-importd"),
            ("systemd-userwor", "/usr/lib/systemd/systemd-userwork"),
            ("sshd-session", "/usr/lib/openssh/sshd-session"),
            ("sshd-auth", "/usr/libexec/openssh/sshd-auth"),
            ("agetty", "/usr/sbin/agetty"),
            ("getty", "/bin/busybox"),
            ("run0", "/usr/bin/systemd-run"),
            ("dbus-broker-lau", "/usr/bin/dbus-broker-launch"),
            ("containerd-shim", "/usr/bin/containerd-shim-runc-v2"),
            ("k3s-server", "/var/lib/rancher/k3s/data/current/bin/k3s"),
            ("gdm-session-wor", "/usr/libexec/gdm-session-worker"),
            ("sddm-helper-sta", "/usr/lib/sddm/sddm-helper-start-wayland"),
            ("X", "/usr/lib/xorg/Xorg"),
            ("kwin_wayland_wr", "/usr/bin/kwin_wayland_wrapper"),
            ("supervise-daemo", "/sbin/supervise-daemon"),
            ("s6-supervise", "/usr/bin/s6-supervise"),
            ("multipathd", "/usr/sbin/multipathd"),
            ("iscsid", "/usr/sbin/iscsid"),
            ("NetworkManager", "/usr/sbin/NetworkManager"),
            ("sssd_be", "/usr/libexec/sssd/sssd_be"),
        ] {
            assert!(may_be(comm.as_bytes()) && role(comm.as_bytes(), Some(exe.as_bytes())).is_some(), "{comm}");
        }
        assert_eq!(role(b"systemd-udevd", Some(b"/home/eve/miner")), None);
    }
}
