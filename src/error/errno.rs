//! What each errno is called, and in words: include/uapi/asm-generic/errno.h, in the words of nix.
//!
//! nix has the same in two matches. Each becomes a table of pointers and one of lengths with 256 entries: 8 kB, half of which are
//! relocated and so in memory for each process. A line for each number is none of that.

use nix::errno::Errno;

/// Its name, and what it means.
pub(super) fn words(errno: Errno) -> (&'static str, &'static str) {
    let line = usize::try_from(errno as i32).ok();
    let rest = || core::str::from_utf8(&REST).unwrap_or_default();
    let line = line.and_then(|line| match line.checked_sub(FIRST) {
        None => LINES.split('\n').nth(line),
        Some(line) => rest().split('\n').nth(line),
    });
    line.and_then(|line| line.split_once(' ')).unwrap_or(("UnknownErrno", "unknown errno"))
}

/// The number of the first line of [`REST`].
const FIRST: usize = 42;

/// By number, from 0. Linux has none of 41 and 58.
const LINES: &str = "\
UnknownErrno unknown errno
EPERM operation not permitted
ENOENT no such file or directory
ESRCH no such process
EINTR interrupted system call
EIO i/O error
ENXIO no such device or address
E2BIG argument list too long
ENOEXEC exec format error
EBADF bad file number
ECHILD no child processes
EAGAIN try again
ENOMEM out of memory
EACCES permission denied
EFAULT bad address
ENOTBLK block device required
EBUSY device or resource busy
EEXIST file exists
EXDEV cross-device link
ENODEV no such device
ENOTDIR not a directory
EISDIR is a directory
EINVAL invalid argument
ENFILE file table overflow
EMFILE too many open files
ENOTTY not a typewriter
ETXTBSY text file busy
EFBIG file too large
ENOSPC no space left on device
ESPIPE illegal seek
EROFS read-only file system
EMLINK too many links
EPIPE broken pipe
EDOM math argument out of domain of func
ERANGE math result not representable
EDEADLK resource deadlock would occur
ENAMETOOLONG file name too long
ENOLCK no record locks available
ENOSYS function not implemented
ENOTEMPTY directory not empty
ELOOP too many symbolic links encountered";

/// From [`LINES`] on: seldom said, so it has a name, by which .cargo/offline.ld leaves it out of a watch's memory.
static REST: [u8; TEXT.len()] = {
    let Some(bytes) = TEXT.as_bytes().first_chunk() else { unreachable!() };
    *bytes
};

const TEXT: &str = "\
ENOMSG no message of desired type
EIDRM identifier removed
ECHRNG channel number out of range
EL2NSYNC level 2 not synchronized
EL3HLT level 3 halted
EL3RST level 3 reset
ELNRNG link number out of range
EUNATCH protocol driver not attached
ENOCSI no CSI structure available
EL2HLT level 2 halted
EBADE invalid exchange
EBADR invalid request descriptor
EXFULL exchange full
ENOANO no anode
EBADRQC invalid request code
EBADSLT invalid slot

EBFONT bad font file format
ENOSTR device not a stream
ENODATA no data available
ETIME timer expired
ENOSR out of streams resources
ENONET machine is not on the network
ENOPKG package not installed
EREMOTE object is remote
ENOLINK link has been severed
EADV advertise error
ESRMNT srmount error
ECOMM communication error on send
EPROTO protocol error
EMULTIHOP multihop attempted
EDOTDOT rFS specific error
EBADMSG not a data message
EOVERFLOW value too large for defined data type
ENOTUNIQ name not unique on network
EBADFD file descriptor in bad state
EREMCHG remote address changed
ELIBACC can not access a needed shared library
ELIBBAD accessing a corrupted shared library
ELIBSCN .lib section in a.out corrupted
ELIBMAX attempting to link in too many shared libraries
ELIBEXEC cannot exec a shared library directly
EILSEQ illegal byte sequence
ERESTART interrupted system call should be restarted
ESTRPIPE streams pipe error
EUSERS too many users
ENOTSOCK socket operation on non-socket
EDESTADDRREQ destination address required
EMSGSIZE message too long
EPROTOTYPE protocol wrong type for socket
ENOPROTOOPT protocol not available
EPROTONOSUPPORT protocol not supported
ESOCKTNOSUPPORT socket type not supported
EOPNOTSUPP operation not supported on transport endpoint
EPFNOSUPPORT protocol family not supported
EAFNOSUPPORT address family not supported by protocol
EADDRINUSE address already in use
EADDRNOTAVAIL cannot assign requested address
ENETDOWN network is down
ENETUNREACH network is unreachable
ENETRESET network dropped connection because of reset
ECONNABORTED software caused connection abort
ECONNRESET connection reset by peer
ENOBUFS no buffer space available
EISCONN transport endpoint is already connected
ENOTCONN transport endpoint is not connected
ESHUTDOWN cannot send after transport endpoint shutdown
ETOOMANYREFS too many references: cannot splice
ETIMEDOUT connection timed out
ECONNREFUSED connection refused
EHOSTDOWN host is down
EHOSTUNREACH no route to host
EALREADY operation already in progress
EINPROGRESS operation now in progress
ESTALE stale file handle
EUCLEAN structure needs cleaning
ENOTNAM not a XENIX named type file
ENAVAIL no XENIX semaphores available
EISNAM is a named type file
EREMOTEIO remote I/O error
EDQUOT quota exceeded
ENOMEDIUM no medium found
EMEDIUMTYPE wrong medium type
ECANCELED operation canceled
ENOKEY required key not available
EKEYEXPIRED key has expired
EKEYREVOKED key has been revoked
EKEYREJECTED key was rejected by service
EOWNERDEAD owner died
ENOTRECOVERABLE state not recoverable
ERFKILL operation not possible due to RF-kill
EHWPOISON memory page has hardware error
";

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::format;
    use std::string::ToString;

    #[test]
    fn they_are_those_of_nix() {
        for number in -1..=300 {
            let errno = Errno::from_raw(number);
            let mut desc = errno.desc().to_string();
            desc[..1].make_ascii_lowercase();
            assert_eq!(words(errno), (&*format!("{errno:?}"), &*desc), "{number}");
        }
        assert_eq!(words(Errno::ENOMEM), ("ENOMEM", "out of memory"));
    }
}
