//! Parameters and secrets at hand: programs that run with them, and archives that carry them from
//! one place to another.

mod answers;
mod archive;
mod exchange;
mod export;
mod import;
mod progress;
mod run;
mod secrets;
mod variables;
mod vault;

pub(crate) use export::export;
pub(crate) use import::import;
pub(crate) use run::{env, run};
