use super::*;

const TEXT: &[u8] = b"cat invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";

fn of(prefix: &str) -> (Origin, Option<u64>, Option<Caller>) {
    let mut line = prefix.as_bytes().to_vec();
    line.extend(TEXT);
    let found = record(&line);
    assert_eq!(
        std::string::String::from_utf8_lossy(found.text),
        std::string::String::from_utf8_lossy(TEXT),
        "{prefix}"
    );
    (found.origin, found.when.boot_us, found.caller)
}

#[test]
fn dmesg_and_its_options() {
    let boot = Some(123_456_789);
    let (kernel, t, c) = (Origin::Kernel, Some(Caller::Task(12)), Some(Caller::Cpu(1)));
    assert_eq!(of(""), (Origin::Unknown, None, None));
    for (prefix, caller) in [
        ("[  123.456789] ", None),
        ("[  123.456789][   T12] ", t),
        ("[  123.456789] [T12] ", t),
        ("[  123.456789][    C1] ", c),
        ("<4>[  123.456789] ", None),
        ("<4>[  123.456789] [T12] ", t),
        ("[  123.456789] <4>", None),
        ("kern  :warn  : [  123.456789] ", None),
        ("kern  :warn  : [  123.456789] [   T12] ", t),
        ("[  123.456789 <    0.000926>] ", None),
        ("\u{1b}[32m[  123.456789] \u{1b}[0m\u{1b}[33m", None),
        ("\u{1b}[32m[  123.456789] \u{1b}[0m[T12] \u{1b}[1;31m", t),
        ("\0\0\0[  123.456789] ", None),
    ] {
        assert_eq!(of(prefix), (kernel, boot, caller), "{prefix}");
    }
    for prefix in [
        "[Sat Nov 21 10:05:20 2026] ",
        "[Di Aug 12 03:54:03 2025] ",
        "[土 11月 21 10:05:20 2026] ",
        "[sam. nov. 21 10:05:20 2026] ",
        "[Nov21 09:54] ",
        "[  +0.000926] ",
        "[ +12.000926] ",
        "2026-11-21T10:08:31,027622+00:00 ",
        "kern  :warn  : [Sat Nov 21 10:05:20 2026] ",
        "kern  :warn  : 2026-11-21T10:08:31,027622+00:00 ",
        "kern  :err   : [  +0.000926] ",
    ] {
        assert_eq!(of(prefix), (kernel, None, None), "{prefix}");
    }
    assert_eq!(of("[Sat Nov 21 10:05:20 2026] [T12] "), (kernel, None, t));
    assert_eq!(of("[ T12] "), (Origin::Unknown, None, t));
}

#[test]
fn kmsg_and_netconsole() {
    let boot = Some(5_678_901);
    let task = Some(Caller::Task(12));
    for (prefix, caller) in [
        ("4,1234,5678901,-;", None),
        ("4,1234,5678901,-,caller=T12;", task),
        ("4,1234,5678901,c;", None),
        ("4,1234,5678901,+,caller=T12;", task),
        ("6.4.0-rc1,4,1234,5678901,-,ncfrag=0/900;", None),
        ("<4>[    5.678901] ", None),
    ] {
        assert_eq!(of(prefix), (Origin::Kernel, boot, caller), "{prefix}");
    }
    // 30 is daemon.info: systemd writes to /dev/kmsg.
    assert_eq!(of("30,1234,5678901,-;").0, Origin::Other);
    for property in [&b" SUBSYSTEM=acpi"[..], b" DEVICE=+acpi:device:00\n"] {
        assert_eq!(record(property).text, b"");
    }
    assert_eq!(record(b" active_file:1 a=2").text, b" active_file:1 a=2");
    assert_eq!(record(b"6,1,2,-;  indented=1").text, b"  indented=1");
}

