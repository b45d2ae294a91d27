//! Tests from outside: AWS's protocol cases, the generated tables, and arbitrary input.

#[cfg(test)]
mod leak;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod served;
#[cfg(test)]
mod vectors;
#[cfg(test)]
mod xml_tree;
