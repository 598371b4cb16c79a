//! The tables of `monitor` in their three forms: what stands where, and that no name of somebody else does harm there.

use crate::common;

use std::collections::BTreeSet;
use std::time::Duration;

use common::host::{TempDir, works};
use common::json::Json;
use common::monitored::{HOSTILE, MIB, alert, empty, group, hostile, put_rows, row, sample, table, written};
use common::run::{command, run_command};
use common::skip;
use memdoor::host::Numbers;
use memdoor::monitor::alerts::Kind;
use memdoor::monitor::files::SessionFile;
use memdoor::monitor::groups::Group;
use memdoor::monitor::options::Form;
use memdoor::monitor::unread::Origin;
use memdoor::report::Value;
use memdoor::report::table::{HEADER, Heading, TableContext, Writer, header};
use memdoor::units::{Bytes, Percent};

/// RFC 4180, strictly: a quote is at the start of a field, doubled, or at its end; every line has as many fields as the header.
fn csv(text: &str) -> Vec<Vec<String>> {
    let mut lines = vec![vec![String::new()]];
    let mut chars = text.chars().peekable();
    let mut is_quoted = false;
    while let Some(char) = chars.next() {
        let line = lines.last_mut().expect("one");
        let field = line.last_mut().expect("one");
        match char {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if is_quoted => {
                is_quoted = false;
                let next = chars.peek();
                assert!(matches!(next, Some(',' | '\n')), "{next:?} behind a quote");
            }
            '"' => {
                assert!(field.is_empty(), "a quote within {field:?}");
                is_quoted = true;
            }
            ',' if !is_quoted => line.push(String::new()),
            '\n' if !is_quoted => lines.push(vec![String::new()]),
            other => field.push(other),
        }
    }
    assert!(!is_quoted);
    assert_eq!(lines.pop(), Some(vec![String::new()]), "a line has its end");
    for line in &lines {
        assert_eq!(line.len(), lines[0].len(), "{line:?}");
    }
    lines
}

/// The rule of report/escape.rs, backwards.
fn unescaped(text: &str) -> Vec<u8> {
    let (bytes, mut plain, mut at) = (text.as_bytes(), Vec::new(), 0);
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 4);
        let digits = digits.filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        if let (b'\\', Some(digits)) = (bytes[at], digits) {
            plain.push(digits.iter().fold(0_u8, |sum, digit| sum.wrapping_mul(8).wrapping_add(digit - b'0')));
            at += 4;
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    plain
}

fn hostile_table(which: SessionFile, form: Form) -> String {
    let (sample, rows, groups, alerts) = hostile();
    table(which, form, &sample, &rows, &groups, &alerts)
}

fn tables() -> impl Iterator<Item = SessionFile> {
    SessionFile::ALL.into_iter().filter(|which| *which != SessionFile::Summary)
}

#[test]
fn the_header_of_memory_is_the_documents() {
    let text = table(SessionFile::Memory, Form::Csv, &sample(), &[row(42, b"leak", 1024 * MIB)], &[], &[]);
    assert_eq!(
        text,
        "Timestamp,Total_KB,Used_KB,Free_KB,Available_KB,Buffers_KB,Cached_KB,Usage_Percent,Top_Process,Top_Process_Mem\n\
         2026-11-21T10:08:31.123Z,16384000,8519680,1024000,7864320,204800,6144000,52.00,leak,1048576\n"
    );
}

