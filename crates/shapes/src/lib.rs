//! Bulla: shapes.
