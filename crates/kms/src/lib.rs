//! Bulla: kms.
