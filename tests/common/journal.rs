//! Files of the journal: what is told, as systemd's export format, and systemd-journal-remote, which makes a file of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::host::TempDir;
use super::run::{Running, run_command};

/// A field's name, and its value.
pub type Field = (String, Vec<u8>);

/// An entry as somebody has told it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Microseconds since 1970.
    pub realtime: u64,
    /// Microseconds since boot.
    pub monotonic: u64,
    /// Its fields, `_BOOT_ID` among them.
    pub fields: Vec<Field>,
}

/// Two boots of a machine.
pub const BOOTS: [&str; 2] = ["b0010000000000000000000000000001", "b0020000000000000000000000000002"];

/// The machine.
pub const MACHINE: &str = "ab0c0000000000000000000000000ab0";

impl Told {
    /// The first value of a field.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| &value[..])
    }

    /// Its fields in an order of their own: the journal keeps none.
    pub fn sorted(&self) -> Vec<Field> {
        sorted(self.fields.clone())
    }
}

/// Each once, and in order: an entry does not have a value twice.
pub fn sorted(mut fields: Vec<Field>) -> Vec<Field> {
    fields.sort();
    fields.dedup();
    fields
}

/// How much later than the kernel's words journald has read them.
pub const LATE_US: u64 = 2_500_000;

/// What a machine says in two boots: the kernel, a unit and its process, a decoy by syslog, another by /dev/kmsg, and journald of what it
/// has missed. The kernel's lines have several lines, no UTF-8, and more than is kept plain; of one there is no message.
pub fn story() -> Vec<Told> {
    let mut all = Vec::new();
    for (number, boot) in BOOTS.iter().enumerate() {
        let start = 1_764_000_000_000_000 + number as u64 * 86_400_000_000;
        for at in 0..75_u64 {
            let monotonic = 5_000_000 + at * 1_000_000;
            let mut fields: Vec<Field> = Vec::new();
            let mut add = |name: &str, value: &[u8]| fields.push((name.to_string(), value.to_vec()));
            add("_BOOT_ID", boot.as_bytes());
            add("_MACHINE_ID", MACHINE.as_bytes());
            add("_HOSTNAME", b"db1");
            add("PRIORITY", if at % 4 == 0 { b"4" } else { b"6" });
            said(at, number as u64, monotonic, &mut add);
            all.push(Told { realtime: start + monotonic, monotonic, fields });
        }
    }
    all
}

fn said(at: u64, boot: u64, monotonic: u64, add: &mut dyn FnMut(&str, &[u8])) {
    let killed = format!("Out of memory: Killed process {} (app) total-vm:{}kB", 1000 * boot + at, 4 * at);
    let source = (monotonic - LATE_US).to_string();
    match at % 5 {
        0 | 1 => {
            add("_TRANSPORT", b"kernel");
            add("SYSLOG_IDENTIFIER", b"kernel");
            add("SYSLOG_FACILITY", b"0");
            add("_SOURCE_MONOTONIC_TIMESTAMP", source.as_bytes());
            match at {
                10 => add("MESSAGE", b"Killed process 7 (two\nlines) total-vm:1kB"),
                15 => add("MESSAGE", b"Killed process 8 (\xff\xfe\x01) total-vm:1kB"),
                20 => {}
                25 => add("MESSAGE", &[b"x=".as_slice(), &[b'y'; 70_000]].concat()),
                // A pod's cgroups: more than 512 bytes, which is what journald packs.
                at if at % 3 == 0 => {
                    let pod = format!(
                        "/kubepods.slice/kubepods-burstable.slice/pod{boot}{at:03}-{}",
                        "0123456789abcdef".repeat(16)
                    );
                    add(
                        "MESSAGE",
                        format!("oom-kill:oom_memcg={pod},task_memcg={pod}/app,task=app,pid={at}").as_bytes(),
                    );
                }
                _ => add("MESSAGE", killed.as_bytes()),
            }
        }
        2 => {
            add("_TRANSPORT", b"syslog");
            add("SYSLOG_IDENTIFIER", b"kernel");
            add("SYSLOG_FACILITY", b"1");
            add("MESSAGE", killed.as_bytes());
        }
        3 if at.is_multiple_of(2) => {
            // echo kernel: ... >/dev/kmsg
            add("_TRANSPORT", b"kernel");
            add("SYSLOG_IDENTIFIER", b"kernel");
            add("SYSLOG_FACILITY", b"1");
            add("_SOURCE_MONOTONIC_TIMESTAMP", source.as_bytes());
            add("MESSAGE", format!("forged {killed}").as_bytes());
        }
        3 if at % 25 == 13 => {
            add("_TRANSPORT", b"driver");
            add("SYSLOG_IDENTIFIER", b"systemd-journald");
            add("MESSAGE_ID", b"e9bf28e6e834481bb6f48f548ad13606");
            add("MESSAGE", format!("Missed {} kernel messages", at + boot).as_bytes());
        }
        _ => {
            let pid = 300 + at % 3;
            add("_TRANSPORT", b"stdout");
            add("_PID", pid.to_string().as_bytes());
            add("_SYSTEMD_UNIT", format!("db{}.service", at % 3).as_bytes());
            add("MESSAGE", format!("request {at} of boot {boot} took {} ms", at * 7).as_bytes());
        }
    }
}

