//! Tests from outside: AWS's protocol cases, the generated tables, and arbitrary input.

mod leak;
mod properties;
mod served;
mod vectors;
mod xml_tree;
