//! The screen of `monitor`: what it shows at which size, and that nothing on it runs over.

use crate::common;

use common::monitored::{MIB, Rows, alert, empty, group, growing, hostile, row, sample, written};
use common::terminal::Screen;
use memdoor::monitor::alerts::Limits;
use memdoor::monitor::alerts::{Alert, Change, Kind};
use memdoor::monitor::groups::Group;
use memdoor::monitor::options::{Charset, Color};
use memdoor::monitor::process_table::Row;
use memdoor::monitor::sample::Sample;
use memdoor::monitor::view::{ENTER, LEAVE, Past, View, draw};
use memdoor::units::Percent;
use std::time::Duration;

struct Scene {
    sample: Sample,
    rows: Vec<Row>,
    groups: Vec<Group>,
    alerts: Vec<Option<Alert>>,
    hidden: u64,
    past: Past,
    interval: Duration,
    limits: Limits,
}

impl Scene {
    fn new() -> Self {
        let mut past = Past::new();
        for number in 0..40 {
            past.push(Some(Percent { hundredths: 5000 + number * 5 }), Duration::from_secs(number * 2));
        }
        Self {
            sample: sample(),
            rows: vec![
                row(18, b"web", 200 * MIB),
                row(4243, b"leak", 1024 * MIB),
                row(17, b"db", 300 * MIB),
                row(19, b"slow", 600 * MIB),
                row(20, b"sshd", 8 * MIB),
            ],
            groups: vec![
                group(b"/system.slice/web.service", 10 * MIB, Some(100 * MIB)),
                group(b"/system.slice/db.service", 95 * MIB, Some(100 * MIB)),
            ],
            alerts: vec![Some(alert(
                Kind::Growth,
                Some((4243, b"leak")),
                b"leak (PID 4243) grew by 300.0 MiB in 60 s, 41.44 % (limit 10 %)",
            ))],
            hidden: 0,
            past,
            interval: Duration::from_secs(2),
            limits: Limits::default(),
        }
    }

    fn bytes(&self, size: (usize, usize), color: Color, charset: Charset) -> Vec<u8> {
        let all = Rows(&self.rows);
        let view = View {
            host: b"db-7",
            sample: &self.sample,
            past: &self.past,
            interval: self.interval,
            limits: &self.limits,
            processes: growing(&all),
            groups: &self.groups,
            alerts: &self.alerts,
            hidden_alerts: self.hidden,
        };
        written(|out| draw(&view, size, color, charset, out))
    }

    fn screen(&self, size: (usize, usize), charset: Charset) -> String {
        Screen::shows(size, &self.bytes(size, Color::Never, charset)).text()
    }
}

#[test]
fn the_interval_is_shown_as_it_was_asked_for() {
    for (millis, shown) in [
        (300, "0.3 s"),
        (1500, "1.5 s"),
        (50, "0.05 s"),
        (90_000, "90 s"),
        (120_000, "2 min"),
        (150_000, "150 s"),
        (3_600_000, "1 h"),
    ] {
        let scene = Scene { interval: Duration::from_millis(millis), ..Scene::new() };
        let screen = scene.screen((80, 24), Charset::Utf8);
        let end = screen.lines().next().and_then(|head| head.split_once(", every ")).map(|(_, end)| end.trim_end());
        assert_eq!(end, Some(shown));
    }
}

#[test]
fn who_turned_an_alert_off_still_sees_which_groups_are_near_their_limits() {
    let scene = Scene { limits: Limits::default().with(Kind::Memory, Limits::OFF), ..Scene::new() };
    let screen = scene.screen((80, 24), Charset::Utf8);
    assert!(screen.contains("\nCGROUP  95.0 % of 100.0 MiB /system.slice/db.service"), "{screen}");
}

