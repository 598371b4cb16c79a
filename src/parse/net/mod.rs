//! stub
use crate::units::Bytes;
use core::net::SocketAddr;
/// s
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Socket {
    /// s
    pub protocol: Protocol,
    /// s
    pub state: State,
    /// s
    pub local: SocketAddr,
    /// s
    pub remote: SocketAddr,
    /// s
    pub tx_queue: Option<Bytes>,
    /// s
    pub rx_queue: Option<Bytes>,
    /// s
    pub inode: u32,
}
/// s
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// s
    Tcp,
}
impl Protocol {
    /// s
    pub fn name(self) -> &'static str {
        "TCP"
    }
}
/// s
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// s
    Established,
}
impl core::fmt::Display for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("ESTABLISHED")
    }
}
