//! Bulla, the program.
fn main() {}
