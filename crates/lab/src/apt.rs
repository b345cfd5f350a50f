//! Which mirror the host's own packages come from, and how apt reaches it.
//!
//! The lab is built where only the host's mirror or proxy may be reachable, so it asks what the
//! host asks: the first source that carries the host's own Debian release.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::LabError;

/// Names a mirror where the host has none of its own.
const MIRROR: &str = "PASSBACK_MIRROR";

/// One place that apt takes packages from.
#[derive(Debug, PartialEq, Eq)]
struct Source {
    uri: String,
    suites: Vec<String>,
    components: Vec<String>,
}

/// The mirror to build from: the one of the environment, else the host's own.
pub(crate) fn mirror() -> Result<String, LabError> {
    if let Some(mirror) = env::var_os(MIRROR).and_then(|mirror| mirror.into_string().ok()) {
        return Ok(mirror);
    }
    let mut sources = Vec::new();
    for file in source_files() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        if file.extension().is_some_and(|extension| extension == "sources") {
            sources.extend(paragraphs(&text));
        } else {
            sources.extend(text.lines().filter_map(one_line));
        }
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    choose(&sources, &release).map(str::to_owned).ok_or(LabError::NoMirror)
}

/// Copies how apt gets out (proxies, certificates, passwords, trust in the clock) into the root
/// filesystem, and the resolver's settings.
pub(crate) fn copy_settings(rootfs: &Path) -> Result<(), LabError> {
    for file in ["/etc/resolv.conf", "/etc/hosts", "/etc/apt/auth.conf"] {
        copy_if_there(Path::new(file), rootfs)?;
    }
    // A mirror with HTTPS is checked against what the host trusts.
    copy_if_there(Path::new("/etc/ssl/certs/ca-certificates.crt"), rootfs)?;
    for file in files_in("/etc/apt/auth.conf.d") {
        copy_if_there(&file, rootfs)?;
    }
    for file in files_in("/etc/apt/apt.conf.d").into_iter().chain(["/etc/apt/apt.conf".into()]) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        if !text.contains("Acquire") {
            continue;
        }
        copy_if_there(&file, rootfs)?;
        for certificate in named_certificates(&text) {
            copy_if_there(&certificate, rootfs)?;
        }
    }
    Ok(())
}

/// The sources of a root filesystem: Debian 13 and, if Samba comes from elsewhere than from
/// Debian 13 itself, that suite of the same mirror.
pub(crate) fn trixie_sources(mirror: &str, suite: &str) -> String {
    let own = format!("deb {mirror} trixie main\n");
    if suite == "trixie" { own } else { format!("{own}deb {mirror} {suite} main\n") }
}

fn choose<'a>(sources: &'a [Source], release: &str) -> Option<&'a str> {
    let value = |key: &str| {
        let line = release.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim_matches('"').to_owned())
    };
    if value("ID=").as_deref() != Some("debian") {
        return None;
    }
    let codename = value("VERSION_CODENAME=")?;
    let source = sources.iter().find(|source| {
        source.uri.starts_with("http")
            && source.suites.contains(&codename)
            && source.components.iter().any(|component| component == "main")
    })?;
    Some(source.uri.trim_end_matches('/'))
}

/// Sources in the one-line style: `deb [options] URI SUITE COMPONENT…` (sources.list(5)).
fn one_line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim().strip_prefix("deb")?;
    if !line.starts_with(char::is_whitespace) {
        return None;
    }
    let line = line.trim_start();
    let line = match line.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => line,
    };
    let mut words = line.split_whitespace().map(str::to_owned);
    Some(Source { uri: words.next()?, suites: vec![words.next()?], components: words.collect() })
}

/// Sources in the deb822 style: paragraphs of fields (sources.list(5)).
fn paragraphs(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            sources.extend(sources_of(&fields));
            fields.clear();
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    sources
}

