//! Every mapping, streamed: 65,530 of them (vm.max_map_count) take no more memory than one.

use super::{Completeness, Scene};
use crate::error::Absent;
use crate::parse::maps;
use crate::report::{Event, Name, Report, Row, Value};
use crate::units::Bytes;

const COUNT: Name = Name(Event::End, "Mappings", "");
// SIZE is address space: a reservation of 1 TiB is no memory. What is resident stands under MEMORY.
const SIZE: Name = Name(Event::End, "Mapped Address Space (SIZE, Not RSS)", "");
const UNKNOWN: Name = Name(Event::End, "Mappings Not Understood", "");

pub(super) fn take(scene: &mut Scene<'_>, report: &mut dyn Report) -> Result<Completeness, Absent> {
    let (view, files) = scene.target.view_and_files();
    let mut count = 0;
    let mut size = Bytes(0);
    let mut malformed = 0;
    let streamed = files.maps.lines(view, scene.buf).and_then(|mut lines| {
        while let Some(line) = lines.next() {
            match maps::line(line?) {
                Some(mapping) => {
                    report.row(Row::Mapping(&mapping));
                    count += 1;
                    size = size.plus(mapping.size());
                }
                None => malformed += 1,
            }
        }
        Ok(lines.cut())
    });
    let cut = streamed.map_err(|errno| scene.target.absent(errno))?;
    // A zombie's maps reads as nothing, without an error.
    if count == 0 && malformed == 0 {
        return Err(Absent::Gone);
    }
    let facts = [
        COUNT.is(Value::Count(count)),
        SIZE.is(Value::Bytes(size)),
        UNKNOWN.is(Value::Absent(Absent::Malformed)),
    ];
    let shown = if malformed + cut > 0 {
        &facts[..]
    } else {
        facts.get(..2).unwrap_or(&facts)
    };
    report.facts(shown);
    Ok(Completeness::of(shown))
}