#[test]
fn a_bar_is_red_above_the_default_limit_where_the_alert_is_off_and_what_is_not_known_is_no_zero() {
    let mut scene = Scene { limits: Limits::default().with(Kind::Memory, Limits::OFF), ..Scene::new() };
    scene.sample.meminfo.available = Some(memdoor::units::Bytes(1));
    let colored =
        |scene: &Scene| String::from_utf8(scene.bytes((80, 24), Color::Always, Charset::Utf8)).expect("UTF-8");
    let bar = |text: &str| text.lines().find(|line| line.contains("Memory ")).expect("a bar").to_owned();
    assert!(bar(&colored(&scene)).contains("\x1b[31m"), "{:?}", bar(&colored(&scene)));
    scene.sample.meminfo.available = None;
    let screen = scene.screen((80, 24), Charset::Utf8);
    assert!(bar(&screen).starts_with("Memory  - %, - of "), "{screen}");
}

#[test]
fn a_screen_of_80_by_24() {
    assert_eq!(
        Scene::new().screen((80, 24), Charset::Utf8),
        "\
Sat Nov 21 10:08:31 2026  memdoor on db-7, every 2 s
Memory  52.0 %, 8320.0 of 16000.0 MiB   [███████████████████░░░░░░░░░░░░░░░░░░░]
Swap    50.0 %, 1024.0 of 2048.0 MiB    [███████████████████░░░░░░░░░░░░░░░░░░░]
Used    50.0 to 51.9 % in 78 s          ▁▁▁▁▁▁▂▂▂▂▂▂▃▃▃▃▃▄▄▄▄▄▄▅▅▅▅▅▆▆▆▆▆▆▇▇▇▇▇█
Waits   some 1.23 0.45 0.06, full 0.12 0.00 100.00 %; 3 stalls, 41 faults, 1 OOM
ALERT   leak (PID 4243) grew by 300.0 MiB in 60 s, 41.44 % (limit 10 %)
CGROUP  95.0 % of 100.0 MiB /system.slice/db.service
GROWING PID COMMAND           RSS MiB SWAP MiB    KiB/s    R2  LEFT
       4243 leak               1024.0    128.0     5120 0.998  61 min
         19 slow                600.0     75.0     1728 0.998  61 min
LARGEST PID COMMAND           RSS MiB SWAP MiB    KiB/s    R2  LEFT
       4243 leak               1024.0    128.0     5120 0.998  61 min
         19 slow                600.0     75.0     1728 0.998  61 min
         17 db                  300.0     37.5     -672 0.998  -
         18 web                 200.0     25.0        -     -  -
         20 sshd                  8.0      1.0        -     -  -
"
    );
}

#[test]
fn the_newest_alerts_are_shown_with_how_many_more_there_are_and_what_is_over_is_said_to_be() {
    let mut scene = Scene::new();
    scene.alerts = (1..=9)
        .rev()
        .map(|pid| Some(alert(Kind::Growth, Some((pid, b"leak")), format!("leak (PID {pid}) grew").as_bytes())))
        .collect();
    let over = scene.alerts[1].as_mut().expect("an alert");
    (over.change, over.words) = (Change::Cleared, memdoor::fixed::Fixed::of(b"leak (PID 8) has exited"));
    scene.hidden = 2;
    let shown = |scene: &Scene, size| {
        let screen = scene.screen(size, Charset::Ascii);
        let is_alert = |line: &&str| line.starts_with("ALERT") || line.starts_with("over");
        screen.lines().filter(is_alert).map(String::from).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(&scene, (80, 24)),
        ["ALERT   leak (PID 9) grew", "over    leak (PID 8) has exited", "ALERT   leak (PID 7) grew", "ALERT   8 more",]
    );
    assert_eq!(shown(&scene, (80, 60)).last().map(String::as_str), Some("ALERT   3 more"));
    scene.hidden = 0;
    scene.alerts.truncate(3);
    assert_eq!(shown(&scene, (80, 24)).len(), 3, "nothing is more than is shown");
}

#[test]
fn a_screen_of_40_by_10_without_utf_8() {
    assert_eq!(
        Scene::new().screen((40, 10), Charset::Ascii),
        "\
Sat Nov 21 10:08:31 2026  memdoor on db-
Memory  52.0 %, 8320.0 of 16000.0 MiB
Swap    50.0 %, 1024.0 of 2048.0 MiB
Waits   some 1.23 0.45 0.06, full 0.12 0
ALERT   leak (PID 4243) grew by 300.0 Mi
CGROUP  95.0 % of 100.0 MiB /system.slic
GROWING PID COMMAND           RSS MiB SW
       4243 leak               1024.0
LARGEST PID COMMAND           RSS MiB SW
       4243 leak               1024.0
"
    );
}

