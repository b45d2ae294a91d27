//! Bulla: plane.

pub mod root;
