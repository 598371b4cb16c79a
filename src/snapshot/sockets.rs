//! stub
/// s
pub struct Sockets;
use crate::target::Target;
impl Sockets {
    /// s
    pub fn arm(_: &Target) -> Self {
        Self
    }
}
