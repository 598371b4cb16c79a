//! Names of a log in commands that somebody may type.

use crate::shell::argument;

/// A file below a directory of cgroups, which a path that a log names cannot leave.
#[must_use]
pub fn cgroup_file(directory: &[u8], path: &[u8], name: &[u8]) -> Option<String> {
    let is_inside = path.split(|byte| *byte == b'/').all(|part| part != b"..");
    // A log's path begins with a slash, and the root's is nothing else.
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let separator: &[u8] = if path.is_empty() || path.starts_with(b"/") { b"" } else { b"/" };
    let file = [directory, separator, path, b"/", name].concat();
    is_inside.then(|| argument(&file).map(|file| file.to_string())).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_a_log_stays_among_the_cgroups() {
        let file = |path: &[u8]| cgroup_file(b"/sys/fs/cgroup", path, b"memory.max");
        let expected = "/sys/fs/cgroup/a..b/memory.max";
        assert_eq!(file(b"/a..b").as_deref(), Some(expected));
        assert_eq!(file(b"/").as_deref(), Some("/sys/fs/cgroup/memory.max"));
        assert_eq!(file(b"").as_deref(), Some("/sys/fs/cgroup/memory.max"));
        assert_eq!(
            cgroup_file(b"/sys/fs/cgroup/", b"/a", b"cpuset.mems").as_deref(),
            Some("/sys/fs/cgroup/a/cpuset.mems")
        );
        for leaving in [&b"/.."[..], b"/../../etc", b"/a/../../b", b"../b"] {
            assert_eq!(file(leaving), None);
        }
    }
}
