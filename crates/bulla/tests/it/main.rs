//! The program from outside: its exit codes, its messages, and its wire.

#[cfg(test)]
mod backoff;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod envelope;
#[cfg(test)]
mod external_keys;
#[cfg(test)]
mod hsm;
#[cfg(test)]
mod process;
#[cfg(test)]
mod wire;
