//! The integration tests: one crate, so that `common/` and the library are linked once (33 crates took 99 s after an edit, this takes 27).
//! Apart from it are only tests/no_heap.rs, which brings an allocator of its own, and tests/build.rs, which builds releases.

#[path = "../common/mod.rs"]
mod common;

mod check;
mod death;
mod dmesg;
mod dmesg_cut;
mod dmesg_inputs;
mod dmesg_journal;
mod dmesg_lines;
mod dmesg_lists;
mod dmesg_order;
mod dmesg_reach;
mod dmesg_same;
mod dmesg_units;
mod ending;
mod environment;
mod faults;
mod figures;
mod files;
mod follow;
mod freeable;
mod golden;
mod groups;
mod harness;
mod history;
mod hostile;
mod journal;
mod kill;
mod kill_act;
mod kill_config;
mod kill_spared;
mod layers;
mod logsource;
mod monitor;
mod monitor_files;
mod monitor_mode;
mod monitor_prometheus;
mod monitor_tables;
mod monitor_view;
mod network;
mod oom;
mod oomlog;
mod protect;
mod readme;
mod record;
mod sample;
mod scores;
mod snapshot;
mod stuck;
mod unread;
mod vanished;
mod verdict;
mod watch;
