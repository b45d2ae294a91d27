//! What the library drags along: a bound that is counted.

use std::collections::BTreeSet;
use std::process::Command;

/// The most crates in the tree without features, this one included.
const MAX_CRATES: usize = 25;

#[test]
fn at_most_25_crates_without_features() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--offline", "-p", "bulla-envelope", "-e", "normal"])
        .args(["--no-default-features", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<&str> =
        text.lines().filter_map(|line| line.split(" (").next()).map(str::trim).collect();
    assert!(crates.iter().any(|name| name.starts_with("bulla-envelope ")), "{crates:?}");
    assert!(crates.len() <= MAX_CRATES, "{} crates: {crates:#?}", crates.len());
    println!("{} crates", crates.len());
}
