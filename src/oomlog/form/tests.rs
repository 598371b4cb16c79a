use super::*;
use crate::oomlog::record::Origin;

const KILL: &str = "Out of memory: Killed process 12 (cat) total-vm:1kB";

/// Text, origin, boot time and wall time of what the lines give.
type Seen = (String, Origin, Option<u64>, Option<i64>);

fn seen(log: &[u8]) -> Vec<Seen> {
    let mut found = Vec::new();
    let mut take = |record: Record<'_>, _| {
        found.push((
            String::from_utf8_lossy(record.text).to_string(),
            record.origin,
            record.when.boot_us,
            record.when.wall_us,
        ));
        Part::Other
    };
    let mut forms = Forms::new();
    for line in log.split(|byte| *byte == b'\n') {
        assert_eq!(forms.line(line, 1, &mut take), Part::Other);
    }
    forms.end(&mut take);
    found.retain(|(text, ..)| !text.is_empty());
    found
}

fn kernel(text: &str) -> Seen {
    (text.to_string(), Origin::Kernel, Some(4_370_404), Some(1_795_255_379_163_609))
}

const FIELDS: [(&str, &str); 5] = [
    ("__REALTIME_TIMESTAMP", "1795255379163609"),
    ("__MONOTONIC_TIMESTAMP", "14247298"),
    ("_SOURCE_MONOTONIC_TIMESTAMP", "4370404"),
    ("SYSLOG_IDENTIFIER", "kernel"),
    ("_TRANSPORT", "kernel"),
];

#[test]
fn a_journal_entry_is_the_same_in_all_its_forms() {
    let members = FIELDS.map(|(name, value)| format!("\"{name}\":\"{value}\""));
    let json = format!("{{{},\"MESSAGE\":\"{KILL}\"}}\n", members.join(","));
    let pretty = FIELDS.map(|(name, value)| format!("\t\"{name}\" : \"{value}\",\n"));
    let pretty = format!("{{\n{}\t\"MESSAGE\" : \"{KILL}\"\n}}\n", pretty.concat());
    let export = FIELDS.map(|(name, value)| format!("{name}={value}\n"));
    let export = format!("{}MESSAGE={KILL}\n\n", export.concat());
    let verbose = FIELDS.map(|(name, value)| format!("    {name}={value}\n"));
    let head = "Sat 2026-11-21 10:02:59.163609 UTC [s=a;i=1;b=b0;m=2;t=3;x=4]\n";
    let verbose = format!("{head}{}    MESSAGE={KILL}\n", verbose.concat());
    let two = [kernel(KILL), kernel(KILL)];
    for form in [json, pretty, export, verbose] {
        assert_eq!(seen(form.repeat(2).as_bytes()), two, "{form}");
    }
}

#[test]
fn a_binary_value_of_the_export_form_may_hold_newlines_and_so_may_its_length() {
    for length in [8_usize, 9, 10, 11, 100, 0x0a0a] {
        let message = format!("{}\n free:1", "a".repeat(length - 7));
        assert_eq!(message.len(), length + 1);
        let mut log = b"__REALTIME_TIMESTAMP=1795255379163609\nMESSAGE\n".to_vec();
        log.extend((message.len() as u64).to_le_bytes());
        log.extend(message.as_bytes());
        log.extend(b"\n_SOURCE_MONOTONIC_TIMESTAMP=4370404\n_TRANSPORT=kernel\n\n");
        log.extend(format!("[    1.000000] {KILL}\n").as_bytes());
        let found = seen(&log);
        assert_eq!(found.len(), 3, "{length}: {found:?}");
        assert_eq!(found[0], kernel(&"a".repeat(length - 7)));
        assert_eq!(found[1], kernel(" free:1"));
        assert_eq!(found[2].0, KILL);
    }
}

#[test]
fn a_length_that_can_not_be_is_a_line_and_hides_no_other() {
    for length in [&[0xff; 8][..], b"", b"\n\n\n", b"\0\0\0\x01"] {
        let mut log = b"__REALTIME_TIMESTAMP=1\n_TRANSPORT=kernel\nMESSAGE\n".to_vec();
        log.extend(length);
        log.extend(format!("abcdefgh\n\n[    1.000000] {KILL}\n").as_bytes());
        let found = seen(&log);
        let last = found.last().expect("the line behind it");
        assert_eq!((last.0.as_str(), last.2), (KILL, Some(1_000_000)));
    }
}

#[test]
fn json_pretty_has_a_number_a_line() {
    let array = |text: &str| {
        let numbers: Vec<_> = text.bytes().map(|byte| byte.to_string()).collect();
        format!("[\n\t\t{}\n\t]", numbers.join(",\n\t\t"))
    };
    let [time, _, boot, ..] = FIELDS.map(|(name, value)| format!("\t\"{name}\" : \"{value}\""));
    let log = format!(
        "{{\n{time},\n\t\"_CMDLINE\" : {},\n\t\"MESSAGE\" : {},\n{boot},\n\t\"_TRANSPORT\" : \"kernel\"\n}}\n",
        array("other"),
        array(KILL)
    );
    assert_eq!(seen(log.as_bytes()), [kernel(KILL)]);
}

#[test]
fn dmesg_writes_an_array() {
    let log = format!(
        "{{\n   \"dmesg\": [\n      {{\n         \"pri\": 4,\n         \"time\":     4.370404,\n         \
         \"caller\": \"T12\",\n         \"msg\": \"{KILL}\"\n      }},{{\n         \"pri\": 30,\n         \
         \"time\":     5.000000,\n         \"msg\": \"{KILL}\"\n      }}\n   ]\n}}\n"
    );
    let found = seen(log.as_bytes());
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], (KILL.into(), Origin::Kernel, Some(4_370_404), None));
    assert_eq!(found[1].1, Origin::Other);
}

