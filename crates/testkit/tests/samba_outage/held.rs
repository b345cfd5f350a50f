//! A database to which nobody can write: whoever works on a set waits for it.

use std::fs;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lab::Forest;

/// Begins a transaction, says so, and gives it up when it is told to.
const PROGRAM: &str = r#"
import os, time
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm()
lp.load("/domain/etc/smb.conf")
database = SamDB(url="/domain/private/sam.ldb", session_info=system_session(), lp=lp)
database.transaction_start()
open("/domain/held", "w").close()
while not os.path.exists("/domain/let-go"):
    time.sleep(0.02)
database.transaction_cancel()
"#;

/// The controller's database is read by everybody and written to by nobody.
pub(crate) struct Held {
    domain: PathBuf,
    holder: JoinHandle<()>,
}

impl Held {
    pub(crate) fn hold(forest: &Forest) -> Self {
        let domain = forest.ca_file.with_file_name("domain");
        let forest = forest.clone();
        let holder = thread::spawn(move || drop(forest.python(PROGRAM, "").unwrap()));
        while !domain.join("held").exists() {
            assert!(!holder.is_finished(), "somebody holds it");
            thread::sleep(Duration::from_millis(10));
        }
        Self { domain, holder }
    }

    pub(crate) fn let_go(self) {
        fs::write(self.domain.join("let-go"), "").unwrap();
        self.holder.join().unwrap();
    }
}
