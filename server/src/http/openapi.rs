//! What holds for several operations, written into the OpenAPI document once all of them are in it.

use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::Response;
use utoipa::openapi::{OpenApi, Ref, RefOr};

use super::names;
use super::problem::{Code, documented};

/// The name of the answer that every path but those of probes may give.
const MISDIRECTED: &str = "Misdirected";
const PROBES: [&str; 2] = ["/healthz", "/readyz"];

/// Adds the answer to a request by a foreign name and what a topic in a path may be, and says of
/// each operation that needs no key that it needs none. If none needs a key, the document does not
/// describe any.
pub(super) fn complete(document: &mut OpenApi) {
    document
        .components
        .get_or_insert_default()
        .responses
        .insert(MISDIRECTED.to_owned(), misdirected().into());
    let mut needs_key = false;
    for (path, item) in &mut document.paths.paths {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            needs_key |= !operation.security.get_or_insert_default().is_empty();
            describe_topic(operation);
            if !PROBES.contains(&path.as_str()) {
                may_be_misdirected(operation);
            }
        }
    }
    if let Some(components) = document.components.as_mut().filter(|_| !needs_key) {
        components.security_schemes.clear();
    }
}

/// By the protocol's own rules.
fn describe_topic(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.parameter_in == ParameterIn::Path
            && parameter.name == "topic"
        {
            parameter.schema = Some(names::topic().into());
        }
    }
}

fn may_be_misdirected(operation: &mut Operation) {
    let status = Code::Misdirected.status().as_str().to_owned();
    operation.responses.responses.insert(status, Ref::from_response_name(MISDIRECTED).into());
}

fn misdirected() -> Response {
    documented(
        Code::Misdirected,
        "`MISDIRECTED`: the gateway does not answer to the name in `Host` (`access.allowed_hosts`)",
    )
}
