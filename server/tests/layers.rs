//! The layers of `server/src`: a module names only modules of the lines below its own in [`ORDER`].
//! Modules of one line do not name each other, so that there is no circle either. Tests inside the
//! modules are held to the same order. `main.rs` and `cli/` use the library as another crate does.
//!
//! The sources are read as tokens: every path that begins at the crate's root counts, whether it
//! is in a `use` or not, and whether it begins with `crate` or with enough `super`s.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

/// From the highest layer to the lowest. `ARCHITECTURE.md` shows the same lines.
const ORDER: &str = "\
simulation
serve
http
socket
gateway
registry
connection sequencer
admission auth backbone log page signing slo tls
redis
backoff config dedup metrics nats_server redis_server session
access bucket chance completion files masked server_process text_file transport wall_clock
";

/// What is wrong with a path.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    /// It names a module that is not below its own.
    NotBelow(String),
    /// It names something at the root that is not a module of [`ORDER`]: a re-export, a glob, a new
    /// module, or the crate itself.
    NoLayer(String),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBelow(name) => write!(f, "names `{name}`, which is not in a lower layer"),
            Self::NoLayer(name) => write!(
                f,
                "names `{name}` at the root of the crate, which is no layer: name its module"
            ),
        }
    }
}

/// The line of a module in [`ORDER`], counted from the top.
fn layer(module: &str) -> Option<usize> {
    ORDER.lines().position(|line| line.split(' ').any(|known| known == module))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'a> {
    text: &'a str,
    line: usize,
}

/// Words, `::` and single characters; without comments, strings and characters in quotes.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let (len, is_token) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), false),
            '/' if rest.starts_with("/*") => (block_comment(rest), false),
            '"' => (1 + string(&rest[1..]), false),
            '\'' => (quoted_character_or_lifetime(rest), false),
            ':' if rest.starts_with("::") => (2, true),
            _ if is_word(first) => {
                let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                match raw_string(rest, word) {
                    Some(len) => (len, false),
                    None => (word, true),
                }
            }
            _ => (first.len_utf8(), !first.is_whitespace()),
        };
        let (text, behind) = rest.split_at(len);
        if is_token {
            tokens.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = behind;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Bytes of the comment, which may contain others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let rest = &text[at..];
        let len = if rest.starts_with("/*") {
            depth += 1;
            2
        } else if rest.starts_with("*/") {
            depth -= 1;
            2
        } else {
            rest.chars().next().expect("the comment ends").len_utf8()
        };
        at += len;
        if depth == 0 {
            return at;
        }
    }
}

/// Bytes up to and including the quote at the end.
fn string(text: &str) -> usize {
    let mut characters = text.char_indices();
    loop {
        match characters.next().expect("the string ends") {
            (_, '\\') => drop(characters.next()),
            (at, '"') => return at + 1,
            _ => {}
        }
    }
}

/// Bytes of a raw string whose prefix is the word of this length.
fn raw_string(text: &str, word: usize) -> Option<usize> {
    let (prefix, rest) = text.split_at(word);
    let hashes = rest.find(|c| c != '#')?;
    let body = rest[hashes..].strip_prefix('"').filter(|_| matches!(prefix, "r" | "br" | "cr"))?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(word + hashes + 1 + body.find(&end).expect("the string ends") + end.len())
}

fn quoted_character_or_lifetime(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            let behind_the_escaped = characters.nth(1).expect("the character ends").0;
            behind_the_escaped + 1 + text[behind_the_escaped..].find('\'').expect("it ends")
        }
        Some((_, _)) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

/// What is wrong in a source file of `module`, with the line. Of a file `x.rs` or `x/mod.rs`
/// `depth` is 1, of `x/y.rs` it is 2.
fn wrong(module: &str, depth: usize, source: &str) -> Vec<(usize, Wrong)> {
    let own = layer(module).expect("the module has a layer");
    let mut found = Vec::new();
    for root in at_the_root(&tokens(source), depth) {
        match layer(root.text) {
            _ if root.text == module => {}
            None => found.push((root.line, Wrong::NoLayer(root.text.to_owned()))),
            Some(other) if other <= own => {
                found.push((root.line, Wrong::NotBelow(root.text.to_owned())));
            }
            Some(_) => {}
        }
    }
    found
}

/// What paths name at the root of the crate.
fn at_the_root<'a>(tokens: &[Token<'a>], depth: usize) -> Vec<Token<'a>> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut found = Vec::new();
    let mut braces = 0;
    // The depths of braces in which inline modules are.
    let mut inline = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "{" => {
                braces += 1;
                if at >= 2 && text(at - 2) == "mod" {
                    inline.push(braces);
                }
            }
            "}" => {
                if inline.last() == Some(&braces) {
                    inline.pop();
                }
                braces -= 1;
            }
            "crate" if text(at + 1) == "::" => names(tokens, at + 2, 0, &mut found),
            // `pub(crate)` is a visibility, and any other `crate` a new name for the root.
            "crate" if text(at + 1) != ")" => found.push(*token),
            "super" if at < 2 || text(at - 2) != "super" => {
                supers(tokens, at, depth + inline.len(), &mut found);
            }
            _ => {}
        }
    }
    found
}

