//! What changes the whole process is tested in a process of its own.

use bulla_crypto::{harden_process, memory_lock};
use rustix::process::{Resource, getrlimit};

#[test]
fn a_hardened_process_dumps_no_core() {
    let hardening = harden_process().unwrap();
    let core = getrlimit(Resource::Core);
    assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
    let lockable = getrlimit(Resource::Memlock);
    assert_eq!(lockable.current, lockable.maximum);
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, dumpable_behavior};
        assert!(hardening.undumpable);
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
    assert_eq!(hardening.memory, memory_lock().unwrap());
}