#[test]
fn syslog_in_all_its_forms() {
    for prefix in [
        "Jan  7 03:19:32 host kernel: ",
        "Jan  7 03:19:32 host kernel: [    5.678901] ",
        "Jan  7 03:19:32 host kernel: [    5.678901][ T12] ",
        "Jan  5 15:19:27 kernel: [ 5864.700000] ",
        "Feb 03 19:57:08 ** kernel: ",
        "kernel: ",
        "kernel:",
        "kernel: [ 5864.700000] ",
        "<4>Jan  7 03:19:32 host kernel: [    5.678901] ",
        "Jan  7 03:19:32.123456 host kernel: ",
        "Jan  7 2026 03:19:32 host kernel: ",
        "2026 Jan  7 03:19:32 host kernel: ",
        "Nov 21 10:03:56 host kern.warn kernel: [    5.678901] ",
        "Fri Nov 21 10:08:31 2026 kern.warn kernel: [    5.678901] ",
        "Fri Nov 21 10:08:31 2026 kern.emerg kernel: ",
        "2026-11-21T10:02:58.932094+00:00 host kernel: [    4.370404] ",
        "2026-11-21T10:06:21+0000 host kernel: ",
        "2026-11-21T10:06:21.123456+01:00 host kernel: ",
        "2026-11-21 10:06:21 host kernel: ",
        "Sat 2026-11-21 10:08:31 UTC host kernel: ",
        "Sat 2026-11-21 10:08:31.123456 CEST host kernel: ",
        "11月 21 10:08:31 host kernel: ",
        "1763719711.027622 host kernel: ",
        "[    5.678901] host kernel: ",
        "<4>1 2026-11-21T10:08:31.027622Z host kernel - - - ",
        "<4>1 2026-11-21T10:08:31.027622Z host kernel - - [meta sequenceId=\"1\"] \u{feff}",
        "<4>1 2026-11-21T10:08:31.027622Z host kernel - - - [    5.678901] ",
        "<4>kernel: ",
        "/var/log/messages:Jan  7 03:19:32 host kernel: ",
        "kern.log.1-Jan  7 03:19:32 host kernel: ",
    ] {
        assert_eq!(of(prefix).0, Origin::Kernel, "{prefix}");
    }
}

#[test]
fn containers_and_consoles() {
    for prefix in [
        "2026-11-21T10:08:31.027622123Z stdout F [    5.678901] ",
        "2026-11-21T10:08:31.027622123Z stderr P Jan  7 03:19:32 host kernel: ",
        "2026-11-21T10:08:31.027622123Z [    5.678901] ",
        "pod-abc container [    5.678901] ",
        "pod-abc-1  | [    5.678901] ",
        "[pod/dmesg-x2x/dmesg] [    5.678901] ",
        "[2026-11-21T10:08:31.027Z] [    5.678901] ",
        "pod-abc container 4,1234,5678901,-;",
    ] {
        assert_eq!(of(prefix).0, Origin::Kernel, "{prefix}");
    }
    let found = record(b"2026-11-21T10:08:31.027622123Z stdout F [    5.678901] x");
    assert_eq!(found.when.wall_us, Some(1_795_255_711_027_622));
}

