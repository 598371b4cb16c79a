//! Every mapping, streamed: 65,530 of them (vm.max_map_count) take no more memory than one.

use super::mapped::Tally;
use super::{Completeness, END, Scene};
use crate::error::Absent;
use crate::parse::maps;
use crate::report::{Name, Report, Row, Section, Value};
use crate::sys::Errno;
use crate::target::Target;
use crate::units::Bytes;

/// Its mappings.
pub(super) const SECTION: Section = Section {
    key: "memdoor.snapshot.mapping",
    banner: concat!(
        "##### PROCESS MEMORY MAPPING INFORMATION #####\n",
        "START ADDRESS     SIZE                PERM  DEV    INODE      FILE PATH\n"
    ),
};

// SIZE is address space: a reservation of 1 TiB is no memory. What is resident stands under MEMORY.
const SIZE: Name = Name(END, "Mapped Address Space (SIZE, Not RSS)", "");

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    let (view, files) = scene.target.view_and_files();
    let (mut count, mut size, mut malformed) = (0, Bytes(0), 0);
    let mut is_late = false;
    let first = scene.past.as_deref_mut().map(|past| &mut past.first);
    let mut tally = Tally::new(first.as_deref());
    let streamed = files.maps.lines(view, scene.buf).and_then(|mut lines| {
        while let Some(line) = lines.next() {
            match maps::line(line?) {
                Some(mapping) => {
                    report.row(Row::Mapping(&mapping));
                    count += 1;
                    size = size.plus(mapping.size());
                    tally.add(&mapping, first.as_deref());
                }
                None => malformed += 1,
            }
            if count % 64 == 0 && scene.when.left().is_zero() {
                is_late = true;
                break;
            }
        }
        Ok(lines.cut())
    });
    let cut = if is_late { Err(Absent::Late) } else { cut(scene.target, streamed, count) };
    if let (Err(why), 0) = (cut, count) {
        return Err(why);
    }
    let facts = [
        Name(END, "Mappings", "").is(Value::Count(count)),
        SIZE.is(Value::Bytes(size)),
        Name(END, "Mappings Not Understood", "").is(Value::Absent(Absent::Malformed)),
    ];
    let shown = match facts.split_last() {
        Some((_, known)) if malformed + cut.unwrap_or(0) == 0 => known,
        _ => &facts,
    };
    report.facts(shown);
    if cut.is_ok() {
        tally.report(first, report);
    }
    let done = Completeness::of(shown);
    Ok(match cut {
        Ok(_) => done,
        Err(why) => {
            report.missing(&SECTION, why);
            done.and(Completeness::after(why))
        }
    })
}

/// How many lines were cut, or why the rest of them is missing.
fn cut(target: &mut Target, streamed: Result<u64, Errno>, count: u64) -> Result<u64, Absent> {
    // When the address space goes, by death or by exec(), maps does not fail: it ends. Its start then is its end, too.
    let (view, files) = target.view_and_files();
    let start = files.maps.once(view, &mut [0; 1]).map(<[u8]>::len);
    match (streamed, start) {
        (Ok(_), Ok(0)) if target.is_leaving() => Err(Absent::Gone),
        // A file that begins with nothing was opened once more: it is none of a program before.
        (Ok(_), Ok(0)) if count == 0 => Err(target.unsaid(c"maps", true)),
        (Ok(_), Ok(0)) => Err(Absent::Changed),
        (Ok(cut), _) => Ok(cut),
        (Err(errno), _) => Err(target.absent(c"maps", errno)),
    }
}
