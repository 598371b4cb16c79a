//! `/proc/PID/cgroup` (cgroups(7)), and what a cgroup's path says of the service, container or pod in it.

use super::lines;
use crate::fixed::Fixed;

/// The two cgroup hierarchies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// One hierarchy for each controller; here the one of `memory`.
    V1,
    /// The unified hierarchy.
    V2,
}

impl Version {
    /// 1 or 2.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// The process's cgroup in the hierarchy that counts its memory.
///
/// On a hybrid system both are there: the v1 line of `memory` wins, because a controller is in one hierarchy only.
#[must_use]
pub fn memory_cgroup(text: &[u8]) -> Option<(Version, &[u8])> {
    let mut unified = None;
    for line in lines(text) {
        let Some((controllers, path)) = fields(line) else {
            continue;
        };
        if controllers.split(|byte| *byte == b',').any(|name| name == b"memory") {
            return Some((Version::V1, path));
        }
        if line.starts_with(b"0::") {
            unified = Some((Version::V2, path));
        }
    }
    unified
}

/// The cgroups of a process that service managers and container runtimes make, each in one number: those of `memory`, of the unified
/// hierarchy and of systemd's own. Two processes with the same number are in the same service, login session or container.
///
/// Other controllers of v1 are left out: a program may spread its own processes over those.
#[must_use]
pub fn place(text: &[u8]) -> u64 {
    // FNV-1a: two services of one machine that get the same number are a matter of 1 in 2^40.
    let add = |hash: u64, bytes: &[u8]| {
        bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
    };
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for (controllers, path) in lines(text).filter_map(fields) {
        let mut names = controllers.split(|byte| *byte == b',');
        if names.any(|name| matches!(name, b"" | b"memory" | b"name=systemd")) {
            hash = add(add(add(hash, controllers), b":"), path);
        }
    }
    hash
}

/// `ID:CONTROLLERS:PATH`; the path may hold colons.
fn fields(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = line.splitn(3, |byte| *byte == b':');
    parts.next()?;
    Some((parts.next()?, parts.next()?))
}

/// What a path of systemd, docker, containerd, CRI-O, podman or kubelet tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Owner<'a> {
    /// The innermost `.service` or `.scope` that is no container's.
    pub unit: Option<&'a [u8]>,
    /// 64 hexadecimal digits.
    pub container: Option<&'a [u8]>,
    /// The pod's UID.
    pub pod: Option<PodUid<'a>>,
}

/// The UID of a pod, found in a cgroup's path.
///
/// kubelet's cgroupfs driver writes it as it is, `pod8a6b9a8c-1b2c-...`. Its systemd driver writes `_` for each `-`, because `-` separates
/// a slice from the one above it. Whoever shows the UID shows [`PodUid::text`], which `kubectl get pods` finds; the path itself is
/// never changed. A static pod's UID is an MD5 sum of 32 digits without any `-`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PodUid<'a>(&'a [u8]);

impl<'a> PodUid<'a> {
    /// The UID as Kubernetes writes it.
    #[must_use]
    pub fn text(self) -> Fixed<40> {
        let mut text = Fixed::new();
        for byte in self.0 {
            text.push(&[if *byte == b'_' { b'-' } else { *byte }]);
        }
        text
    }

    /// The UID as the path has it.
    #[must_use]
    pub const fn in_path(self) -> &'a [u8] {
        self.0
    }

    /// `podUID`, or `kubepods-burstable-podUID` of the systemd driver: 8, 4, 4, 4 and 12 digits, or 32 of a static pod.
    fn of(name: &'a [u8]) -> Option<Self> {
        let at = name.windows(3).rposition(|window| window == b"pod")?;
        let uid = name.get(at + 3..)?;
        let is_separated = |separator: u8| {
            uid.len() == 36
                && uid.iter().enumerate().all(|(at, byte)| match at {
                    8 | 13 | 18 | 23 => *byte == separator,
                    _ => byte.is_ascii_hexdigit(),
                })
        };
        let is_sum = uid.len() == 32 && uid.iter().all(u8::is_ascii_hexdigit);
        (is_sum || is_separated(b'-') || is_separated(b'_')).then_some(Self(uid))
    }
}

