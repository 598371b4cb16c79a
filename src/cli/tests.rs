//! Command lines that read like a transcript.

use super::*;
use std::time::Duration;

use memdoor::modes::watch;
use memdoor::trigger::Threshold;

fn options(line: &str) -> watch::Options<'static> {
    match parse(line.split(' ').map(OsString::from)) {
        Ok(Command::Watch(args)) => Box::leak(args).borrow(),
        Ok(_) => panic!("{line}: not a watch"),
        Err(error) => panic!("{line}: {}", error.0),
    }
}

fn error(line: &str) -> String {
    match parse(line.split(' ').map(OsString::from)) {
        Ok(_) => panic!("{line}: accepted"),
        Err(error) => error.0,
    }
}

#[test]
fn the_documents_command_line_is_understood() {
    let short = options("memdoor -p 8893 -e /home/ericlee/oom -m 50 -i 1 -c 3 -l");
    let long = options(
        "memdoor watch --pid 8893 --exename /home/ericlee/oom --memory-pressure-threshold 50 --interval 1 --count 3 --lock-memory",
    );
    for options in [short, long] {
        assert_eq!(options.pid.expect("a pid").get(), 8893);
        assert_eq!(options.exe, Some(&b"/home/ericlee/oom"[..]));
        assert_eq!(options.threshold.map(Threshold::percent), Some(50));
        assert_eq!(options.interval, Duration::from_secs(1));
        assert_eq!(options.count, Some(3));
        assert_eq!(options.lock, watch::Lock::Require);
    }
}

#[test]
fn an_interval_may_be_a_fraction() {
    for (typed, millis) in [("0.2", 200), (".5", 500), ("1.500", 1500), ("0.01", 10), ("31536000", 31_536_000_000)] {
        assert_eq!(options(&format!("memdoor -p 1 -i {typed}")).interval, Duration::from_millis(millis));
    }
}

#[test]
fn wrong_values_are_quoted_with_what_is_allowed() {
    let rows = [
        ("-p 0", "-p: '0' is not allowed: a process ID, 1 or more"),
        ("-p -1", "-p: '-1' is not allowed: a process ID, 1 or more"),
        ("-p 4294967297", "-p: '4294967297' is not allowed: a process ID, 1 or more"),
        ("-p 1abc", "-p: '1abc' is not allowed: a process ID, 1 or more"),
        ("-p 1 -m 0", "-m: '0' is not allowed: a whole number from 1 to 99, in percent"),
        ("-p 1 -m 100", "-m: '100' is not allowed: a whole number from 1 to 99, in percent"),
        ("-p 1 -m 50.9x", "-m: '50.9x' is not allowed: a whole number from 1 to 99, in percent"),
        ("-p 1 -m abc", "-m: 'abc' is not allowed: a whole number from 1 to 99, in percent"),
        ("-p 1 -i 0", "-i: '0' is not allowed: seconds from 0.01 to 31536000, fractions allowed"),
        ("-p 1 -i 1zz", "-i: '1zz' is not allowed: seconds from 0.01 to 31536000, fractions allowed"),
        ("-p 1 -i 1.2.3", "-i: '1.2.3' is not allowed: seconds from 0.01 to 31536000, fractions allowed"),
        ("-p 1 -c 0", "-c: '0' is not allowed: a whole number, 1 or more"),
        ("-p 1 -e oom", "-e: 'oom' is not allowed: the full path of the target's executable, from /"),
        ("-p 1 --of swap", "--of: 'swap' is not allowed: memtotal, cgroup or auto"),
        ("-p 1 --format=xml", "--format: 'xml' is not allowed: text or json"),
        ("-p", "-p needs a value: a process ID, 1 or more"),
        ("-m 50", "-p PID is missing: the process to watch"),
        ("snapshot", "-p PID is missing: the process to take a snapshot of"),
        ("snapshot -p 1,x", "-p: 'x' is not allowed: a process ID, 1 or more"),
        ("-p 1 -x", "unknown option '-x': see memdoor --help"),
        ("-p 1 --frob", "unknown option '--frob': see memdoor --help"),
        ("-p 1 extra", "unexpected operand 'extra': memdoor takes options only"),
        ("-p 1 --quiet=yes", "unexpected argument for option '--quiet': \"yes\": see memdoor --help"),
        (
            "frob",
            "unknown mode 'frob': the modes are watch, snapshot, check, scores, monitor, protect, kill, dmesg and recover",
        ),
    ];
    for (line, expected) in rows {
        assert_eq!(error(&format!("memdoor {line}")), expected, "{line}");
    }
}

#[test]
fn what_is_typed_can_not_write_to_the_terminal() {
    assert!(error("memdoor -p \x1b[2J").contains(r"'\x1b[2J'"));
}

#[test]
fn every_sentence_of_four_words_is_understood_or_refused() {
    let words = [
        "-p", "1", "-m", "50", "-i", "-", "--", "-c=1", "-lq", "--pid=7", "--of", "snapshot", "watch", "", "\u{1b}",
        "-h", "dmesg", "--days",
    ];
    for a in words {
        for b in words {
            for c in words {
                for d in words {
                    drop(parse(["memdoor", a, b, c, d].map(OsString::from)));
                }
            }
        }
    }
}

#[test]
fn help_fits_80_columns() {
    for text in [
        usage::bare(),
        usage::watch(),
        usage::snapshot(),
        usage::dmesg(),
        usage::kill(),
        usage::check(),
        usage::scores(),
        usage::protect(),
    ] {
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}

#[test]
fn json_has_no_command_line_unless_it_is_asked_for() {
    assert_eq!(options("memdoor -p 1").cmdline, Cmdline::Show);
    assert_eq!(options("memdoor -p 1 --no-cmdline").cmdline, Cmdline::Hide);
    assert_eq!(options("memdoor -p 1 --format json").cmdline, Cmdline::Hide);
    assert_eq!(options("memdoor -p 1 --format json --cmdline").cmdline, Cmdline::Show);
}
