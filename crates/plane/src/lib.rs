//! The plane: what every service of Bulla stands on, and the one way that every call takes.

pub mod journal;
pub mod root;
