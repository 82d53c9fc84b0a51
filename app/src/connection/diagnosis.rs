//! Why a connection could not be opened. A browser does not tell, so the page checks the address,
//! its own origin, and whether the host answers over HTTP.

use super::address::{BadAddress, PageOrigin, Target};

/// The result of an HTTP request to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Probe {
    /// The host did not answer.
    NoAnswer,
    /// The host answered; the status of another origin's answer cannot be read.
    Opaque,
    /// The page's own host answered with this status.
    Status(u16),
}

/// The result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Holds,
    Broken,
    /// Could not be checked.
    Idle,
}

impl Verdict {
    /// The value of `data-result`, also the word that is shown.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::Idle => "idle",
        }
    }
}

/// A failed connection, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    pub(crate) title: String,
    /// Whether the cause was found by checks, because the browser gave none.
    pub(crate) by_checks: bool,
    pub(crate) findings: Vec<(Verdict, String)>,
    pub(crate) remedy: String,
}

impl Diagnosis {
    /// The address is not a WebSocket address.
    pub(crate) fn of_address(why: BadAddress) -> Self {
        Self {
            title: "This is not a WebSocket address".into(),
            by_checks: false,
            findings: vec![(Verdict::Broken, why.to_string())],
            remedy: "correct the address, or choose one of the two endpoints above.".into(),
        }
    }

    /// The browser refuses to try.
    pub(crate) fn of_mixed_content(target: &Target) -> Self {
        Self {
            title: "The browser does not allow this connection".into(),
            by_checks: false,
            findings: vec![
                (Verdict::Holds, "The address is a valid WebSocket URL".into()),
                (
                    Verdict::Broken,
                    "Mixed content: the page came over HTTPS, the socket would be plain".into(),
                ),
            ],
            remedy: format!(
                "use wss://{}{}, or open this page over http://.",
                target.host, target.path
            ),
        }
    }

    /// The browser tried and failed.
    pub(crate) fn of_probe(target: &Target, page: &PageOrigin, probe: Probe) -> Self {
        let own = target.host == page.host;
        let mut findings = vec![
            (Verdict::Holds, "The address is a valid WebSocket URL".to_owned()),
            (Verdict::Holds, "Not mixed content".to_owned()),
        ];
        let (finding, title, remedy) = match probe {
            Probe::NoAnswer => silence(target, page, own),
            Probe::Opaque => foreign(target),
            Probe::Status(status) => answered(target, status),
        };
        findings.push(finding);
        let origin = match probe {
            Probe::NoAnswer => {
                (Verdict::Idle, "Origin not checked: the host does not answer".to_owned())
            }
            _ if own => (Verdict::Holds, "The origin is the gateway's own".to_owned()),
            _ => (
                Verdict::Idle,
                format!("Another origin: the gateway there may not allow pages of {}", page.host),
            ),
        };
        findings.push(origin);
        Self { title, by_checks: true, findings, remedy }
    }
}

type Found = ((Verdict, String), String, String);

fn silence(target: &Target, page: &PageOrigin, own: bool) -> Found {
    let remedy = if own {
        "the gateway that served this page has stopped, or the network is down: start it again, then connect.".to_owned()
    } else {
        format!(
            "start a gateway there, check the port, or use the one that served this page ({}).",
            page.host
        )
    };
    (
        (Verdict::Broken, format!("{} does not answer", target.http())),
        format!("Nothing answers at {}", target.host),
        remedy,
    )
}

fn foreign(target: &Target) -> Found {
    let finding = (Verdict::Holds, format!("Something answers at {}", target.host));
    let remedy = "check the path (/ws or /ws/sub/…), and let that gateway allow this page's origin (access.allowed_origins).".to_owned();
    (finding, format!("{} answers, but not as a WebSocket", target.host), remedy)
}

fn answered(target: &Target, status: u16) -> Found {
    let finding = (Verdict::Broken, format!("{} answers with HTTP {status}", target.http()));
    let (title, remedy) = match status {
        404 | 405 => (
            format!("There is no WebSocket at {}", target.path),
            "use /ws, or /ws/sub/ and a topic.",
        ),
        401 | 403 => (
            "The gateway does not allow this connection".to_owned(),
            "let it allow this page's origin (access.allowed_origins).",
        ),
        503 => ("The gateway takes no more connections".to_owned(), "try again in a moment."),
        500.. => (
            "The gateway, or a proxy before it, has failed".to_owned(),
            "see its log, then try again.",
        ),
        _ => (
            format!("{} did not become a WebSocket", target.path),
            "try again; if there is a proxy in between, let it pass WebSocket upgrades.",
        ),
    };
    (finding, title, remedy.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> PageOrigin {
        PageOrigin { secure: false, host: "localhost:3000".into() }
    }

    fn look(url: &str, probe: Probe) -> (String, Vec<&'static str>) {
        let diagnosis = Diagnosis::of_probe(&Target::parse(url).unwrap(), &page(), probe);
        (diagnosis.title, diagnosis.findings.iter().map(|(verdict, _)| verdict.as_str()).collect())
    }

    #[test]
    fn refused_wrong_path_and_foreign_origin_read_differently() {
        let refused = look("ws://localhost:9/ws", Probe::NoAnswer);
        assert_eq!(
            refused,
            ("Nothing answers at localhost:9".into(), vec!["holds", "holds", "broken", "idle"])
        );
        let wrong_path = look("ws://localhost:3000/sw", Probe::Status(404));
        assert_eq!(
            wrong_path,
            ("There is no WebSocket at /sw".into(), vec!["holds", "holds", "broken", "holds"])
        );
        let foreign = look("ws://example.com/ws", Probe::Opaque);
        assert_eq!(
            foreign,
            (
                "example.com answers, but not as a WebSocket".into(),
                vec!["holds", "holds", "holds", "idle"]
            )
        );
    }
}