#[test]
fn processes_are_written_in_each_form() {
    let rows = [row(18, b"web", 200 * MIB), row(4243, b"leak", 1024 * MIB), row(17, b"db", 300 * MIB)];
    let of = |form| table(SessionFile::Processes, form, &sample(), &rows, &[], &[]);
    assert_eq!(
        of(Form::Text),
        "THE LARGEST PROCESSES 2026-11-21T10:08:31.123Z
    PID Command         State    RSS_KB  Swap_KB   FDs Growth_KB_s    R2 Left_s
   4243 leak            S       1048576   131072  1023     5120.00 0.998   3661
     17 db              S        307200    38400  1023     -672.00 0.998      -
     18 web             S        204800    25600  1023           -     -      -

"
    );
    assert_eq!(
        of(Form::Csv),
        "Timestamp,PID,Command,State,Threads,RSS_KB,Anon_KB,Swap_KB,VSZ_KB,FDs,Growth_KB_s,R2,Left_s,PSS_KB,USS_KB,Hugetlb_KB,Freeable_KB,Parent_PID
2026-11-21T10:08:31.123Z,4243,leak,S,12,1048576,786432,131072,4194304,1023,5120.00,0.998,3661,,524288,2048,917504,1
2026-11-21T10:08:31.123Z,17,db,S,12,307200,230400,38400,1228800,1023,-672.00,0.998,,,153600,2048,268800,1
2026-11-21T10:08:31.123Z,18,web,S,12,204800,153600,25600,819200,1023,,,,,102400,2048,179200,1
"
    );
    let json = of(Form::Json);
    let lines: Vec<Json> = json.lines().map(Json::parse).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0].text("event_name"), "memdoor.process.sample");
    assert_eq!(lines[0].text("timestamp"), "2026-11-21T10:08:31.123456Z");
    assert_eq!(lines[0].text("memdoor.process.comm"), "leak");
    assert_eq!(lines[0].number("process.pid"), 4243);
    assert_eq!(lines[0].number("process.memory.usage"), 1 << 30);
    assert_eq!(lines[0].number("memdoor.growth.bytes_per_second"), 5 << 20);
    assert_eq!(lines[0].number_at("memdoor.growth.r2"), Some("0.998"));
    assert_eq!(lines[0].number("memdoor.growth.left_us"), 3_661_900_000);
    assert_eq!(lines[1].number("memdoor.growth.bytes_per_second"), -688_128);
    for (line, key) in [(0, "memdoor.process.pss_bytes"), (1, "memdoor.growth.left_us"), (2, "memdoor.growth")] {
        assert_eq!(lines[line].get(key), None, "not known is not there");
    }
}

#[test]
fn zones_caches_and_the_rest_are_tables_of_text_and_one_of_csv() {
    let text = table(SessionFile::Fragmentation, Form::Text, &sample(), &[], &[], &[]);
    assert_eq!(
        text,
        "FREE BLOCKS BY ORDER 2026-11-21T10:08:31.123Z
 N Zone      Frag%     0     1     2     3     4    5    6    7    8    9   10
 0 DMA       99.31 1234k 70001  9999   512   256  128   64   32   16    8    0
 0 DMA32     99.31 1234k 70001  9999   512   256  128   64   32   16    8    0
 0 Normal    99.31 1234k 70001  9999   512   256  128   64   32   16    8    0

THE LARGEST SLAB CACHES 2026-11-21T10:08:31.123Z
Cache                                Cache_KB       Active      Objects
dentry                                 256000      1000000      1200000

THE KERNEL'S OWN MEMORY 2026-11-21T10:08:31.123Z
 SReclaimable_KB SUnreclaim_KB PageTables_KB KernelStack_KB Percpu_KB Vmalloc_KB
         512000        256000         65536          16384      4096      81920

"
    );
    let rows = csv(&table(SessionFile::Fragmentation, Form::Csv, &sample(), &[], &[], &[]));
    let at = |name: &str| rows[0].iter().position(|column| column == name).expect("a column");
    assert_eq!((&*rows[3][at("Zone")], &*rows[3][at("Order_0")], &*rows[3][at("Cache")]), ("Normal", "1234567", ""));
    assert_eq!((&*rows[4][at("Zone")], &*rows[4][at("Cache")], &*rows[4][at("Objects")]), ("", "dentry", "1200000"));
}

