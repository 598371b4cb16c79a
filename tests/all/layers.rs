//! The architecture as tests: which layer may use which, where `unsafe`, std and the heap may be, how long things may get.
//!
//! A small lexer reads the sources, because a rule that a comment or a string can trip is soon switched off. Every rule is a
//! function from one source to its faults, and has a control: a made-up bad source that it must find fault with.

use crate::common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use common::run::run;
use common::source::{Source, TokenKind};

/// Which layers each layer may use; itself always. What is not here may not be used: siblings never know each other.
const LAYERS: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("fixed", &[]),
    ("largest", &["units"]),
    ("listed", &[]),
    ("exit", &[]),
    // A reason names a process's file by its number.
    ("escape", &[]),
    ("shell", &["escape"]),
    ("error", &["fixed", "units", "escape"]),
    ("sys", &["units", "fixed"]),
    ("parse", &["units", "fixed"]),
    ("trigger", &["units"]),
    ("history", &["listed", "units", "largest"]),
    ("badness", &[]),
    ("families", &[]),
    ("essential", &[]),
    ("pattern", &["fixed"]),
    ("report", &["units", "fixed", "error", "parse", "sys", "escape"]),
    ("host", &["units", "fixed", "error", "parse", "sys"]),
    ("target", &["units", "fixed", "exit", "error", "parse", "sys", "escape"]),
    ("cgroup", &["units", "fixed", "error", "parse", "sys", "target"]),
    ("tmpfs", &["units", "fixed", "error", "largest", "parse", "sys"]),
    ("processes", &["units", "fixed", "error", "parse", "sys", "history", "tmpfs"]),
    ("victim", &["units", "fixed", "processes", "badness"]),
    (
        "snapshot",
        &["listed", "units", "fixed", "error", "parse", "sys", "history", "report", "host", "target", "cgroup"],
    ),
    // What modes have in common.
    ("oom_kills", &["units", "fixed", "parse", "sys"]),
    ("cost", &["sys"]),
    ("sample", &["units", "report", "processes"]),
    ("refusal", &["error", "exit", "sys", "target"]),
    ("environment", &["units", "error", "exit", "parse", "sys", "report", "host", "refusal"]),
    ("files", &["fixed", "exit", "error", "shell", "sys", "report"]),
    ("identity", &["units", "fixed", "parse", "sys", "essential", "families", "pattern", "target", "processes"]),
    ("own", &["units", "fixed", "parse", "sys", "target", "processes"]),
    // A module that could be anybody's.
    ("journal", &[]),
    ("oomlog", &["units", "fixed", "error", "parse", "sys", "badness", "report", "shell", "journal"]),
    (
        "mode",
        &[
            "units",
            "error",
            "exit",
            "sys",
            "history",
            "report",
            "host",
            "target",
            "cgroup",
            "snapshot",
            "refusal",
            "environment",
        ],
    ),
];

/// Each of these may use all of those above that it needs, and none of its siblings.
const MODES: &[&str] = &["watch", "kill", "monitor", "check", "scores", "protect", "once", "recover"];

/// Beside the layers of src/core, what is there for modes that may allocate, and who may use it.
const OFFLINE: &[(&str, &[&str])] = &[("oomlog", &["dmesg"])];

/// All that report may take of sys: where bytes go, and what a moment is made of. Nothing here reads anything but a zone file.
const REPORT_OF_SYS: &[&str] = &[
    "sys::clock::Civil",
    "sys::clock::Now",
    "sys::clock::Zone",
    "sys::clock::civil",
    "sys::out::Out",
    "sys::out::Sink",
];

/// Facts that report prints, and no parsing.
const REPORT_OF_PARSE: &[&str] = &["parse::maps::Mapping", "parse::net::Socket", "parse::net::State"];

/// What src/core may take of std, in a file that says `extern crate std`: descriptors, the allocator that is counted, and the end.
const OF_STD: &[&str] =
    &["std::os::fd", "std::alloc::System", "std::alloc::alloc", "std::alloc::dealloc", "std::process::abort"];

const FUNCTION_MAX: usize = 60;