/// A path that begins with `super` at `at`, `left` modules below the root.
fn supers<'a>(tokens: &[Token<'a>], at: usize, left: usize, found: &mut Vec<Token<'a>>) {
    if tokens.get(at + 1).is_some_and(|token| token.text == "::") {
        names(tokens, at + 2, left - 1, found);
    }
}

/// What a path goes on with that is `left` modules below the root: a name, or several in braces.
fn names<'a>(tokens: &[Token<'a>], at: usize, left: usize, found: &mut Vec<Token<'a>>) {
    match tokens[at].text {
        "super" => supers(tokens, at, left, found),
        "{" => {
            let (mut depth, mut at) = (0, at);
            loop {
                match tokens[at].text {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    return;
                }
                let begins = depth == 1 && matches!(tokens[at].text, "{" | ",");
                if begins && tokens[at + 1].text != "}" {
                    names(tokens, at + 1, left, found);
                }
                at += 1;
            }
        }
        _ if left == 0 => found.push(tokens[at]),
        _ => {}
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("its entries too").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_module_names_only_lower_layers() {
    let root = repository().join("server/src");
    let mut complaints = Vec::new();
    let mut files = 0;
    for path in sources(&root) {
        let inside = path.strip_prefix(&root).unwrap().with_extension("");
        let mut parts: Vec<_> = inside.iter().map(|part| part.to_str().unwrap()).collect();
        if parts.last() == Some(&"mod") {
            parts.pop();
        }
        let module = parts[0];
        if matches!(module, "lib" | "main" | "cli") {
            continue;
        }
        files += 1;
        for (line, wrong) in wrong(module, parts.len(), &fs::read_to_string(&path).unwrap()) {
            let file = path.strip_prefix(&root).unwrap().display();
            complaints.push(format!("server/src/{file}:{line}: `{module}` {wrong}"));
        }
    }
    assert!(files > 100, "{files} files were read");
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let source = fs::read_to_string(repository().join("server/src/lib.rs")).unwrap();
    let tokens = tokens(&source);
    let declared: BTreeSet<_> = tokens
        .windows(3)
        .filter(|window| window[0].text == "mod" && window[2].text == ";")
        .map(|window| window[1].text)
        .collect();
    assert_eq!(declared, ORDER.split_whitespace().collect(), "lib.rs (left) and ORDER (right)");
}

#[test]
fn the_map_shows_the_same_order() {
    let map = fs::read_to_string(repository().join("ARCHITECTURE.md")).unwrap();
    assert!(
        map.contains(&format!("```text\n{ORDER}```\n")),
        "ARCHITECTURE.md should have this block:\n```text\n{ORDER}```"
    );
}

#[test]
fn upward_paths_are_found_in_every_form() {
    for source in [
        "\nuse crate::socket::Caller;",
        "\nuse crate::{config::Config, socket};",
        "\npub(crate) use crate::{config::{self, Config}, socket::{Caller}};",
        "\nfn f() { crate::socket::f(); }",
        "\nuse super::super::socket;",
        "\nuse super::{super::{config, socket}, x};",
        "\nmod tests { use super::super::super::socket; }",
        "\nconst C: &[char] = &['\"', '\\'', '\\u{22}']; use crate::socket;",
        "\nfn f<'a>(a: &'a str) { crate::socket::f::<'a>(r#\"\"\"#) }",
    ] {
        let expected = [(2, Wrong::NotBelow("socket".to_owned()))];
        assert_eq!(wrong("gateway", 2, source), expected, "{source}");
    }
    for (source, name) in [
        ("use crate::Server;", "Server"),
        ("use crate::*;", "*"),
        ("use crate as root;", "crate"),
        ("use super::super::*;", "*"),
    ] {
        assert_eq!(wrong("gateway", 2, source), [(1, Wrong::NoLayer(name.to_owned()))], "{source}");
    }
    for source in [
        "use crate::{config::Config, gateway::phase, metrics};",
        "use super::socket; mod tests { use super::super::socket; use super::*; }",
        "// crate::socket\n/* crate::socket /* */ crate::socket */",
        r##"const A: &str = "crate::socket \" crate::socket"; const B: &str = r#"" crate::socket"#;"##,
        "pub(crate) struct A; pub(in crate::gateway) struct B;",
    ] {
        assert_eq!(wrong("gateway", 2, source), [], "{source}");
    }
}
