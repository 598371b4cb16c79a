//! Compressed logs.

/// `text` as one gzip member.
pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = vec![0; text.len() + 1024];
    let mut deflate = zlib_rs::Deflate::new(6, true, 16 + 15);
    let done = deflate.compress(text, &mut packed, zlib_rs::DeflateFlush::Finish);
    assert_eq!(done.expect("compress"), zlib_rs::Status::StreamEnd);
    packed.truncate(usize::try_from(deflate.total_out()).expect("small"));
    packed
}
