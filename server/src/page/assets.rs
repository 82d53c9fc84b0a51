//! The files that the page loads: script, WebAssembly, style and fonts, each in the forms that
//! `cargo xtask build` stored beside each other (`name`, `name.br`, `name.gz`). All of them are
//! held in memory.
//!
//! Relies on the folder `pkg` of the site holding one folder named after the content of everything
//! in it, the *revision*: whatever is under it never changes, so that browsers may keep it for
//! good.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map},
};

use axum::body::Bytes;
use rust_embed::RustEmbed;

use super::{
    asset::{Asset, FOREVER},
    encoding::Encoding,
};

/// A release build holds the files; a debug build reads the folder each time that it is asked.
#[derive(RustEmbed)]
#[folder = "$PAGE_FILES"]
#[allow_missing = true]
struct Built;

/// The page's files, by name.
#[derive(Debug, Default)]
pub struct Assets {
    revision: Option<String>,
    files: BTreeMap<String, Asset>,
}

impl Assets {
    /// The files in the binary; in a debug build, those in `target/site` at this moment.
    pub fn of_this_build() -> Self {
        Self::from_files(Built::iter().filter_map(|path| {
            let content = Built::get(&path)?.data;
            Some((path, content))
        }))
    }

    /// Files by their path, `<revision>/<name>`, the compressed forms told by their ending. A file
    /// outside of the first revision's folder is left out.
    pub fn from_files<P, C>(files: impl IntoIterator<Item = (P, C)>) -> Self
    where
        P: AsRef<str>,
        C: Into<Cow<'static, [u8]>>,
    {
        let mut assets = Self::default();
        for (path, content) in files {
            let Some((revision, name)) = path.as_ref().split_once('/') else {
                continue;
            };
            let first = assets.revision.get_or_insert_with(|| revision.to_owned());
            if first == revision {
                assets.add(revision, name, content.into());
            }
        }
        assets
    }

    /// What the files' folder is called; none without files.
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// Whether there are no files, because the page was not built.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn add(&mut self, revision: &str, path: &str, content: Cow<'static, [u8]>) {
        let (name, encoding) = Encoding::of_file(path);
        let content = match content {
            Cow::Borrowed(content) => Bytes::from_static(content),
            Cow::Owned(content) => content.into(),
        };
        let asset =
            self.files.remove(name).unwrap_or_else(|| Asset::new(content_type(name), FOREVER));
        self.files.insert(name.to_owned(), asset.with_form(encoding, content, revision));
    }
}

impl IntoIterator for Assets {
    type Item = (String, Asset);
    type IntoIter = btree_map::IntoIter<String, Asset>;

    fn into_iter(self) -> Self::IntoIter {
        self.files.into_iter()
    }
}

/// The MIME type of everything that the page may load.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("css") => "text/css; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LEPTOS_TOML, get_config_from_str};

    #[test]
    fn the_folder_is_the_one_of_leptos_toml() {
        let options = get_config_from_str(LEPTOS_TOML).unwrap();
        let folder = format!("/{}/{}", options.site_root, options.site_pkg_dir);
        assert!(env!("PAGE_FILES").ends_with(&folder), "{folder}");
        assert!(
            !env!("PAGE_FILES").contains(".."),
            "rust-embed refuses files whose real path does not begin with the folder's"
        );
    }
}
