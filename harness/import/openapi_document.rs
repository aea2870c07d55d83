//! The document of an OpenAPI description: JSON or YAML, and the URL under which its paths are.

use super::error::ImportError;
use super::json::Json;
use super::seen::Seen;

/// Reads JSON, or YAML.
pub(super) fn parse(text: &str) -> Result<Json, ImportError> {
    if text.trim_start().starts_with('{') {
        match Json::read(text) {
            Ok(root) => return Ok(root),
            Err(error) => {
                let remedy = if error.is_eof() {
                    "it was cut off: fetch it again"
                } else {
                    "what stands here breaks it"
                };
                let message = if error.to_string().contains("recursion") {
                    "the description is nested too deeply"
                } else {
                    "the description is not JSON"
                };
                // A flow mapping of YAML begins with a brace as well.
                if let Ok(root) = serde_saphyr::from_str::<Json>(text) {
                    return Ok(root);
                }
                return Err(ImportError::new(message, remedy).at(error.line(), error.column()));
            }
        }
    }
    serde_saphyr::from_str::<Json>(text).map_err(|error| {
        // What the parser says may quote the input.
        let wrong = ImportError::new(
            "the description is not YAML, or goes beyond what is read of it",
            "check indentation and quotes here; split descriptions that use very many anchors",
        );
        match error.location() {
            Some(at) => wrong.at(at.line() as usize, at.column() as usize),
            None => wrong,
        }
    })
}

/// The URL under which the paths are.
pub(super) fn base_url(root: &Json, seen: &mut Seen) -> String {
    const NOWHERE: &str = "http://127.0.0.1:8080";
    let given = if root.get("swagger").is_some() {
        let scheme = root
            .list("schemes")
            .first()
            .and_then(Json::as_str)
            .unwrap_or("https");
        let path = root.str("basePath").unwrap_or_default();
        match root.str("host") {
            Some(host) => format!("{scheme}://{host}{path}"),
            None => path.to_owned(),
        }
    } else {
        let server = root.list("servers").first();
        let mut url = server
            .and_then(|server| server.str("url"))
            .unwrap_or_default()
            .to_owned();
        for (name, variable) in server
            .and_then(|server| server.get("variables"))
            .map(Json::entries)
            .unwrap_or_default()
        {
            let value = variable
                .get("default")
                .and_then(Json::scalar)
                .unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), &value);
        }
        url
    };
    let parsed = url::Url::parse(&given).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && super::sift::is_sendable(&super::seen::origin_of(url))
    });
    match parsed {
        Some(mut url) => {
            url.set_query(None);
            url.set_fragment(None);
            let _ = url.set_username("").and_then(|()| url.set_password(None));
            url.as_str().trim_end_matches('/').replace('@', "%40")
        }
        None => {
            seen.remarks.push(
                "TO DO: the description does not say on which host the service is.".to_owned(),
            );
            let path = url::Url::parse(NOWHERE)
                .and_then(|base| base.join(if given.starts_with('/') { &given } else { "/" }));
            path.map_or(NOWHERE.to_owned(), |url| {
                url.as_str().trim_end_matches('/').to_owned()
            })
        }
    }
}
