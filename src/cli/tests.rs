//! Command lines that read like a transcript.

use super::*;
use std::time::Duration;

use memdoor::trigger::Threshold;
use memdoor::watch as watched;

fn options(line: &str) -> watched::Options<'static> {
    match parse(line.split(' ').map(OsString::from)) {
        Ok(Command::Watch(options)) => *options,
        Ok(_) => panic!("{line}: not a watch"),
        Err(error) => panic!("{line}: {}", error.words),
    }
}

fn error(line: &str) -> String {
    match parse(line.split(' ').map(OsString::from)) {
        Ok(_) => panic!("{line}: accepted"),
        Err(error) => error.words,
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
        assert_eq!(options.lock, watched::Lock::Require);
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
        ("-p 1 -c 0", "-c: '0' is not allowed: a whole number from 1 to 18446744073709551615"),
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
        ("scores --next -n 3", "--next and -n '3': --next shows the victims and the next two, and no list"),
        ("scores --top 3 --next", "--next and --top '3': --next shows the victims and the next two, and no list"),
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
    assert!(error("memdoor -p \x1b[2J").contains(r"'\033[2J'"));
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

/// What the tests ask of a mode's table.
struct Page {
    mode: &'static str,
    help: String,
    /// Each name as it is typed.
    names: Vec<&'static str>,
    /// Those of the configuration.
    keys: Vec<&'static str>,
}

fn page<T>(mode: &options::Mode<T>) -> Page {
    let own = mode.options.iter().flat_map(|row| row.typed());
    let more: &[&str] = if mode.has_config() { &["--config", "--print-config"] } else { &[] };
    Page {
        mode: if mode.name.is_empty() { "watch" } else { mode.name },
        help: help::of(mode),
        names: own.chain(more.iter().copied()).collect(),
        keys: if mode.has_config() { mode.options.iter().map(options::Row::key).collect() } else { Vec::new() },
    }
}

fn pages() -> [Page; 9] {
    [
        page(&watch::MODE),
        page(&snapshot::MODE),
        page(&check::MODE),
        page(&scores::MODE),
        page(&monitor::MODE),
        page(&protect::MODE),
        page(&kill::MODE),
        page(&dmesg::MODE),
        page(&recover::MODE),
    ]
}

/// Why a command line is refused; `check` says it as monitoring plugins do.
fn refusal(words: &[&str]) -> Option<String> {
    match parse(words.iter().map(OsString::from)) {
        Err(error) => Some(error.words),
        Ok(Command::Print { text, exit }) => (exit != Exit::Done).then_some(text),
        Ok(_) => None,
    }
}

#[test]
fn an_empty_value_is_a_usage_error_for_every_option_of_every_mode() {
    let mut tried = 0;
    for Page { mode, names, .. } in pages() {
        for option in names {
            let attached = format!("{option}=");
            for typed in [&["memdoor", mode, option, ""][..], &["memdoor", mode, &attached]] {
                let said = refusal(typed).unwrap_or_else(|| panic!("{typed:?} is accepted"));
                // lexopt's word for a flag with a value has double quotes.
                assert!(said.contains("''") || said.contains("\"\""), "{typed:?}: {said}");
                tried += 1;
            }
        }
        let said = refusal(&["memdoor", mode, ""]).unwrap_or_else(|| panic!("{mode} '' is accepted"));
        assert!(said.contains("''"), "{mode}: {said}");
    }
    assert!(tried >= 160, "the usage texts are not understood: {tried}");
    // Without the mode's name, too, as the document has it.
    assert_eq!(
        error("memdoor -p "),
        "-p: '' is empty, as a variable that is not set would be: a process ID, 1 or more"
    );
}

#[test]
fn an_empty_value_is_told_the_range_that_holds_in_its_mode() {
    // `check` says it as a monitoring plugin.
    let plain = |said: &str| said.trim_start_matches("MEMORY UNKNOWN - ").to_owned();
    for (mode, option, range) in [
        ("check", "-c", "a whole number from 0 to 100"),
        ("check", "--critical", "a whole number from 0 to 100"),
        ("check", "--threshold", "a whole number from 0 to 100"),
        ("check", "-w", "a whole number from 0 to 100"),
        ("check", "-n", "a whole number from 1 to 18446744073709551615"),
        ("monitor", "-i", "seconds from 0.1 to "),
        ("monitor", "--interval", "seconds from 0.1 to "),
        ("monitor", "-n", "a whole number from 1 to 100"),
        ("monitor", "--top", "a whole number from 1 to 100"),
        ("monitor", "--format", "csv, json or text"),
        ("watch", "-c", "a whole number from 1 to 18446744073709551615"),
        ("kill", "--threshold", "a whole number from 0 to 100"),
    ] {
        let said = refusal(&["memdoor", mode, option, ""]).unwrap_or_else(|| panic!("{mode} {option} ''"));
        let expected = format!("{option}: '' is empty, as a variable that is not set would be: {range}");
        assert!(plain(&said).starts_with(&expected), "{mode}: {said}");
        let said = refusal(&["memdoor", mode, option]).unwrap_or_else(|| panic!("{mode} {option}"));
        assert!(plain(&said).starts_with(&format!("{option} needs a value: {range}")), "{mode}: {said}");
    }
    let said = refusal(&["memdoor", "kill", "--ignore", "^$"]).unwrap_or_default();
    assert_eq!(said, "--ignore: '^$' is not allowed: it fits only the empty text, which no process is called");
    // What is a name for --only is none for those that spare, and must not pass for a pattern that spares nobody.
    for option in ["--ignore", "--avoid", "--prefer"] {
        let refused = |args: &[&str]| refusal(&[&["memdoor", "kill"], args].concat()).expect("refused");
        for word in ["browsers", "any"] {
            assert!(refused(&[option, word]).contains(&format!("{word} is a word of --only, and means nothing here")));
        }
        let of_family = refused(&["--family", "jvm=^java$", option, "jvm"]);
        assert!(of_family.contains(": jvm is the name of a --family, which only --only takes"), "{of_family}");
    }
}

#[test]
fn an_empty_value_is_a_usage_error_for_every_name_of_the_configuration() {
    for Page { mode, keys, .. } in pages().into_iter().filter(|page| !page.keys.is_empty()) {
        let path = std::env::temp_dir().join(format!("memdoor-empty-{mode}-{}", std::process::id()));
        let file = path.to_str().expect("UTF-8");
        for name in &keys {
            for nothing in ["", "   # a comment", " \"\"", " ''"] {
                std::fs::write(&path, format!("[{mode}]\n{name} ={nothing}\n")).expect("a configuration");
                let said = refusal(&["memdoor", mode, "--config", file]).unwrap_or_else(|| panic!("{name} ={nothing}"));
                assert!(said.starts_with(&format!("{file}:2: {name}: '' is empty")), "{said}");
            }
        }
        std::fs::remove_file(&path).expect("removed");
    }
}

#[test]
fn a_pattern_that_fits_every_process_is_a_usage_error_wherever_one_is_taken() {
    let name = "it fits whatever name a process may have";
    let empty = "it fits the empty text";
    for (pattern, why) in [
        (".*", empty),
        ("a*", empty),
        ("x|", empty),
        ("^", empty),
        ("exe:.*", empty),
        (".", name),
        ("..", name),
        (r"\S", name),
        ("comm:.+", name),
        ("exe:/", "it fits whatever executable a process may have"),
        ("cmdline:.", "it fits whatever arguments a process may have"),
    ] {
        for (mode, option) in [
            ("kill", "--only"),
            ("kill", "--prefer"),
            ("kill", "--avoid"),
            ("kill", "--ignore"),
            ("protect", "--match"),
        ] {
            let said = refusal(&["memdoor", mode, option, pattern]).unwrap_or_else(|| panic!("{option} {pattern}"));
            let expected = format!("{option}: '{pattern}' is not allowed: {why}, and so every process");
            assert!(said.starts_with(&expected), "{said}");
            assert_eq!(said.contains("\nhint: --only any means"), option == "--only", "{said}");
        }
        for mode in ["kill", "check"] {
            let said = refusal(&["memdoor", mode, "--family", &format!("x={pattern}")]);
            assert!(said.is_some_and(|said| said.contains(why)), "{mode} --family x={pattern}");
        }
    }
    assert!(refusal(&["memdoor", "dmesg", "--victim", "*"]).is_some());
    assert!(refusal(&["memdoor", "check", "--family", "=x"]).is_some());
    // A word of --only is refused as such, whatever stands behind it.
    for family in ["any=", "any=^x$", "browsers=^x$"] {
        let said = refusal(&["memdoor", "kill", "--family", family]).unwrap_or_else(|| panic!("{family}"));
        assert!(said.contains(" is a word of --only, and no NAME: take another one"), "{said}");
    }
}

#[test]
fn a_list_with_an_empty_item_is_a_usage_error() {
    for list in ["1,,2", ",1", "1,", ","] {
        let said = refusal(&["memdoor", "snapshot", "-p", list]);
        assert_eq!(said, Some(format!("-p: '{list}' is not allowed: a process ID, 1 or more")));
    }
}

#[test]
fn help_fits_80_columns() {
    for text in pages().into_iter().map(|page| page.help).chain([bare()]) {
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

/// What the rules and the operands of a mode call options, and no option of it is called.
fn misspelt<T>(mode: &options::Mode<T>) -> Vec<&'static str> {
    use options::{Operands, Rule};
    let of_rules = mode.rules.iter().flat_map(|rule| match rule {
        Rule::Needs(first, second, _) | Rule::Idle(first, second, _) | Rule::Not(first, second, _) => [*first, *second],
    });
    let operands: &[&str] = match &mode.operands {
        Operands::Of(keys) => keys,
        Operands::None | Operands::Each(_) => &[],
    };
    let keys = of_rules.chain(operands.iter().copied()).map(|key| key.split('=').next().unwrap_or(key));
    keys.filter(|key| !mode.options.iter().any(|row| row.key() == *key)).collect()
}

#[test]
fn a_rule_about_options_names_options_that_there_are() {
    let nobody: [&str; 0] = [];
    assert_eq!(misspelt(&watch::MODE), nobody);
    assert_eq!(misspelt(&snapshot::MODE), nobody);
    assert_eq!(misspelt(&check::MODE), nobody);
    assert_eq!(misspelt(&scores::MODE), nobody);
    assert_eq!(misspelt(&monitor::MODE), nobody);
    assert_eq!(misspelt(&protect::MODE), nobody);
    assert_eq!(misspelt(&kill::MODE), nobody);
    assert_eq!(misspelt(&dmesg::MODE), nobody);
    assert_eq!(misspelt(&recover::MODE), nobody);
}
