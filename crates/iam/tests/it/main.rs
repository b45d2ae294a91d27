//! IAM in process: requests through the whole pipeline, on a store in memory.

#[cfg(test)]
mod denials;
#[cfg(test)]
mod directory;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod house;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod users;
