//! Every engine against the one suite.

use std::sync::Arc;

use bulla_store::{
    Disk, Memory, Simulated, Sqlite,
    conformance::{self, Engine},
};

use crate::run;

fn conforms(fresh: impl FnMut() -> Engine) {
    for (name, check) in conformance::all(fresh) {
        // Shown only when a check fails.
        println!("{name}");
        run(check);
    }
}

#[test]
fn sqlite_conforms() {
    let directory = tempfile::tempdir().unwrap();
    let mut number = 0;
    conforms(|| {
        number += 1;
        Arc::new(Sqlite::open(directory.path().join(number.to_string())).unwrap())
    });
}

#[test]
fn memory_conforms() {
    conforms(|| Arc::new(Memory::new()));
}

#[test]
fn simulated_conforms() {
    conforms(|| Arc::new(Simulated::open(Disk::new(1)).unwrap()));
}
