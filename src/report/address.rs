//! Addresses as RFC 5952 writes them, and the standard library with 4 kB of code.

use core::fmt::{Display, Formatter, Result};
use core::net::{Ipv6Addr, SocketAddr};

/// `127.0.0.1:5432`, `[::1]:5432`
pub(super) struct Address(pub(super) SocketAddr);

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self.0 {
            SocketAddr::V4(address) => dotted(address.ip().octets(), f)?,
            SocketAddr::V6(address) => {
                f.write_str("[")?;
                groups(*address.ip(), f)?;
                f.write_str("]")?;
            }
        }
        write!(f, ":{}", self.0.port())
    }
}

fn dotted([a, b, c, d]: [u8; 4], f: &mut Formatter<'_>) -> Result {
    write!(f, "{a}.{b}.{c}.{d}")
}

/// The first of the longest runs of zeros, of two at least, is left out.
fn groups(ip: Ipv6Addr, f: &mut Formatter<'_>) -> Result {
    if let Some(mapped) = ip.to_ipv4_mapped() {
        f.write_str("::ffff:")?;
        return dotted(mapped.octets(), f);
    }
    let groups = ip.segments();
    let zeros = |from: usize| groups.iter().skip(from).take_while(|group| **group == 0).count();
    let (mut start, mut length) = (groups.len(), 1);
    for from in 0..groups.len() {
        if zeros(from) > length {
            (start, length) = (from, zeros(from));
        }
    }
    for (at, group) in groups.into_iter().enumerate() {
        if at == start {
            f.write_str("::")?;
        } else if !(start..start + length).contains(&at) {
            let separator = if at == 0 || at == start + length { "" } else { ":" };
            write!(f, "{separator}{group:x}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn an_address_is_written_as_the_standard_library_does() {
        let mut random = 1_u32;
        let mut addresses = std::vec::Vec::new();
        for zeros in 0..=255_u8 {
            let group = |at: u32| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if zeros & (1 << at) == 0 { 0 } else { (random >> 16) as u16 >> (random & 15) }
            };
            let mut at = 0..8;
            let ip = Ipv6Addr::from([(); 8].map(|()| at.next()).map(Option::unwrap_or_default).map(group));
            addresses.push(SocketAddr::from((ip, zeros.into())));
        }
        for text in ["[::ffff:10.0.0.1]:65535", "[::10.0.0.1]:1", "0.0.0.0:0", "255.255.255.255:65535", "[::]:0"] {
            addresses.push(text.parse().expect("an address"));
        }
        for address in addresses {
            assert_eq!(Address(address).to_string(), address.to_string());
        }
    }
}