#[test]
fn somebody_elses_words_stay_theirs() {
    const WORDS: &str = "Out of memory: Killed process 12 (x) total-vm:1kB";
    for prefix in [
        "Jan  7 03:19:32 host myapp[123]: ",
        "Jan  7 03:19:32 host myapp[123]: [  123.456789] ",
        "Jan  7 03:19:32 host myapp[123]: kernel: ",
        "Jan  7 03:19:32 host myapp: ",
        "Jan  7 03:19:32 myapp: ",
        "Jan  7 03:19:32 host Web Content[9]: ",
        "Jan  7 03:19:32 host kernel[19202]: ",
        "Nov 21 10:03:56 host user.notice root: ",
        "Nov 21 10:03:56 host user.warn kernel: ",
        "Nov 21 10:03:56 host daemon.err kernel: [    5.678901] ",
        "Fri Nov 21 10:08:31 2026 user.warn kernel: ",
        "user.warn kernel: ",
        "Nov 21 10:03:56 host daemon.err app[1]: ",
        "Fri Nov 21 10:08:31 2026 daemon.notice netifd: ",
        "2026-11-21T10:06:21+0000 host systemd[1]: ",
        "<30>systemd[1]: ",
        "<14>1 2026-11-21T10:08:31Z host app 12 - - ",
        "user  :notice: [    5.678901] ",
        "[    5.678901] host app[12]: ",
        "[    5.678901] systemd-oomd[12]: ",
        "12,1,5678901,-;",
        "app[12]: ",
        "app: [    5.678901] ",
        "2026-11-21T10:06:21.1Z stdout F Jan  7 03:19:32 host app[1]: ",
    ] {
        let line = format!("{prefix}{WORDS}");
        assert_eq!(record(line.as_bytes()).origin, Origin::Other, "{prefix}");
    }
}

#[test]
fn what_looks_like_a_prefix_and_is_text_stays() {
    for text in [
        &b"[ 1234]  1000  1234    56789    12345   123456        0             0 x[1]:"[..],
        b"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        b" [<ffffffe000043992>] walk_stackframe+0x0/0xaa",
        b" <TASK>",
        b"Out of memory: Killed process 12 (x) total-vm:1kB",
        b"x[1]: invoked oom-killer: gfp_mask=0x0()",
        b"a kernel: invoked oom-killer: gfp_mask=0x0()",
        b"Mem-Info:",
        b"Call Trace:",
        b"oom_reaper: reaped process 12 (x), now anon-rss:0kB",
        b"Node 0 DMA: 1*4kB (U) 0*8kB = 4kB",
        b"CPU: 0 UID: 1001 PID: 27255 Comm: celery Not tainted",
        b"memory: usage 49152kB, limit 49152kB, failcnt 139",
    ] {
        for prefix in [
            &b""[..],
            b"[    5.678901] ",
            b"4,1,2,-;",
            b"Jan  7 03:19:32 host kernel: ",
            b"2026-11-21T10:08:31,027622+00:00 ",
            b"2026-11-21T10:08:31.027622123Z stdout F ",
            b"2026-11-21T10:08:31.027622123Z ",
        ] {
            let found = [prefix, text].concat();
            let found = record(&found);
            assert_eq!(
                (std::string::String::from_utf8_lossy(found.text), found.origin == Origin::Other),
                (std::string::String::from_utf8_lossy(text), false),
                "{}",
                std::string::String::from_utf8_lossy(prefix)
            );
        }
    }
}

#[test]
fn times_are_as_complete_as_they_are_written() {
    let when = |line: &'static str| record(line.as_bytes()).when;
    let found = when("2026-11-21T11:08:31,027622+01:00 x");
    assert_eq!(found.wall_us, Some(1_795_255_711_027_622));
    assert_eq!(found.wall, Some(&b"2026-11-21T11:08:31,027622+01:00"[..]));
    assert_eq!(when("1970-01-01T00:00:00Z host kernel: x").wall_us, Some(0));
    assert_eq!(when("2024-02-29T00:00:00-0030 host kernel: x").wall_us, Some((1_709_164_800 + 1800) * 1_000_000));
    let found = when("Jan  7 03:19:32 host kernel: x");
    assert_eq!(found.wall, Some(&b"Jan  7 03:19:32"[..]));
    assert_eq!(found.wall_us, None);
    let found = when("[Sat Nov 21 10:05:20 2026] x");
    assert_eq!(found.wall, Some(&b"Sat Nov 21 10:05:20 2026"[..]));
    assert_eq!(found.wall_us, None);
    assert_eq!(when("Sat 2026-11-21 10:08:31 CET host kernel: x").wall_us, None);
    assert_eq!(when("[99999999999999999999.0] x").boot_us, None);
}