#[test]
fn swap_pressure_and_cgroups_stand_in_their_columns() {
    let groups = [group(b"/system.slice/db.service", 900 * MIB, Some(1000 * MIB))];
    let rows = [row(4243, b"leak", 1024 * MIB)];
    let alerts = [alert(Kind::OomKill, None, b"1 more")];
    let of = |which, form| table(which, form, &sample(), &rows, &groups, &alerts);
    assert_eq!(
        of(SessionFile::Swap, Form::Csv),
        "Timestamp,Total_KB,Free_KB,Pages_in,Pages_out,Zram_stored_KB,Zram_used_KB,Zram_ratio,Area,Size_KB,Used_KB,Percent,PID,Command,Swap_KB,RSS_KB
2026-11-21T10:08:31.123Z,2097148,1048572,7,8,524288,131072,4.00,,,,,,,,
2026-11-21T10:08:31.123Z,,,,,,,,/dev/zram0,1048576,524288,50.00,,,,
2026-11-21T10:08:31.123Z,,,,,,,,,,,,4243,leak,131072,1048576
"
    );
    let pressure = of(SessionFile::Pressure, Form::Text);
    assert!(
        pressure.ends_with(
            "
 Some10 Some60 Some300 Full10 Full60 Full300  Scanned  Direct Stalls  Faults OOM
  1.23   0.45    0.06   0.12   0.00  100.00     1000     200      3      41   1

"
        ),
        "{pressure}"
    );
    let json = Json::parse(of(SessionFile::Pressure, Form::Json).trim_end());
    assert_eq!(json.number("memdoor.psi.memory.full.total_us"), 500_000);
    assert_eq!(json.number("memdoor.host.delta.compact_stalls"), 5);
    assert_eq!(json.get("memdoor.host.delta.compact_fails"), None);
    let text = of(SessionFile::Cgroups, Form::Text);
    assert!(
        text.contains("\n/system.slice/db.service         921600    1024000   90.00       2.50         1\n"),
        "{text}"
    );
    let json = Json::parse(of(SessionFile::Cgroups, Form::Json).trim_end());
    assert_eq!(json.text("service.name"), "db.service");
    assert_eq!(json.number("memdoor.cgroup.delta.oom_kill"), 1);
    assert_eq!(json.get("memdoor.cgroup.delta.oom"), None);
    assert!(of(SessionFile::Alerts, Form::Csv).ends_with("Z,oom_kill,raised,,,,,,\"1 more\",,\n"));
}

#[test]
fn what_is_not_known_is_a_dash_nothing_or_not_there_and_never_0() {
    let groups = [Group {
        usage: None,
        limit: None,
        peak: None,
        anon: None,
        file: None,
        kernel: None,
        sock: None,
        full: None,
        max: None,
        oom: None,
        oom_kills: None,
        oom_kills_ever: None,
        ..group(b"/", 0, None)
    }];
    for which in [SessionFile::Memory, SessionFile::Pressure, SessionFile::Swap, SessionFile::Cgroups] {
        let of = |form| table(which, form, &empty(), &[], &groups, &[]);
        let rows = csv(&of(Form::Csv));
        assert_eq!(rows.len(), 2, "{which:?}");
        assert!(rows[1].iter().skip(2).all(String::is_empty), "{rows:?}");
        let text = of(Form::Text);
        let last = text.lines().nth(2).expect("a row");
        assert!(last.split_whitespace().skip(1).all(|word| word == "-"), "{text}");
        let json = Json::parse(of(Form::Json).trim_end());
        let numbers = json.leaves().into_iter().filter(|(_, leaf)| matches!(leaf, Json::Number(_)));
        let keys: Vec<String> = numbers.map(|(key, _)| key).collect();
        assert_eq!(keys, ["severity_number"], "{which:?}");
    }
    for which in [SessionFile::Processes, SessionFile::Fragmentation, SessionFile::Alerts] {
        assert_eq!(table(which, Form::Text, &empty(), &[], &[], &[]), "", "no title without rows");
    }
}

#[test]
fn csv_of_hostile_names_has_whole_rows_and_no_formula() {
    for which in tables() {
        let text = hostile_table(which, Form::Csv);
        assert!(!text.chars().any(|char| char.is_control() && char != '\n'), "{text:?}");
        let rows = csv(&text);
        assert!(rows.len() > 1);
        for field in rows.iter().skip(1).flatten() {
            let is_number = field.parse::<f64>().is_ok();
            let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{feff}']);
            assert!(is_number || !is_formula, "{field:?}");
            assert!(!field.contains(';'), "a decimal comma divides fields with it: {field:?}");
        }
    }
    // What was a name is one again.
    let rows = csv(&hostile_table(SessionFile::Processes, Form::Csv));
    let names: Vec<Vec<u8>> = rows.iter().skip(1).map(|row| unescaped(&row[2])).collect();
    assert_eq!(names, HOSTILE.map(|name| name[..name.len().min(15)].to_vec()));
    let rows = csv(&hostile_table(SessionFile::Cgroups, Form::Csv));
    assert_eq!(unescaped(&rows[1][1]), b"/x.slice/=1+1");
    assert_eq!(rows.last().expect("one")[1], "\\075/2", "and it is a formula no more");
    let rows = csv(&hostile_table(SessionFile::Alerts, Form::Csv));
    assert_eq!(rows[1][8], "12 MiB/s, \\033, \"so\"", "words are escaped once");
}

