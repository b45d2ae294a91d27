//! The program from outside: its exit codes, its messages, and its wire.

mod command_line;
mod process;
mod wire;