/// Where JSON may be written, or what writes it be called, outside of report; and why. The list is to shrink.
const JSON: &[(&str, &str)] = &[
    ("core/sys/record/frame.rs", "frames of a record are lines of a fixed length, which sys writes where no report is"),
    ("oomlog/report/json.rs", "a line has the log's envelope, and not memdoor's"),
    ("core/monitor/prometheus.rs", "labels are quoted as strings of JSON are"),
];

// The rules

/// Uses of layers that are not below, of more of a layer than is pinned, and ways around this rule.
fn upward_uses(source: &Source) -> Vec<String> {
    let Some(layer) = source.layer() else {
        return Vec::new();
    };
    let below = LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, below)| *below);
    let is_above = MODES.contains(&layer) || layer == "dmesg" || OFFLINE.iter().any(|(name, _)| *name == layer);
    if below.is_none() && !is_above {
        return vec![format!("{}: `{layer}` has no place among the layers", source.name)];
    }
    let mut faults = Vec::new();
    for path in source.own_paths() {
        let used = path.text.split("::").next().unwrap_or_default();
        let allowed = match (layer, used) {
            (_, used) if used == layer => true,
            ("report", "sys") => REPORT_OF_SYS.contains(&path.text.as_str()),
            ("report", "parse") => REPORT_OF_PARSE.contains(&path.text.as_str()),
            (_, used) => match below {
                Some(below) => below.contains(&used),
                None => {
                    let users = OFFLINE.iter().find(|(name, _)| *name == used).map(|(_, users)| users);
                    users.map_or_else(|| LAYERS.iter().any(|(name, _)| *name == used), |users| users.contains(&layer))
                }
            },
        };
        if !allowed {
            faults.push(format!("{}:{}: {layer} may not use {}", source.name, path.line, path.text));
        }
    }
    faults
}

/// `unsafe` outside of src/sys, and inside it without a word on why it is sound.
fn unsound(source: &Source) -> Vec<String> {
    let is_sys = source.name.starts_with("core/sys/");
    let mut faults = Vec::new();
    for (at, token) in source.tokens.iter().enumerate() {
        if !token.is_word("unsafe") {
            continue;
        }
        // `unsafe fn` asks its caller for care; what its body does stands in blocks of its own (unsafe_op_in_unsafe_fn).
        let is_signature = source.tokens.get(at + 1).is_some_and(|next| next.is_word("fn"));
        if !is_sys {
            faults.push(format!("{}:{}: unsafe outside of sys", source.name, token.line));
        } else if !is_signature && !source.has_safety_comment(token.line) {
            faults.push(format!("{}:{}: unsafe without // SAFETY:", source.name, token.line));
        }
    }
    faults
}

