//! Bulla: sigv4.
