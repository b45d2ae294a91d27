//! The programs that run handlers in Python and Node.js, on the runtime API like anybody's own.

/// The files of the runtime folder.
pub(super) const FILES: [(&str, &str); 2] = [
    ("python.py", include_str!("bootstrap/python.py")),
    ("node.mjs", include_str!("bootstrap/node.mjs")),
];
/// The name of the file of certificates that functions are to trust.
pub(super) const AUTHORITIES: &str = "authorities.pem";
