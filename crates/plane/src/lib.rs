//! Bulla: plane.

pub mod journal;
