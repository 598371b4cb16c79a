//! As much of ELF as it takes to tell a static file from a dynamic one: elf(5), 64 bits, little-endian.

pub const ET_EXEC: u16 = 2;
pub const ET_DYN: u16 = 3;
pub const EM_X86_64: u16 = 62;
pub const EM_AARCH64: u16 = 183;

const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;

/// What the headers say.
#[derive(PartialEq, Eq, Debug)]
pub struct Elf {
    pub kind: u16,
    pub machine: u16,
    /// PT_INTERP: a dynamic linker is asked for.
    pub has_interpreter: bool,
    /// DT_NEEDED: libraries that are asked for.
    pub needed: usize,
}

impl Elf {
    /// `None` for what is no such file, or is cut.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(b"\x7fELF\x02\x01") {
            return None;
        }
        let headers = word(bytes, 32)?;
        let (size, count) = (half(bytes, 54)?, half(bytes, 56)?);
        let mut elf = Self { kind: half(bytes, 16)?, machine: half(bytes, 18)?, has_interpreter: false, needed: 0 };
        for index in 0..u64::from(count) {
            let header = usize::try_from(headers + index * u64::from(size)).ok()?;
            let kind = u32::from_le_bytes(array(bytes, header)?);
            elf.has_interpreter |= kind == PT_INTERP;
            if kind == PT_DYNAMIC {
                let start = usize::try_from(word(bytes, header + 8)?).ok()?;
                let len = usize::try_from(word(bytes, header + 32)?).ok()?;
                elf.needed += needed(bytes.get(start..start.checked_add(len)?)?)?;
            }
        }
        Some(elf)
    }
}

/// Entries of 16 bytes, tag and value, up to DT_NULL.
fn needed(dynamic: &[u8]) -> Option<usize> {
    let mut count = 0;
    for entry in dynamic.chunks_exact(16) {
        match word(entry, 0)? {
            DT_NULL => break,
            DT_NEEDED => count += 1,
            _ => {}
        }
    }
    Some(count)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    array(bytes, at).map(u16::from_le_bytes)
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// A file that is nothing but headers: with an interpreter and two libraries, or with neither.
pub fn made_up(dynamic: bool) -> Vec<u8> {
    let segments: &[u32] = if dynamic { &[1, PT_INTERP, PT_DYNAMIC] } else { &[1, PT_DYNAMIC] };
    let tags: &[u64] = if dynamic { &[DT_NEEDED, 5, DT_NEEDED, DT_NULL] } else { &[5, DT_NULL, DT_NEEDED] };
    let mut bytes = vec![0; 64 + segments.len() * 56];
    let (table, count) = (bytes.len(), segments.len());
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"\x7fELF\x02\x01\x01");
    put(16, &ET_DYN.to_le_bytes());
    put(18, &EM_X86_64.to_le_bytes());
    put(32, &64_u64.to_le_bytes());
    put(54, &56_u16.to_le_bytes());
    put(56, &u16::try_from(count).unwrap_or(0).to_le_bytes());
    for (index, kind) in segments.iter().enumerate() {
        let header = 64 + index * 56;
        put(header, &kind.to_le_bytes());
        if *kind == PT_DYNAMIC {
            put(header + 8, &(table as u64).to_le_bytes());
            put(header + 32, &(tags.len() as u64 * 16).to_le_bytes());
        }
    }
    for tag in tags {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
    }
    bytes
}