/// Reads a cgroup's path.
#[must_use]
pub fn owner(path: &[u8]) -> Owner<'_> {
    let mut owner = Owner::default();
    for part in path.split(|byte| *byte == b'/') {
        let name = without_suffix(part);
        if let Some((slice, id)) = systemd_form(part) {
            owner.container = Some(id);
            owner.pod = PodUid::of(without_suffix(slice)).or(owner.pod);
        } else if let Some(id) = container_id(name) {
            owner.container = Some(id);
        } else if let Some(uid) = PodUid::of(name) {
            owner.pod = Some(uid);
        } else if part.ends_with(b".service") || part.ends_with(b".scope") {
            owner.unit = Some(part);
        }
    }
    owner
}

fn without_suffix(part: &[u8]) -> &[u8] {
    [&b".scope"[..], b".slice", b".service"].iter().find_map(|suffix| part.strip_suffix(*suffix)).unwrap_or(part)
}

/// `docker-ID`, `cri-containerd-ID`, `crio-ID`, `libpod-ID` or `ID` alone. What only looks after a container, `crio-conmon-ID`, is none.
fn container_id(name: &[u8]) -> Option<&[u8]> {
    let id = name.get(name.len().checked_sub(64)?..)?;
    let before = name.get(..name.len() - 64)?;
    let is_id = id.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let is_its = before.is_empty() || (before.ends_with(b"-") && !before.ends_with(b"conmon-"));
    (is_id && is_its).then_some(id)
}

/// `SLICE:PREFIX:ID`: how kubelet's systemd driver names a cgroup to a runtime; one that is set to cgroupfs makes a directory of it
/// (`kubepods-burstable-podUID.slice:cri-containerd:ID`, containerd without SystemdCgroup).
fn systemd_form(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = part.split(|byte| *byte == b':');
    let (slice, _, id) = (parts.next()?, parts.next()?, parts.next()?);
    let is_whole = parts.next().is_none() && slice.ends_with(b".slice") && id.len() == 64;
    (is_whole && container_id(id).is_some()).then_some((slice, id))
}

