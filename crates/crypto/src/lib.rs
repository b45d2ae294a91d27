//! Bulla: crypto.