#[test]
fn crlf_and_a_last_colour_are_no_text() {
    assert_eq!(record(b"[    1.000000] x\r\n").text, b"x");
    assert_eq!(record(b"[    1.000000] x\x1b[0m\n").text, b"x");
    assert_eq!(record(b"[    1.000000]  <TASK>\r\r\n").text, b" <TASK>");
}

/// All sequences of a vocabulary of prefixes' parts, and each cut anywhere.
#[test]
fn no_bytes_make_it_panic() {
    const PARTS: [&[u8]; 24] = [
        b"[",
        b"]",
        b"<4>",
        b"1 ",
        b"[  1.5] ",
        b"[T1] ",
        b"Jan  7 03:19:32 ",
        b"host ",
        b"kernel: ",
        b"a[1]: ",
        b"4,1,2,-;",
        b"2026-11-21T10:08:31",
        b".",
        b"+0",
        b"Z ",
        b"\x1b[",
        b"0m",
        b"\0",
        b"kern",
        b".warn ",
        b":",
        b" ",
        b"9",
        b"\xff",
    ];
    let mut line = Vec::new();
    for a in PARTS {
        for b in PARTS {
            for c in PARTS {
                for d in PARTS {
                    line.clear();
                    for part in [a, b, c, d] {
                        line.extend_from_slice(part);
                    }
                    let found = record(&line);
                    assert!(found.text.len() <= line.len());
                }
            }
        }
    }
    let long = b"<4>1 2026-11-21T10:08:31.027622Z host kernel 1 2 [a b=\"\\]\"][c] 2026-11-21 10:06:21,1 stdout F x";
    for start in 0..long.len() {
        for end in start..long.len() {
            assert!(record(&long[start..end]).text.len() <= end - start);
        }
    }
}

#[test]
fn the_host_is_the_word_between_time_and_identifier() {
    for (prefix, host) in [
        ("Nov 21 10:03:56 h.example kernel: [   12.000001] ", Some("h.example")),
        ("2026-11-21T10:03:56.027622+00:00 h.example kernel: ", Some("h.example")),
        ("Nov 21 10:03:56 h.example kern.warn kernel: [   12.000001] ", Some("h.example")),
        ("[   12.000001] h.example kernel: ", Some("h.example")),
        ("<4>1 2026-11-21T10:08:31Z h.example kernel - - - ", Some("h.example")),
        ("<4>1 2026-11-21T10:08:31Z - kernel - - - ", None),
        ("Nov 21 10:03:56 h.example [   12.000001] ", Some("h.example")),
        ("h.example kernel: [   12.000001] ", Some("h.example")),
        ("h.example kernel: ", Some("h.example")),
        ("[   12.000001@0] ", None),
        ("[   12.000001,1] ", None),
        ("Nov 21 10:03:56 kernel: [   12.000001] ", None),
        ("Fri Nov 21 10:03:52 2025 kern.warn kernel: [   12.000001] ", None),
        ("[   12.000001] [  T12] ", None),
        ("", None),
    ] {
        let mut line = prefix.as_bytes().to_vec();
        line.extend(TEXT);
        assert_eq!(record(&line).text, TEXT, "{prefix}");
        assert_eq!(record(&line).host, host.map(str::as_bytes), "{prefix}");
    }
}

#[test]
fn what_is_quoted_is_read_as_if_it_were_not() {
    for prefix in [
        "> [   12.000001] ",
        ">> [   12.000001] ",
        "> > [   12.000001] ",
        ">[   12.000001] ",
        "| [   12.000001] ",
        "[10:03:52.123] [   12.000001] ",
    ] {
        assert_eq!(of(prefix), (Origin::Kernel, Some(12_000_001), None));
    }
    assert_eq!(of("> "), (Origin::Unknown, None, None));
}
