//! Why a configuration is refused, in words that say where to look and what to write instead.

use std::fmt;
use std::path::PathBuf;

/// Where a value was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of the file, from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
    /// Nowhere: the default.
    Default,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
            Self::Default => f.write_str("default"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file of `--config` cannot be read.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        reason: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{place}: not TOML: {reason}")]
    Syntax {
        /// The line.
        place: Place,
        /// What the parser says.
        reason: String,
    },
    /// A variable whose name or value is not UTF-8. Its value may be a secret and is not shown.
    #[error("{place}: is not UTF-8, in its name or in its value")]
    NotUtf8 {
        /// The variable, with U+FFFD for what is not UTF-8.
        place: Place,
    },
    /// No such key.
    #[error("{place}: unknown key {key}{}; {choice}", near.as_ref().map(|near| format!(", did you mean {near}?")).unwrap_or_default())]
    UnknownKey {
        /// Where it stands.
        place: Place,
        /// With its section.
        key: String,
        /// One that is spelt nearly so.
        near: Option<String>,
        /// The keys or sections that there are.
        choice: String,
    },
    /// Of the wrong type, or a value that cannot be.
    #[error("{place}: {key}: found {found}; allowed: {allowed}")]
    Value {
        /// Where it stands.
        place: Place,
        /// With its section.
        key: String,
        /// As it was written.
        found: String,
        /// What would do.
        allowed: String,
    },
    /// A value that cannot be without another, or with it.
    #[error("{place}: {key}: found {found}; {needs}")]
    Needs {
        /// Where it stands.
        place: Place,
        /// With its section.
        key: &'static str,
        /// The value, in words.
        found: &'static str,
        /// What is missing or too much.
        needs: &'static str,
    },
    /// Two values that cannot both be.
    #[error("{place}: {key}: found {found}; allowed: {allowed}, which is {of} ({of_place})")]
    Conflict {
        /// Where the first stands.
        place: Place,
        /// The first, with its section.
        key: &'static str,
        /// As `check` writes it.
        found: String,
        /// What would do.
        allowed: String,
        /// The value of the second.
        of: String,
        /// Where the second stands.
        of_place: Place,
    },
}

/// Everything that is wrong, one line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<Problem>);
