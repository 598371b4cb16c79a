//! Payloads of DATA objects, unpacked: compress.c of systemd 257.

use lzma_rust2::{Action, Status, XzStream};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::Read;

use super::blocks::LONGEST;
use super::file::File;
use super::layout::le64;
use super::object::{Data, Fault};

/// The longest payload that is read: a kernel's record has 8 KiB at most, and who packs has more in mind than to be read.
pub(super) const MOST: usize = 64 << 10;

/// journald gives xz and zstd the length of what they pack: no window is larger than that, but for xz, which has a preset's 1 to 8 MiB.
const ZSTD_WINDOW: u64 = 1 << 20;
const XZ_MEMORY_KIB: u32 = 16 << 10;

/// How a payload is packed: OBJECT_COMPRESSED_ of an object's flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Packing {
    Plain,
    /// An .xz stream.
    Xz,
    /// The length, and one LZ4 block: no frame.
    Lz4,
    /// A frame that tells its length.
    Zstd,
}

impl Packing {
    pub(super) const fn of(flags: u8) -> Option<Self> {
        Some(match flags {
            0 => Self::Plain,
            1 => Self::Xz,
            2 => Self::Lz4,
            4 => Self::Zstd,
            _ => return None,
        })
    }
}

/// What a payload is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Payload<'f> {
    /// The field's name, `=`, and the value.
    Whole(&'f [u8]),
    /// It has more than [`MOST`] bytes; it begins so, as far as that can be told.
    TooLong(&'f [u8]),
}

/// Room to unpack in.
#[derive(Default)]
pub(super) struct Unpacker {
    zstd: Option<Box<FrameDecoder>>,
    out: Vec<u8>,
}

/// A length that is too long, or what can't be unpacked.
enum Not {
    Long,
    Packed,
}

impl File {
    /// The payload of a DATA object, unpacked.
    pub(super) fn payload(&mut self, data: &Data) -> Result<Payload<'_>, Fault> {
        let length = usize::try_from(data.length).unwrap_or(usize::MAX);
        let start = data.at + self.header.layout.payload() as u64;
        let Self { blocks, unpacker, header } = self;
        if length > MOST {
            // Packed it would be longer still.
            let known = if data.packing == Packing::Plain { NAME.min(length) } else { 0 };
            return blocks.get(start, known).map(Payload::TooLong);
        }
        let bytes = blocks.get(start, length.min(LONGEST))?;
        let whole = if data.packing == Packing::Plain {
            bytes
        } else {
            match unpacker.unpack(data.packing, bytes) {
                Ok(()) => &unpacker.out,
                Err(Not::Long) => return Ok(Payload::TooLong(&unpacker.out[..unpacker.out.len().min(NAME)])),
                Err(Not::Packed) => return Err(Fault::Packed),
            }
        };
        if header.hash.of(whole) == data.hash { Ok(Payload::Whole(whole)) } else { Err(Fault::Hash) }
    }

    /// Whether a DATA object is that, a field's name, `=` and a value.
    pub(super) fn is_value(&mut self, data: &Data, term: &[u8]) -> Result<bool, Fault> {
        let same = term.len() as u64;
        let may_be = match data.packing {
            Packing::Plain => data.length == same,
            // What can't be packed into less is kept as it is. lzma_easy_encoder() is asked from 80 bytes on.
            Packing::Xz => same >= 80,
            Packing::Lz4 => data.length > 8 && le64(self.behind(data.at, self.header.layout.payload(), 8)?, 0) == same,
            Packing::Zstd => data.length < same,
        };
        Ok(may_be && self.payload(data)? == Payload::Whole(term))
    }
}

/// So much of a long payload is looked at for its field's name: names have 64 bytes at most.
const NAME: usize = 65;

impl Unpacker {
    /// Into `out`; it has the start where it is too long.
    fn unpack(&mut self, packing: Packing, bytes: &[u8]) -> Result<(), Not> {
        self.out.clear();
        match packing {
            Packing::Plain => self.out.extend_from_slice(bytes),
            Packing::Lz4 => self.lz4(bytes)?,
            Packing::Xz => self.xz(bytes)?,
            Packing::Zstd => self.zstd(bytes)?,
        }
        Ok(())
    }

    fn lz4(&mut self, bytes: &[u8]) -> Result<(), Not> {
        let (length, block) = bytes.split_at_checked(8).ok_or(Not::Packed)?;
        let length = usize::try_from(le64(length, 0)).map_err(|_| Not::Long)?;
        if length > MOST {
            return Err(Not::Long);
        }
        self.out.resize(length, 0);
        match lz4_flex::block::decompress_into(block, &mut self.out) {
            Ok(written) if written == length => Ok(()),
            _ => Err(Not::Packed),
        }
    }

    fn xz(&mut self, bytes: &[u8]) -> Result<(), Not> {
        // A byte more tells that there is more.
        self.out.resize(MOST + 1, 0);
        let mut stream = XzStream::new_mem_limit(false, XZ_MEMORY_KIB);
        let (mut read, mut written) = (0, 0);
        loop {
            let done = stream.process(&bytes[read..], &mut self.out[written..], Action::Finish);
            let done = done.map_err(|_| Not::Packed)?;
            read += done.bytes_consumed;
            written += done.bytes_produced;
            if written > MOST {
                return Err(Not::Long);
            }
            if let Status::StreamEnd = done.status {
                self.out.truncate(written);
                return Ok(());
            }
            if done.bytes_consumed == 0 && done.bytes_produced == 0 {
                return Err(Not::Packed);
            }
        }
    }

    fn zstd(&mut self, bytes: &[u8]) -> Result<(), Not> {
        let decoder = self.zstd.get_or_insert_with(|| {
            let mut decoder = Box::new(FrameDecoder::new());
            decoder.set_max_window_size(ZSTD_WINDOW);
            decoder
        });
        let mut rest = bytes;
        decoder.reset(&mut rest).map_err(|_| Not::Packed)?;
        self.out.resize(MOST + 1, 0);
        let mut written = 0;
        loop {
            // A block has 128 KiB at most.
            let strategy = BlockDecodingStrategy::UptoBlocks(1);
            let is_end = decoder.decode_blocks(&mut rest, strategy).map_err(|_| Not::Packed)?;
            loop {
                match decoder.read(&mut self.out[written..]) {
                    Ok(0) => break,
                    Ok(more) => written += more,
                    Err(_) => return Err(Not::Packed),
                }
            }
            if written > MOST {
                return Err(Not::Long);
            }
            if is_end {
                self.out.truncate(written);
                return Ok(());
            }
        }
    }
}
