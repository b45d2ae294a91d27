//! The policy language as its users see it: recorded answers, parsing, the order of evaluation, and
//! agreement with a second implementation.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod conditions;
#[cfg(test)]
mod denials;
#[cfg(test)]
mod order;
#[cfg(test)]
mod parsing;
#[cfg(test)]
mod second;
#[cfg(test)]
mod survey;