#[test]
fn a_wide_screen_has_a_longer_bar_and_as_many_processes_as_it_has_lines() {
    let mut scene = Scene::new();
    scene.rows = (0..100).map(|number| row(1000 + number, b"worker", (200 - number) * MIB)).collect();
    let text = scene.screen((200, 60), Charset::Utf8);
    assert_eq!(text.lines().count(), 60);
    assert!(text.lines().nth(1).expect("memory").chars().count() == 200, "{text}");
    assert!(text.lines().filter(|line| line.contains("worker")).count() > 40, "{text}");
    assert_eq!(scene.screen((200, 60), Charset::Ascii).lines().count(), 60);
    let bar = scene.screen((100, 24), Charset::Ascii);
    assert!(bar.contains(&format!(" [{}{}]\n", "#".repeat(30), ".".repeat(28))), "{bar}");
}

#[test]
fn no_size_makes_it_run_over_and_no_name_does() {
    let plain = Scene::new();
    let (sample, rows, groups, mut alerts) = hostile();
    alerts[0].words = memdoor::fixed::Fixed::of("größe 日本語 ".repeat(30).as_bytes());
    let alerts = alerts.into_iter().map(Some).collect();
    let mut hostile = Scene { sample, rows, groups, alerts, hidden: 9, past: Past::new(), ..Scene::new() };
    hostile.past.push(Some(Percent { hundredths: u64::MAX }), Duration::MAX);
    hostile.past.push(Some(Percent { hundredths: 0 }), Duration::ZERO);
    let nothing = Scene {
        sample: empty(),
        rows: vec![],
        groups: vec![],
        alerts: vec![],
        hidden: 0,
        past: Past::new(),
        ..Scene::new()
    };
    for scene in [&plain, &hostile, &nothing] {
        for columns in [1, 2, 7, 20, 39, 40, 41, 47, 48, 79, 80, 81, 132, 500, 2000] {
            for rows in [1, 2, 3, 5, 8, 24, 200] {
                for charset in [Charset::Ascii, Charset::Utf8] {
                    let bytes = scene.bytes((columns, rows), Color::Always, charset);
                    let terminal = Screen::shows((columns, rows), &bytes);
                    assert!(!terminal.text().contains('~'), "what was there before is gone");
                    assert!(charset == Charset::Utf8 || bytes.is_ascii());
                }
            }
        }
    }
}

#[test]
fn colours_are_used_or_not_and_mean_nothing_alone() {
    let scene = Scene::new();
    let plain = scene.bytes((80, 24), Color::Never, Charset::Utf8);
    let coloured = scene.bytes((80, 24), Color::Always, Charset::Utf8);
    let (plain, coloured) = (Screen::shows((80, 24), &plain), Screen::shows((80, 24), &coloured));
    assert_eq!(plain.looks, [""; 0]);
    assert!(coloured.looks.contains(&"31".to_string()));
    assert_eq!(coloured.looks.last().map(String::as_str), Some(""), "they end");
    assert_eq!(plain.text(), coloured.text());
}

#[test]
fn an_alert_says_what_it_is_about_and_of_whom_once() {
    let mut scene = Scene::new();
    let words = "swap 40.00 % used (limit 0.00 %): 781.3 of 1953.1 MiB";
    scene.alerts = vec![Some(alert(Kind::Swap, None, words.as_bytes()))];
    let text = scene.screen((80, 24), Charset::Utf8);
    assert!(text.lines().any(|line| line == format!("ALERT   {words}")), "{text}");
}

#[test]
fn what_was_entered_is_left() {
    assert_eq!(ENTER, b"\x1b[?1049h\x1b[?25l");
    assert_eq!(LEAVE, b"\x1b[m\x1b[?25h\x1b[?1049l");
}