/// Entries as `journalctl -o export` writes them: JOURNAL_EXPORT_FORMATS.md.
pub fn export(all: &[Told]) -> Vec<u8> {
    let mut text = Vec::new();
    for told in all {
        let mut head = String::new();
        let _ = writeln!(head, "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP={}", told.realtime, told.monotonic);
        text.extend_from_slice(head.as_bytes());
        for (name, value) in &told.fields {
            text.extend_from_slice(name.as_bytes());
            if value.iter().all(|byte| matches!(byte, b' '..=b'~')) {
                text.push(b'=');
            } else {
                text.push(b'\n');
                text.extend_from_slice(&(value.len() as u64).to_le_bytes());
            }
            text.extend_from_slice(value);
            text.push(b'\n');
        }
        text.push(b'\n');
    }
    text
}

/// The same read back.
pub fn read_export(text: &[u8]) -> Vec<Told> {
    let mut all = Vec::new();
    let mut fields: Vec<Field> = Vec::new();
    let mut rest = text;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = (&rest[..end], &rest[end + 1..]);
        rest = behind;
        if line.is_empty() {
            let mut own: BTreeMap<String, Vec<u8>> = BTreeMap::new();
            fields.retain(|(name, value)| {
                let is_own = name.starts_with("__");
                if is_own {
                    own.insert(name.clone(), value.clone());
                }
                !is_own
            });
            let number = |name: &str| String::from_utf8_lossy(&own[name]).parse().expect("a number");
            all.push(Told {
                realtime: number("__REALTIME_TIMESTAMP"),
                monotonic: number("__MONOTONIC_TIMESTAMP"),
                fields: std::mem::take(&mut fields),
            });
        } else if let Some(at) = line.iter().position(|byte| *byte == b'=') {
            fields.push((String::from_utf8_lossy(&line[..at]).into(), line[at + 1..].to_vec()));
        } else {
            let length = usize::try_from(u64::from_le_bytes(rest[..8].try_into().expect("8 bytes"))).expect("a length");
            fields.push((String::from_utf8_lossy(line).into(), rest[8..8 + length].to_vec()));
            rest = &rest[8 + length + 1..];
        }
    }
    all
}

/// How a file is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    pub is_compact: bool,
    pub is_keyed: bool,
    pub is_packed: bool,
}

impl Layout {
    pub fn all() -> impl Iterator<Item = Self> {
        (0..8).map(|bits| Self { is_compact: bits & 1 != 0, is_keyed: bits & 2 != 0, is_packed: bits & 4 != 0 })
    }

    pub fn name(self) -> String {
        let [layout, hash, packing] = [
            if self.is_compact { "compact" } else { "regular" },
            if self.is_keyed { "keyed" } else { "jenkins" },
            if self.is_packed { "zstd" } else { "plain" },
        ];
        format!("{layout}-{hash}-{packing}")
    }
}