#[test]
fn a_reader_of_csv_in_python_gets_every_row() {
    if !works(&["python3", "-c", "import csv"]) {
        return skip("needs python3");
    }
    let has_pandas = works(&["python3", "-c", "import pandas"]);
    let script = if has_pandas {
        "import sys, pandas\n\
         t = pandas.read_csv(sys.argv[1], parse_dates=['Timestamp'], keep_default_na=False, na_values=[''])\n\
         assert str(t['Timestamp'].dtype).startswith('datetime64[') and 'UTC' in str(t['Timestamp'].dtype), t.dtypes\n\
         assert not [c for c in t.columns if c.startswith('Unnamed')], t.columns\n\
         print(len(t), len(t.columns))\n\
         n = [c for c in t.columns if c.endswith('_KB') or c.endswith('ercent')]\n\
         assert all(t[c].dtype.kind in 'iuf' for c in n), t.dtypes\n"
    } else {
        "import sys, csv\n\
         t = list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))\n\
         assert all(len(r) == len(t[0]) for r in t)\n\
         print(len(t) - 1, len(t[0]))\n"
    };
    let dir = TempDir::new();
    for which in tables() {
        let text = hostile_table(which, Form::Csv);
        let file = dir.write(which.table().1, text.as_bytes());
        let done = run_command(command("python3", &["-c", script, &file]));
        assert_eq!(done.code(), 0, "{which:?}: {}", done.err);
        let rows = csv(&text);
        let expected = format!("{} {}\n", rows.len() - 1, rows[0].len());
        assert_eq!(done.out, expected, "{which:?}");
    }
}