/// `extern crate` of anything but std in src/core, and parts of std that may be on the heap. `Vec`, `String` and `format!` need no rule:
/// without std they do not compile.
fn std_uses(source: &Source) -> Vec<String> {
    if !source.is_core() {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for window in source.tokens.windows(3) {
        if let [first, second, third] = window
            && first.is_word("extern")
            && second.is_word("crate")
            && !third.is_word("std")
        {
            faults.push(format!("{}:{}: extern crate {}", source.name, third.line, third.text));
        }
    }
    for path in source.paths("std").iter().chain(&source.paths("alloc")) {
        let is_allowed = OF_STD
            .iter()
            .any(|prefix| path.text.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")));
        if !is_allowed {
            faults.push(format!("{}:{}: {}", source.name, path.line, path.text));
        }
    }
    faults
}

/// A second form of what is hostile, beside that of src/escape.rs. What a test or a debugger sees is nobody's report.
fn other_escapes(source: &Source) -> Vec<String> {
    let is_other = |word: &str| matches!(word, "escape_ascii" | "escape_default" | "escape_debug");
    let words = source.tokens.iter().filter(|token| is_other(&token.text) && source.name != "core/fixed.rs");
    words.map(|token| format!("{}:{}: {}", source.name, token.line, token.text)).collect()
}

/// JSON that is put together outside of report: pieces of it in strings, and calls of what writes a value.
fn other_json(source: &Source) -> Vec<String> {
    if source.name.starts_with("core/report/") || JSON.iter().any(|(file, _)| *file == source.name) {
        return Vec::new();
    }
    json_pieces(source)
}

fn json_pieces(source: &Source) -> Vec<String> {
    let text = |at: usize| source.tokens.get(at).map_or("", |token| &*token.text);
    let is_piece = |token: &common::source::Token| {
        let string = token.string().unwrap_or_default();
        // A quoted word before a colon of a sentence has a blank behind it.
        let has_member = string.match_indices("\":").any(|(at, _)| !string[at + 2..].starts_with(' '));
        has_member || string.contains("{\"") || string.contains("\",\"")
    };
    let is_call =
        |at: usize| text(at) == "put_object" || [text(at), text(at + 1), text(at + 2)] == ["escape", "::", "json"];
    let all = source.tokens.iter().enumerate();
    let found = all.filter(|(at, token)| is_piece(token) || (is_call(*at) && text(at + 1) != ";"));
    found.map(|(_, token)| format!("{}:{}: {}", source.name, token.line, token.text)).collect()
}

/// System calls made around sys: `libc` not at all, of `nix` the errno, and the own pid in modes.
fn system_calls(source: &Source) -> Vec<String> {
    let (Some(layer), false) = (source.layer(), source.name.starts_with("core/sys/")) else {
        return Vec::new();
    };
    let of_nix = source.paths("nix").into_iter().filter(|path| {
        let is_errno = layer == "error" && path.text == "nix::errno::Errno";
        let is_own_pid = layer == "mode" && path.text == "nix::unistd::getpid";
        !is_errno && !is_own_pid
    });
    of_nix.chain(source.paths("libc")).map(|path| format!("{}:{}: {}", source.name, path.line, path.text)).collect()
}

fn too_long_functions(source: &Source) -> Vec<String> {
    source
        .functions()
        .into_iter()
        .filter(|function| function.lines > FUNCTION_MAX)
        .map(|function| format!("{}:{}: fn {} has {} lines", source.name, function.line, function.name, function.lines))
        .collect()
}

/// src/core must say `#![no_std]`, and without a condition.
fn not_no_std(source: &Source) -> Vec<String> {
    let code: String = source.tokens.iter().map(|token| &*token.text).collect();
    if source.name != "core/lib.rs" || code.contains("#![no_std]") {
        return Vec::new();
    }
    vec!["core/lib.rs: no #![no_std]".into()]
}

/// Exit codes of exit.rs, as `N` of `Name = N,`.
fn exit_codes(source: &Source) -> BTreeSet<u8> {
    let is_variant = |window: &&[common::source::Token]| {
        window[0].kind == TokenKind::Word && window[1].text == "=" && window[3].text == ","
    };
    source.tokens.windows(4).filter(is_variant).filter_map(|window| window[2].text.parse().ok()).collect()
}

/// Exit codes that a help text lists: lines of two blanks, the code, two blanks.
fn listed_codes(help: &str) -> BTreeSet<u8> {
    help.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("  ")?.0.parse().ok()).collect()
}

/// Exit codes that README names: the code in backquotes or alone in the first cell of a table, or as in the help text.
fn codes_of_readme(readme: &str) -> BTreeSet<u8> {
    let cell = |line: &str| {
        let cell = line.trim_start().strip_prefix('|')?.split('|').next()?;
        cell.trim().trim_matches('`').parse().ok()
    };
    let item = |line: &str| line.trim_start().strip_prefix("- `")?.split('`').next()?.parse().ok();
    readme.lines().filter_map(|line| cell(line).or_else(|| item(line))).chain(listed_codes(readme)).collect()
}

// The repository

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn memdoor(arguments: &[&str]) -> String {
    run(arguments).out
}

fn files_below(dir: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a directory of the repository") {
        let path = entry.expect("an entry").path();
        let kind = fs::symlink_metadata(&path).expect("its kind").file_type();
        if kind.is_dir() && wanted(&path) {
            found.extend(files_below(&path, wanted));
        } else if kind.is_file() && wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let all: Vec<Source> = files_below(&src, &|_| true)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        // A file of tests, declared as `#[cfg(test)] mod tests;`.
        .filter(|path| path.file_name().is_some_and(|name| name != "tests.rs"))
        .map(|path| {
            let name = path.strip_prefix(&src).expect("below src").display();
            Source::new(&name.to_string(), &fs::read_to_string(&path).expect("UTF-8"))
        })
        .collect();
    assert!(all.len() > 40, "the walk found src");
    all
}

/// Applies a rule to all of src.
fn check(rule: fn(&Source) -> Vec<String>) {
    let faults: Vec<String> = sources().iter().flat_map(rule).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// A control: the rule finds exactly so many faults in a made-up source.
fn finds(rule: fn(&Source) -> Vec<String>, name: &str, text: &str, count: usize) {
    let faults = rule(&Source::new(name, text));
    assert_eq!(faults.len(), count, "{name}: {text}\n{faults:#?}");
}

#[test]
fn every_layer_uses_only_those_below_it() {
    check(upward_uses);
}

#[test]
fn a_use_of_a_layer_above_or_beside_is_found_however_it_is_written() {
    for (name, text) in [
        ("core/sys/file.rs", "use crate::parse::dec;"),
        ("core/parse/stat.rs", "use crate::sys::Errno;"),
        ("core/parse/stat.rs", "use crate::{units::Pid, sys::Errno};"),
        ("core/parse/net/mod.rs", "use super::super::sys::Errno;"),
        ("core/parse/mod.rs", "use super::sys;"),
        ("core/trigger.rs", "fn now() { crate::sys::clock::monotonic(); }"),
        ("core/report/text.rs", "use crate::sys::file::Dir;"),
        ("core/report/text.rs", "use crate::sys::clock::{Now, monotonic};"),
        ("core/report/json.rs", "use crate::sys;"),
        ("core/report/json.rs", "use crate::parse::maps::line;"),
        ("core/report/mod.rs", "use crate::snapshot::Scene;"),
        ("core/host.rs", "use crate::target::Target;"),
        ("core/target/mod.rs", "use crate::host::Host;"),
        ("core/snapshot/tree.rs", "use crate::watch;"),
        ("core/snapshot/tree.rs", "use crate::trigger::Trigger;"),
        ("core/error.rs", "use crate::host::Host;"),
        ("oomlog/source.rs", "use crate::host::Host;"),
        ("core/snapshot/tree.rs", "use crate::oomlog::record::Record;"),
        ("core/units.rs", "use crate as all;"),
        ("core/units.rs", "use crate::*;"),
        ("core/units.rs", "use crate::{self as all};"),
        ("core/new.rs", "use crate::units::Pid;"),
    ] {
        finds(upward_uses, name, text, 1);
    }
}

#[test]
fn comments_strings_tests_and_the_own_layer_are_no_uses() {
    for (name, text) in [
        ("core/parse/stat.rs", "//! [`crate::sys::file`]\n/* crate::sys /* nested */ crate::sys */"),
        ("core/parse/stat.rs", "const A: &str = \"crate::sys\"; const B: &[u8] = br#\"crate::sys \"#;"),
        ("core/parse/stat.rs", "#[cfg(test)]\nmod tests {\n use crate::sys::Errno;\n}\n"),
        ("core/parse/stat.rs", "use super::dec; use crate::parse::{hex, net::Socket};"),
        ("core/parse/net/mod.rs", "use super::super::units::Pid; pub(crate) fn f() {}"),
        ("core/report/text.rs", "use crate::sys::clock::{Civil, Now}; use crate::sys::out::{Out, Sink};"),
        ("main.rs", "use memdoor::sys::heap::Counting; mod cli;"),
    ] {
        finds(upward_uses, name, text, 0);
    }
}

#[test]
fn unsafe_is_in_sys_alone_and_says_why_it_is_sound() {
    check(unsound);
}

#[test]
fn unsafe_elsewhere_or_without_a_reason_is_found() {
    let bare = "fn f() {\n    let x = unsafe { g() };\n}";
    finds(unsound, "core/parse/stat.rs", bare, 1);
    finds(unsound, "main.rs", bare, 1);
    finds(unsound, "core/sys/file.rs", bare, 1);
    let far = "fn f() {\n    // SAFETY: of the line below it only.\n    h();\n    let x = unsafe { g() };\n}";
    finds(unsound, "core/sys/file.rs", far, 1);
    let other = "fn f() {\n    // It is fine.\n    let x = unsafe { g() };\n}";
    finds(unsound, "core/sys/file.rs", other, 1);
    finds(unsound, "core/sys/file.rs", "#[unsafe(no_mangle)]\nfn f() {}", 1);
}

#[test]
fn a_reason_above_the_statement_or_its_attributes_counts() {
    for text in [
        "fn f() {\n    // SAFETY: two integers.\n    let x = unsafe { g() };\n}",
        "fn f() {\n    // SAFETY: two integers,\n    // and no memory.\n    let x =\n        h(unsafe { g() });\n}",
        "// SAFETY: nobody else has the name.\n#[unsafe(no_mangle)]\nfn f() {}",
        "// SAFETY: of the trait.\nunsafe impl A for B {\n    unsafe fn f() {}\n}",
        "// unsafe is a word of this comment\nconst A: &str = \"unsafe\";",
    ] {
        finds(unsound, "core/sys/file.rs", text, 0);
    }
}

#[test]
fn hostile_bytes_have_one_form_and_no_other_in_every_sentence() {
    check(other_escapes);
    finds(other_escapes, "cli/values.rs", "fn f() { g(text.escape_ascii()); }", 1);
    finds(other_escapes, "cli/values.rs", "#[cfg(test)]\nmod tests {\n fn f() { g(text.escape_ascii()); }\n}", 0);
}

#[test]
fn src_core_has_no_std_and_nothing_of_the_heap() {
    check(not_no_std);
    check(std_uses);
}

#[test]
fn the_heap_of_std_and_alloc_in_src_core_are_found() {
    finds(not_no_std, "core/lib.rs", "//! #![no_std]\npub mod units;", 1);
    finds(not_no_std, "core/lib.rs", "#![cfg_attr(not(test), no_std)]", 1);
    finds(std_uses, "core/parse/stat.rs", "extern crate alloc;", 1);
    finds(std_uses, "core/sys/file.rs", "extern crate std; use std::fs::File;", 1);
    finds(std_uses, "core/snapshot/tree.rs", "extern crate std; fn f() { std::eprintln !(\"\"); }", 1);
    finds(std_uses, "core/sys/file.rs", "extern crate std; use std::os::fd::{AsFd, OwnedFd};", 0);
    finds(std_uses, "main.rs", "use std::process::ExitCode;", 0);
    finds(std_uses, "oomlog/source.rs", "fn f() -> Vec<u8> { std::iter::once(1).collect() }", 0);
}

#[test]
fn json_is_written_in_report_and_nowhere_else() {
    check(other_json);
    let all = sources();
    for (file, reason) in JSON {
        let writes = all.iter().any(|source| source.name == *file && !json_pieces(source).is_empty());
        assert!(writes, "{file} writes no JSON any more ({reason}): unlist it");
    }
}

#[test]
fn json_in_a_string_or_by_a_call_is_found_outside_of_report() {
    for text in [
        r#"const A: &str = "{\"schema\":1";"#,
        r##"const A: &[u8] = br#"{"a"#;"##,
        r#"fn f() { write!(f, "\"{key}\":{}", 1); }"#,
        r#"fn f() { out.put(b"\",\""); }"#,
        "fn f() { put_object(out, facts); }",
        "fn f() { crate::report::escape::json(out, text); }",
    ] {
        finds(other_json, "check/text.rs", text, 1);
        finds(other_json, "core/report/json/rows.rs", text, 0);
    }
    for text in [
        r#"fn f() { write!(f, "value '{a}': \"{b}\": see --help"); }"#,
        r#"// "{\"a\":1}"
const A: &str = "a: b, {c}, \"d\"";"#,
        "#[cfg(test)]\nmod tests {\n const A: &str = \"{\\\"a\\\":1}\";\n}",
        "use crate::report::json::put_object;",
    ] {
        finds(other_json, "check/text.rs", text, 0);
    }
}

#[test]
fn only_sys_makes_system_calls() {
    check(system_calls);
}

#[test]
fn a_system_call_outside_of_sys_is_found() {
    finds(system_calls, "core/snapshot/tree.rs", "fn f() { libc::getpid(); }", 1);
    finds(system_calls, "core/target/mod.rs", "use nix::{unistd::read, fcntl::open};", 2);
    finds(system_calls, "core/snapshot/tree.rs", "fn f() { nix::unistd::getpid(); }", 1);
    finds(system_calls, "core/mode.rs", "fn f() { nix::unistd::getpid(); }", 0);
}

#[test]
fn no_function_is_longer_than_60_lines() {
    check(too_long_functions);
}

#[test]
fn a_function_of_61_lines_is_found() {
    let function =
        |lines: usize| format!("impl A {{\n    fn f() -> [u8; 2] {{\n{}    }}\n}}\n", "x();\n".repeat(lines - 2));
    finds(too_long_functions, "core/units.rs", &function(61), 1);
    finds(too_long_functions, "core/units.rs", &function(60), 0);
    finds(too_long_functions, "core/units.rs", "trait A { fn f(&self); }\nfn g() {}", 0);
    finds(too_long_functions, "core/units.rs", "struct A { take: fn(u8) -> u8 }\n", 0);
}

#[test]
fn nothing_refers_to_the_papers_beside_the_repository() {
    // In two pieces, or this file would be found.
    let needle = concat!("..", "/shared");
    let mentions = |text: &[u8]| text.windows(needle.len()).any(|part| part == needle.as_bytes());
    assert!(mentions(format!("see {needle}/STYLE.md").as_bytes()), "control");
    let is_ours = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        !(name == ".git" || name == "target" || name.starts_with("target-"))
    };
    let files = files_below(root(), &is_ours);
    assert!(files.iter().any(|path| path.ends_with("Cargo.toml")));
    let found: Vec<_> = files.iter().filter(|path| mentions(&fs::read(path).expect("readable"))).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_exit_code_is_in_help_and_in_readme_and_no_other() {
    let exit = Source::new("exit.rs", &fs::read_to_string(root().join("src/core/exit.rs")).expect("exit.rs"));
    let codes = exit_codes(&exit);
    assert!(codes.contains(&0) && codes.contains(&5), "{codes:?}");
    // Which of them each mode lists, tests/all/readme.rs compares with the table.
    let modes = ["watch", "snapshot", "check", "scores", "monitor", "protect", "kill", "dmesg", "recover"];
    let listed: BTreeSet<_> = modes.iter().flat_map(|mode| listed_codes(&memdoor(&[mode, "--help"]))).collect();
    assert_eq!(listed, codes);
    match fs::read_to_string(root().join("README.md")) {
        Ok(readme) => {
            let missing: Vec<_> = codes.difference(&codes_of_readme(&readme)).copied().collect();
            assert!(missing.is_empty(), "README.md does not list {missing:?}");
        }
        Err(_) => common::skip("README.md is not written yet: its list of exit codes can't be compared"),
    }
}

#[test]
fn an_exit_code_that_is_not_listed_is_found() {
    let exit = Source::new("exit.rs", "/// Bad = 9,\nenum Exit {\n    Done = 0,\n    Gone = 5,\n}\n");
    assert_eq!(exit_codes(&exit), BTreeSet::from([0, 5]));
    assert_eq!(listed_codes("exit codes:\n  0  done\n 5 gone\n  -c  COUNT"), BTreeSet::from([0]));
    let readme = "| `0` | done |\n| 5 | gone |\n- `4`: partial\n  1  error\nport 2\n";
    assert_eq!(codes_of_readme(readme), BTreeSet::from([0, 1, 4, 5]));
}
