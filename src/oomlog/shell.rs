//! Names of a log in commands that somebody may type.

use crate::shell::argument;

/// A file below a directory of cgroups, which a path that a log names cannot leave.
#[must_use]
pub fn cgroup_file(directory: &[u8], path: &[u8], name: &[u8]) -> Option<String> {
    let is_inside = path.split(|byte| *byte == b'/').all(|part| part != b"..");
    let file = [directory, path, b"/", name].concat();
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
        for leaving in [&b"/.."[..], b"/../../etc", b"/a/../../b", b"../b"] {
            assert_eq!(file(leaving), None);
        }
    }
}