#[test]
fn text_of_hostile_names_has_80_columns_and_no_control_character() {
    for which in tables() {
        let text = hostile_table(which, Form::Text);
        for line in text.lines() {
            // A sentence ends the line of an alert, however long it is.
            let width = line.chars().count();
            assert!(width <= 80 || which == SessionFile::Alerts, "{width}: {line}");
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
        assert!(text.ends_with("\n\n"), "{text}");
    }
}

#[test]
fn json_of_hostile_names_is_json_and_they_can_be_turned_back() {
    for which in tables() {
        for line in hostile_table(which, Form::Json).lines() {
            let json = Json::parse(line);
            assert_eq!(json.text("schema"), "memdoor/1");
            assert_eq!(json.text("host.name"), "host\"1");
            assert!(line.len() < 16 << 10);
        }
    }
    let text = hostile_table(SessionFile::Processes, Form::Json);
    let names = text.lines().map(|line| unescaped(Json::parse(line).text("memdoor.process.comm")));
    assert_eq!(names.collect::<Vec<_>>(), HOSTILE.map(|name| name[..name.len().min(15)].to_vec()));
}

#[test]
fn every_column_is_described_and_no_name_stands_twice() {
    for which in tables() {
        let mut names = BTreeSet::new();
        for table in which.table().0 {
            let (columns, title): (Vec<&Heading>, _) = (table.headings().collect(), table.title());
            assert!(!columns.is_empty(), "{title}");
            let keys: BTreeSet<_> = columns.iter().map(|column| column.key).collect();
            assert_eq!(keys.len(), columns.len(), "{title}");
            let width: usize = columns.iter().map(|column| column.width + usize::from(column.width > 0)).sum();
            assert!(width <= 81, "{title} has {width} columns");
            for column in &columns {
                assert!(names.insert(column.csv), "{} twice", column.csv);
                assert!(column.label.len() <= column.width || column.width == 0, "{column:?}");
            }
        }
    }
}

#[test]
fn there_is_room_for_the_header_of_every_file() {
    for which in tables() {
        let length: usize = header(which.table().0).map(str::len).sum();
        assert!(length <= HEADER, "{which:?}: {length}");
    }
}

#[test]
fn a_number_of_the_kernels_log_is_no_processs_here() {
    let mut alerts = [(); 2].map(|()| alert(Kind::OomKill, Some((5, b"db")), b"killed"));
    alerts[1].numbers = Numbers::Other;
    let rows = table(SessionFile::Alerts, Form::Json, &sample(), &[], &[], &alerts);
    let rows: Vec<Json> = rows.lines().map(Json::parse).collect();
    fn numbers(row: &Json) -> (Option<&str>, Option<&str>) {
        (row.number_at("process.pid"), row.number_at("memdoor.oom.killed.pid"))
    }
    assert_eq!(rows.iter().map(numbers).collect::<Vec<_>>(), [(Some("5"), None), (None, Some("5"))]);
    assert!(rows.iter().all(|row| row.text("memdoor.process.comm") == "db"));
}

#[test]
fn every_row_has_a_cell_for_every_column() {
    // Numbers that are all known fill all columns of CSV but those that say so here.
    let mut full = sample();
    full.delta.compact_fails = Some(1);
    let mut process = row(1001, b"a", 1 << 30);
    process.pss = Some(process.rss);
    let id = "0123456789abcdef".repeat(4);
    let pod = "8a6b9a8c-1b2c-4d3e-9f00-112233445566";
    let path = format!("/a.service/pod{pod}/{id}");
    let mut groups = [group(path.as_bytes(), 100, Some(200))];
    groups[0].oom = Some(0);
    // A process has a number here, or one in the kernel's log alone.
    let mut alerts = [(); 2].map(|()| alert(Kind::Fds, Some((1, b"init")), b"much"));
    alerts.iter_mut().for_each(|alert| alert.source = Some(Origin::Meminfo));
    alerts[1].numbers = Numbers::Other;
    for which in tables() {
        let rows = csv(&table(which, Form::Csv, &full, &[process.clone()], &groups, &alerts));
        for (at, name) in rows[0].iter().enumerate() {
            let is_filled = rows.iter().skip(1).any(|row| !row[at].is_empty());
            assert!(is_filled, "{which:?}: {name} is always empty");
        }
        // Not a number too few or too many in any row: what is filled is what its table has.
        let widths: Vec<usize> = which.table().0.iter().map(|table| table.headings().count()).collect();
        for row in rows.iter().skip(1) {
            let filled = row.iter().filter(|field| !field.is_empty()).count();
            let filled = filled + usize::from(which == SessionFile::Alerts);
            assert!(widths.contains(&(filled - 1)), "{which:?}: {filled} of {widths:?}: {row:?}");
        }
    }
}

#[test]
fn memory_that_is_too_small_cuts_between_lines() {
    let (sample, rows, groups, alerts) = hostile();
    let envelope = common::monitored::envelope();
    for form in [Form::Csv, Form::Text, Form::Json] {
        let pen = TableContext::new(form, &envelope, &sample.now);
        for which in tables() {
            for room in [0, 1, 20, 100, 1000, 3000] {
                let mut buf = vec![0; room];
                let mut out = memdoor::sys::out::Out::in_memory(&mut buf);
                let table = which.table().0;
                let mut to = Writer::new(&pen, form, table, &mut out, None);
                put_rows(which, &sample, &rows, &groups, &alerts, &mut to);
                to.end();
                let held = out.held();
                assert!(held.is_empty() || held.ends_with(b"\n"), "only whole lines");
            }
        }
    }
    assert_eq!(written(|_| ()), b"");
}

#[test]
fn figures_neither_lose_a_slow_leak_nor_overflow() {
    let figure = |value: Value<'_>| String::from_utf8(value.figure().as_bytes().to_vec()).expect("UTF-8");
    for (cell, expected) in [
        (Value::Rate(500), "0.48"),
        (Value::Rate(-500), "-0.48"),
        (Value::Rate(i64::MIN), "-9007199254740992.00"),
        (Value::Bytes(Bytes(1023)), "0"),
        (Value::Percent(Percent { hundredths: 5 }), "0.05"),
        (Value::Percent(Percent { hundredths: u64::MAX }), "184467440737095516.15"),
        (Value::Thousandths(1000), "1.000"),
        (Value::Thousandths(7), "0.007"),
        (Value::Span(Duration::MAX), "18446744073709551615"),
        (Value::Nothing, ""),
    ] {
        assert_eq!(figure(cell), expected, "{cell:?}");
    }
}
