//! Bulla: policy.
