//! Zstandard: frames one behind the other, skippable ones among them.

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::Read;

use super::{Feed, Next, Reading, Unpack, WINDOW};
use crate::oomlog::source::{Packing, Trouble};
use crate::sys::Result;
use crate::sys::input::Input;

/// The last block of a frame, which is empty, and a checksum that nobody looks at. Until a frame has ended its decoder keeps a window's
/// length of what it has unpacked: so a frame that was cut off gives what it has.
const END: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];

/// A file of frames.
pub(super) struct Unzstd {
    feed: Feed,
    frame: FrameDecoder,
    state: State,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Inside,
    /// The last one was cut off or damaged; what it has unpacked is still to be handed on.
    Torn,
    /// So much of a frame is left that is skipped.
    Skips(u64),
    Finished,
}

impl Unzstd {
    pub(super) fn new(feed: Feed) -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_max_window_size(WINDOW as u64);
        Self { feed, frame, state: State::Between, trouble: None }
    }

    fn stop(&mut self, trouble: Option<Trouble>) {
        self.state = State::Finished;
        self.trouble = self.trouble.or(trouble);
    }

    /// What a failure tells: where the file has ended it was cut off.
    fn wrong(&self) -> Trouble {
        let is_cut = self.feed.is_at_end && self.feed.ahead().is_empty();
        if is_cut { Trouble::CutOff(Packing::Zstd) } else { Trouble::Damaged(Packing::Zstd) }
    }

    fn begin(&mut self, file: &Input) -> Result<()> {
        match self.feed.next(file, is_start)? {
            Next::Nothing => self.stop(None),
            Next::Other => self.stop(Some(Trouble::Trailing(Packing::Zstd))),
            Next::Member => {
                let mut reading = Reading { feed: &mut self.feed, file, failed: None };
                let done = self.frame.reset(&mut reading);
                if let Some(errno) = reading.failed {
                    return Err(errno);
                }
                match done {
                    Ok(()) => self.state = State::Inside,
                    Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                        length, ..
                    })) => {
                        self.state = State::Skips(length.into());
                    }
                    Err(FrameDecoderError::WindowSizeTooBig { .. }) => self.stop(Some(Trouble::Window(Packing::Zstd))),
                    Err(_) => self.stop(Some(self.wrong())),
                }
            }
        }
        Ok(())
    }

    /// Unpacks the next block.
    fn block(&mut self, file: &Input) -> Result<()> {
        if self.frame.is_finished() {
            let [said, is] = [self.frame.get_checksum_from_data(), self.frame.get_calculated_checksum()];
            match said {
                Some(_) if said != is => self.stop(Some(Trouble::Damaged(Packing::Zstd))),
                _ => self.state = State::Between,
            }
            return Ok(());
        }
        let mut reading = Reading { feed: &mut self.feed, file, failed: None };
        let done = self.frame.decode_blocks(&mut reading, BlockDecodingStrategy::UptoBlocks(1));
        if let Some(errno) = reading.failed {
            return Err(errno);
        }
        if done.is_err() {
            self.trouble = self.trouble.or(Some(self.wrong()));
            self.state = match self.frame.decode_blocks(&END[..], BlockDecodingStrategy::All) {
                Ok(_) => State::Torn,
                Err(_) => State::Finished,
            };
        }
        Ok(())
    }
}

impl Unpack for Unzstd {
    fn read(&mut self, file: &Input, out: &mut [u8]) -> Result<usize> {
        while !out.is_empty() {
            match self.state {
                State::Finished => break,
                State::Between => self.begin(file)?,
                State::Skips(0) => self.state = State::Between,
                State::Skips(left) => {
                    self.feed.fill(file, 1)?;
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(self.feed.ahead().len());
                    if length == 0 {
                        self.stop(Some(Trouble::CutOff(Packing::Zstd)));
                    }
                    self.feed.pass(length);
                    self.state = if length == 0 { State::Finished } else { State::Skips(left - length as u64) };
                }
                State::Inside | State::Torn => {
                    let length = self.frame.read(out).unwrap_or(0);
                    if length > 0 {
                        return Ok(length);
                    }
                    if self.state == State::Torn {
                        self.stop(None);
                    } else {
                        self.block(file)?;
                    }
                }
            }
        }
        Ok(0)
    }

    fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    fn packing(&self) -> Packing {
        Packing::Zstd
    }
}

fn is_start(bytes: &[u8]) -> bool {
    Packing::of(bytes) == Packing::Zstd
}