/// Whether a cgroup is `group` or below it.
#[must_use]
pub fn is_below(path: &[u8], group: &[u8]) -> bool {
    let end = group.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    let rest = path.strip_prefix(group.get(..end).unwrap_or_default());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_place_is_another_one_in_another_service_and_the_same_in_another_cpu_cgroup() {
        let unit = |name: &str| place(std::format!("0::/system.slice/{name}\n").as_bytes());
        assert_eq!(unit("a.service"), unit("a.service"));
        assert_ne!(unit("a.service"), unit("b.service"));
        assert_ne!(unit("a.service"), unit("a.service/sub"));
        let v1 = |cpu: &str, memory: &str| {
            place(std::format!("4:cpu:{cpu}\n3:memory:{memory}\n1:name=systemd:/x\n").as_bytes())
        };
        assert_eq!(v1("/a", "/m"), v1("/b", "/m"));
        assert_ne!(v1("/a", "/m"), v1("/a", "/n"));
    }

    #[test]
    fn memory_of_v1_wins_over_the_unified_line() {
        let hybrid = b"9:name=systemd:/\n4:cpu,memory:/a:b/c\n0::/other\n";
        assert_eq!(memory_cgroup(hybrid), Some((Version::V1, &b"/a:b/c"[..])));
        assert_eq!(
            memory_cgroup(b"0::/system.slice/db.service\n"),
            Some((Version::V2, &b"/system.slice/db.service"[..]))
        );
        assert_eq!(memory_cgroup(b"1:name=systemd:/memory\n"), None);
        assert_eq!(memory_cgroup(b""), None);
    }

    #[test]
    fn a_path_names_its_unit_its_container_and_its_pod() {
        let id = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let pod = b"8a6b9a8c_1b2c_4d3e_9f00_112233445566";
        let path: Vec<u8> = [
            &b"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"[..],
            pod,
            b".slice/cri-containerd-",
            id,
            b".scope",
        ]
        .concat();
        assert_eq!(owner(&path), Owner { unit: None, container: Some(id), pod: Some(PodUid(pod)) });
        let path: Vec<u8> = [&b"/docker/"[..], &id[..]].concat();
        assert_eq!(owner(&path).container, Some(&id[..]));
        assert_eq!(
            owner(b"/system.slice/dev-disk-by\\x2duuid.service").unit,
            Some(&b"dev-disk-by\\x2duuid.service"[..])
        );
        assert_eq!(owner(b"/"), Owner::default());
        let path = b"/kubepods/burstable/pod0123456789abcdef0123456789abcdef";
        assert_eq!(owner(path).pod.map(PodUid::in_path), path.get(23..));
        let path: Vec<u8> = [&b"/machine.slice/libpod-conmon-"[..], &id[..], b".scope"].concat();
        assert_eq!((owner(&path).container, owner(&path).unit), (None, path.get(15..)));
        let path: Vec<u8> =
            [&b"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-"[..], &id[..], b".scope/container"]
                .concat();
        let unit = Some(&b"user@1000.service"[..]);
        assert_eq!((owner(&path).container, owner(&path).unit), (Some(&id[..]), unit));
    }
    #[test]
    fn a_pods_uid_has_its_hyphens_whatever_driver_and_runtime_made_the_path() {
        const UID: &[u8] = b"8a6b9a8c-1b2c-4d3e-9f00-112233445566";
        const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        let plain = "8a6b9a8c-1b2c-4d3e-9f00-112233445566";
        let systemd = "8a6b9a8c_1b2c_4d3e_9f00_112233445566";
        let pods = "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod";
        for path in [
            std::format!("{pods}{systemd}.slice"),
            std::format!("/kubepods.slice/kubepods-pod{systemd}.slice"),
            std::format!("/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{systemd}.slice"),
            std::format!("/kubepods/burstable/pod{plain}"),
            std::format!("/kubepods/pod{plain}"),
        ] {
            let own = owner(path.as_bytes());
            assert_eq!(own.pod.expect("a pod").text().as_bytes(), UID, "{path}");
            assert_eq!(own.container, None);
            for name in [
                ID.into(),
                std::format!("cri-containerd-{ID}.scope"),
                std::format!("crio-{ID}.scope"),
                std::format!("crio-{ID}"),
                std::format!("docker-{ID}.scope"),
                std::format!("docker-{ID}.scope/init.scope"),
            ] {
                let path = std::format!("{path}/{name}");
                let own = owner(path.as_bytes());
                assert_eq!(own.pod.expect("a pod").text().as_bytes(), UID, "{path}");
                assert_eq!(own.container, Some(ID.as_bytes()), "{path}");
            }
        }
        let path = std::format!("/system.slice/containerd.service/kubepods-pod{systemd}.slice:cri-containerd:{ID}");
        let own = owner(path.as_bytes());
        assert_eq!(own.pod.expect("a pod").text().as_bytes(), UID);
        assert_eq!((own.container, own.unit), (Some(ID.as_bytes()), Some(&b"containerd.service"[..])));
    }

    #[test]
    fn what_is_no_uid_is_no_pod_and_is_not_changed() {
        for path in [
            "/pod8a6b9a8c_1b2c_4d3e_9f00-112233445566",
            "/pod8a6b9a8c_1b2c_4d3e_9f00_11223344556",
            "/pod________-____-____-____-____________",
            "/my_pods.slice/podman_1.service",
            "/pod8a6b9a8c1b2c4d3e9f0011223344556_",
        ] {
            assert_eq!(owner(path.as_bytes()).pod, None, "{path}");
        }
        let path = b"/user_a.slice/my_app.service";
        assert_eq!(owner(path).unit, Some(&b"my_app.service"[..]));
        let sum = owner(b"/kubepods/pod0123456789abcdef0123456789abcdef").pod.expect("a static pod");
        assert_eq!(sum.text().as_bytes(), b"0123456789abcdef0123456789abcdef");
    }

    #[test]
    fn a_cgroup_of_a_similar_name_is_another() {
        assert!(is_below(b"/shop", b"/shop"));
        assert!(is_below(b"/shop/a", b"/shop"));
        assert!(is_below(b"/shop/a", b"/shop/"));
        assert!(is_below(b"/shop", b"/"));
        assert!(!is_below(b"/shopping", b"/shop"));
        assert!(!is_below(b"/", b"/shop"));
    }
}
