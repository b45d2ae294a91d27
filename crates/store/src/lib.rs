//! Bulla: store.
