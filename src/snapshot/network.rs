//! stub
use super::{Completeness, Scene};
use crate::error::Absent;
use crate::report::Report;
pub(super) fn take(_: &mut Scene<'_>, _: &mut dyn Report) -> Result<Completeness, Absent> {
    Ok(Completeness::Complete)
}