#[test]
fn bytes_escapes_and_newlines_of_json_are_undone() {
    let message = |value: &str| {
        let line = format!("{{\"_TRANSPORT\":\"kernel\",\"MESSAGE\":{value}}}");
        let found = seen(line.as_bytes());
        found.into_iter().map(|(text, ..)| text).collect::<Vec<_>>()
    };
    assert_eq!(message("[72, 105,33]"), ["Hi!"]);
    assert_eq!(message(r#""a\nb\u0041\ud83d\ude00\"\\\/""#), ["a", "bA😀\"\\/"]);
    assert_eq!(message(r#""\u001b[31mred\u001b[0m""#), ["red"]);
    assert_eq!(message("null"), ["null"]);
}

#[test]
fn a_container_runtime_wraps_lines_with_prefixes_of_their_own() {
    let line = format!(
        "{{\"log\":\"[    4.370404] {KILL}\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T10:08:31.027622Z\"}}"
    );
    let expected = (KILL.to_string(), Origin::Kernel, Some(4_370_404), Some(1_795_255_711_027_622));
    assert_eq!(seen(line.as_bytes()), [expected]);
}

#[test]
fn somebody_elses_entry_is_theirs() {
    for other in ["\"_TRANSPORT\":\"syslog\"", "\"SYSLOG_IDENTIFIER\":\"app\""] {
        let line = format!("{{{other},\"MESSAGE\":\"[    1.000000] {KILL}\"}}");
        assert_eq!(seen(line.as_bytes())[0].1, Origin::Other);
    }
    let forged = format!("{{\"_TRANSPORT\":\"stdout\",\"SYSLOG_IDENTIFIER\":\"kernel\",\"MESSAGE\":\"{KILL}\"}}");
    assert_eq!(seen(forged.as_bytes())[0].1, Origin::Other);
}

#[test]
fn forms_follow_each_other_and_cut_ones_give_what_they_hold() {
    let log = format!(
        "\t\"_TRANSPORT\" : \"kernel\",\n\t\"MESSAGE\" : \"one\"\n}}\n[    1.000000] two\n{{\"MESSAGE\":\"three\"}}\n\
         MESSAGE=four\n[    1.000000] five\n{{\"MESSAGE\":\"six {KILL}"
    );
    let texts: Vec<String> = seen(log.as_bytes()).into_iter().map(|one| one.0).collect();
    let six = format!("six {KILL}");
    assert_eq!(texts, ["one", "two", "three", "four", "five", &six]);
}

/// All sentences of four words; each cut anywhere is among them.
#[test]
fn no_bytes_make_it_panic() {
    const PARTS: [&[u8]; 20] = [
        b"{",
        b"}",
        b"\"",
        b"\"MESSAGE\"",
        b":",
        b",",
        b"[1,2",
        b"]",
        b"\\",
        b"\\u",
        b"d83d",
        b"\n",
        b"MESSAGE=",
        b"MESSAGE",
        b"\0\0\0\0",
        b"\xff\xff\xff\xff",
        b" ",
        b"_A=",
        b"\x1b[",
        b"9",
    ];
    for a in PARTS {
        for b in PARTS {
            for c in PARTS {
                for d in PARTS {
                    seen(&[a, b, c, d].concat());
                }
            }
        }
    }
}

#[test]
fn an_entry_has_its_host_and_boot() {
    let json = format!(r#"{{"_HOSTNAME":"h","_BOOT_ID":"b0","_TRANSPORT":"kernel","MESSAGE":"{KILL}"}}"#);
    let export = format!("_HOSTNAME=h\n_BOOT_ID=b0\n_TRANSPORT=kernel\nMESSAGE={KILL}\n\n");
    for log in [json, export] {
        let mut found = 0;
        let mut take = |record: Record<'_>, _| {
            assert_eq!(record.host, Some(&b"h"[..]));
            assert_eq!(record.boot_id, Some(&b"b0"[..]));
            found += 1;
            Part::Other
        };
        let mut forms = Forms::new();
        for line in log.lines() {
            forms.line(line.as_bytes(), 1, &mut take);
        }
        forms.end(&mut take);
        assert_eq!(found, 1);
    }
}

#[test]
fn a_message_of_several_lines_goes_on_behind_twelve_blanks() {
    let log = "Sat 2026-11-21 10:02:59.163609 UTC [s=a;i=1;b=b0;m=2;t=3;x=4]
    _TRANSPORT=kernel
    MESSAGE=active_anon:1
             active_file:2
    _HOSTNAME=h
-- Boot b1 --
";
    let mut found = Vec::new();
    let mut take = |record: Record<'_>, at: Position| {
        found.push((String::from_utf8_lossy(record.text).to_string(), at));
        if record.origin == Origin::Kernel {
            assert_eq!(record.boot_id, Some(&b"b0"[..]));
            assert_eq!(record.host, Some(&b"h"[..]));
            assert_eq!(record.when.wall_us, Some(1_795_255_379_163_609));
        }
        Part::Other
    };
    let mut forms = Forms::new();
    for (at, line) in (1..).zip(log.lines()) {
        forms.line(line.as_bytes(), at, &mut take);
    }
    forms.end(&mut take);
    assert_eq!(found.len(), 3);
    assert_eq!(found[0], ("active_anon:1".to_string(), 3));
    assert_eq!(found[1], (" active_file:2".to_string(), 3));
}
