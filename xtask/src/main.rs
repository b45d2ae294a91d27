//! The project's own chores: `cargo xtask models [--check]`.

use std::process::ExitCode;

mod models;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["models"] => models::run(false),
        ["models", "--check"] => models::run(true),
        _ => Err("usage: cargo xtask models [--check]".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
