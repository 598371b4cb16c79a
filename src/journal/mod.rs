//! Files of systemd-journald, read as they are: no journalctl, no libsystemd, no mmap.
//!
//! ```text
//! File::open ──> header, checked          layout.rs
//!   Query ──> Reader::next ──> Entry      query.rs, reader.rs, entry.rs
//!               │
//!               ├─ lookup: the field's name and its value to its DATA object     lookup.rs
//!               ├─ chain:  the DATA object's entries, as its index has them      chain.rs
//!               ├─ walk:   the objects one behind the other, where that breaks   walk.rs
//!               └─ stream: one of them after the other, in the file's order      stream.rs
//! Reader::salvage ──> what was found how, and what is missing                    salvage.rs
//! ```
//!
//! The format is that of systemd's docs/JOURNAL_FILE_FORMAT.md and src/libsystemd/sd-journal/journal-def.h as of systemd 257: regular and
//! compact files, either hash, payloads plain or packed with XZ, LZ4 or ZSTD. To find a value no hash is needed: the table of fields is small enough
//! to be looked through, and a field has its values in a list.
//!
//! Nothing that a file says is believed: each offset is looked at for its bounds, its alignment, the type and the size of what it leads to,
//! and for growing, so that nothing goes round in circles; each value for its hash, and each entry for that of its values together: there is
//! none for the times of an entry. A file is read with pread(2), through [`blocks`]: who maps one gets SIGBUS when
//! journald truncates it (systemd issues 24320 and 33277). Memory is bounded by constants, whatever the file holds.
//!
//! This module knows nothing of the rest of memdoor: the lines of a process, of a unit and of the kernel are read with it alike.

mod blocks;
mod chain;
mod entry;
mod file;
mod hash;
mod layout;
mod lookup;
mod object;
mod payload;
mod query;
mod reader;
mod salvage;
mod stream;
mod walk;

pub use entry::{Entry, Message, Speaker};
pub use file::{File, Refusal};
pub use layout::{Id, MAGIC, State};
pub use lookup::Value;
pub use object::Fault;
pub use query::{Query, Term};
pub use reader::{Next, Now, Reader, Sift};
pub use salvage::Salvage;
