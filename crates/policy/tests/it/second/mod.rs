//! A second implementation of evaluation, scenarios by seed, and the comparison of both. The long
//! run is torture test 11, which has this folder too.

pub(crate) mod compare;
pub(crate) mod generate;
pub(crate) mod reference;
