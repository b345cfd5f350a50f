//! The library that makes a test controller fast: compiled once, preloaded into Samba.
//!
//! A reset costs a plain controller about 48 ms, nearly all of it for Kerberos keys (LAB.md):
//! beside that, nobody could see what Passback itself costs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tools::{self, HostPackage};
use crate::{LabError, places};

const SOURCE: &str = include_str!("fast_pbkdf2.c");
/// Raised with every change of the source or of how it is compiled.
const VERSION: u32 = 1;
/// What compiles it.
const COMPILER: HostPackage = HostPackage { name: "gcc", shown_by: "cc" };

/// The compiled library, made if it is missing.
pub(crate) fn library() -> Result<PathBuf, LabError> {
    places::require_root()?;
    let cache = places::cache()?;
    let library = cache.join(format!("fast-pbkdf2-{VERSION}.so"));
    if library.exists() {
        return Ok(library);
    }
    if !tools::present(COMPILER.shown_by) {
        return Err(LabError::Missing(vec![COMPILER]));
    }
    // Of this process alone: two that compile at once rename the same bytes.
    let own = std::process::id();
    let source = cache.join(format!("fast-pbkdf2-{own}.part.c"));
    let part = cache.join(format!("fast-pbkdf2-{own}.part.so"));
    let compiled = compile(&source, &part)
        .and_then(|()| fs::rename(&part, &library).map_err(LabError::io("renaming", &part)));
    // Gone or not: neither is in anybody's way.
    for left in [source, part] {
        let _ = fs::remove_file(left);
    }
    compiled.map(|()| library)
}

/// Copies the library to where a controller finds it, and returns its name there.
pub(crate) fn put_into(domain: &Path, library: &Path) -> Result<String, LabError> {
    let name = "fast-pbkdf2.so";
    fs::copy(library, domain.join(name)).map_err(LabError::io("copying", library))?;
    Ok(name.to_owned())
}

fn compile(source: &Path, library: &Path) -> Result<(), LabError> {
    fs::write(source, SOURCE).map_err(LabError::io("writing", source))?;
    let log = places::logs()?.join("fast.log");
    let output = fs::File::create(&log).map_err(LabError::io("making the log", &log))?;
    let errors = output.try_clone().map_err(LabError::io("making the log", &log))?;
    let status = Command::new(COMPILER.shown_by)
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-nostdlib", "-o"])
        .arg(library)
        .arg(source)
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .status()
        .map_err(LabError::io("starting", Path::new(COMPILER.shown_by)))?;
    if status.success() {
        Ok(())
    } else {
        Err(LabError::StepFailed { step: "compiling the fast key derivation", log })
    }
}