/// systemd's own writer of such files, installed or unpacked beside the PATH. Where it is unpacked, its library is, too.
pub struct Remote {
    program: PathBuf,
}

impl Remote {
    pub fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let places = std::env::split_paths(&path).chain(["/lib/systemd".into(), "/usr/lib/systemd".into()]);
        let program = places.map(|dir| dir.join("systemd-journal-remote")).find(|program| program.exists())?;
        Some(Self { program })
    }

    pub fn command(&self, layout: Layout, to: &Path) -> Command {
        let mut command = Command::new(&self.program);
        let root = self.program.ancestors().find(|above| above.join("usr/lib/x86_64-linux-gnu").exists());
        if let Some(root) = root.filter(|root| root.parent().is_some()) {
            command.env("LD_LIBRARY_PATH", root.join("usr/lib/x86_64-linux-gnu"));
        }
        let bit = |is: bool| if is { "1" } else { "0" };
        command
            .env("SYSTEMD_JOURNAL_COMPACT", bit(layout.is_compact))
            .env("SYSTEMD_JOURNAL_KEYED_HASH", bit(layout.is_keyed))
            .arg(if layout.is_packed { "--compress=yes" } else { "--compress=no" })
            .args(["--split-mode=none", "-o"])
            .arg(to)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// Makes a file of export format.
    pub fn write(&self, layout: Layout, export: &[u8], to: &Path) {
        let from = to.with_extension("export");
        fs::write(&from, export).expect("write");
        let mut command = self.command(layout, to);
        command.arg(&from);
        let ended = run_command(command);
        assert_eq!(ended.code(), 0, "systemd-journal-remote: {ended:?}");
    }
}

/// What journalctl, the only judge that counts, reads of a file.
pub fn journalctl(file: &Path, words: &[&str]) -> Vec<Told> {
    let mut command = Command::new("journalctl");
    command.arg("--file").arg(file).args(["-o", "export", "--all"]).args(words);
    // Its output is no text.
    let dir = TempDir::new();
    let path = dir.path().join("export");
    let output = fs::File::create(&path).expect("create");
    let _ = Running::start_into(command, Stdio::from(output)).end();
    read_export(&fs::read(&path).expect("read"))
}

/// A file of fixtures/journal, as systemd-journal-remote has written it, unpacked.
pub fn fixture(layout: Layout) -> Vec<u8> {
    let path = fixture_path(layout);
    let packed = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::with_capacity(1 << 20);
    let mut member = flate2::Decompress::new_gzip(15);
    member.decompress_vec(&packed, &mut bytes, flate2::FlushDecompress::Finish).expect("gzip");
    bytes
}

pub fn fixture_path(layout: Layout) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/journal/{}.journal.gz", layout.name()))
}

/// An object of a file as it is laid out: nothing is checked, as the file is whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    pub kind: u8,
    pub flags: u8,
    pub at: usize,
    pub size: usize,
}

pub fn le64(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))).expect("64 bits")
}

/// The objects of a whole file, from its first to its tail.
pub fn objects(file: &[u8]) -> Vec<Object> {
    let (mut at, tail) = (le64(file, 88), le64(file, 136));
    let mut all = Vec::new();
    while at <= tail {
        let object = Object { kind: file[at], flags: file[at + 1], at, size: le64(file, at + 8) };
        at = (at + object.size).next_multiple_of(8);
        all.push(object);
    }
    all
}

/// Whether a file has 32-bit offsets.
pub fn is_compact(file: &[u8]) -> bool {
    file[12] & 16 != 0
}

/// Where the values of an entry are.
pub fn items(file: &[u8], entry: &Object) -> Vec<usize> {
    let items = &file[entry.at + 64..entry.at + entry.size];
    if is_compact(file) {
        items.chunks(4).map(|item| u32::from_le_bytes(item.try_into().expect("4 bytes")) as usize).collect()
    } else {
        items.chunks(16).map(|item| le64(item, 0)).collect()
    }
}
