//! Bulla: iam.
