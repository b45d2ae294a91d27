//! Bulla: plane.