fn sources_of(fields: &[(String, String)]) -> Vec<Source> {
    let words = |name: &str| -> Vec<String> {
        let value = fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        value.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
    };
    let off = words("enabled").iter().any(|value| value == "no");
    if off || !words("types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    let source = |uri| Source { uri, suites: words("suites"), components: words("components") };
    words("uris").into_iter().map(source).collect()
}

fn named_certificates(text: &str) -> Vec<PathBuf> {
    text.split('"').filter(|part| part.starts_with('/')).map(PathBuf::from).collect()
}

fn source_files() -> Vec<PathBuf> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    files.extend(files_in("/etc/apt/sources.list.d").into_iter().filter(|file| {
        file.extension().is_some_and(|extension| extension == "list" || extension == "sources")
    }));
    files
}

fn files_in(directory: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    files
}

fn copy_if_there(file: &Path, rootfs: &Path) -> Result<(), LabError> {
    let Ok(relative) = file.strip_prefix("/") else { return Ok(()) };
    if !file.is_file() {
        return Ok(());
    }
    let copy = rootfs.join(relative);
    if let Some(parent) = copy.parent() {
        fs::create_dir_all(parent).map_err(LabError::io("making the directory", parent))?;
    }
    fs::copy(file, &copy).map_err(LabError::io("copying a setting to", &copy))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOKWORM: &str = "PRETTY_NAME=\"Debian\"\nID=debian\nVERSION_CODENAME=bookworm\n";

    fn source(uri: &str, suites: &[&str], components: &[&str]) -> Source {
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Source { uri: uri.to_owned(), suites: owned(suites), components: owned(components) }
    }

    #[test]
    fn a_paragraph_names_several_suites_and_may_go_on_in_the_next_line() {
        let text = "# the archive\nTypes: deb deb-src\nURIs: https://mirror.example/debian/\n\
                    Suites: bookworm\n bookworm-updates\nComponents: main contrib\n\n\
                    Enabled: no\nTypes: deb\nURIs: http://off.example\nSuites: bookworm\n\
                    Components: main\n";
        assert_eq!(
            paragraphs(text),
            [source(
                "https://mirror.example/debian/",
                &["bookworm", "bookworm-updates"],
                &["main", "contrib"]
            )]
        );
    }

    #[test]
    fn a_line_may_have_options_and_a_comment() {
        assert_eq!(
            one_line("deb [arch=amd64 signed-by=/k] http://m.example/d bookworm main # ours"),
            Some(source("http://m.example/d", &["bookworm"], &["main"]))
        );
        assert_eq!(one_line("deb-src http://m.example/d bookworm main"), None);
        assert_eq!(one_line("# deb http://m.example/d bookworm main"), None);
        assert_eq!(one_line("deb"), None);
    }

    #[test]
    fn the_mirror_is_the_one_of_the_release_itself_not_of_its_security_updates() {
        let sources = [
            source("http://m.example/node", &["nodistro"], &["main"]),
            source("cdrom:[Debian]", &["bookworm"], &["main"]),
            source("http://m.example/security", &["bookworm-security"], &["main"]),
            source("https://m.example/mirror/debian/", &["bookworm"], &["main"]),
        ];
        assert_eq!(choose(&sources, BOOKWORM), Some("https://m.example/mirror/debian"));
    }

    #[test]
    fn another_distribution_gives_no_mirror_of_debian() {
        let sources = [source("http://archive.example/ubuntu", &["noble"], &["main"])];
        assert_eq!(choose(&sources, "ID=ubuntu\nVERSION_CODENAME=noble\n"), None);
        assert_eq!(choose(&sources, BOOKWORM), None);
    }

    #[test]
    fn certificates_that_a_setting_names_are_found() {
        let text = "Acquire::https::CaInfo \"/etc/proxy/ca.pem\";\nAcquire::Retries \"3\";";
        assert_eq!(named_certificates(text), [PathBuf::from("/etc/proxy/ca.pem")]);
    }
}
