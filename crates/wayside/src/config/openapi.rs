//! The path templates of an OpenAPI description, as patterns.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use wayside_recorder::Pattern;

use crate::report::trouble::Trouble;

/// The patterns of the description (JSON) at `path`. Each stands for all methods.
pub(super) fn patterns(path: &Path) -> anyhow::Result<Vec<Pattern>> {
    let wrong = |what: &str| Trouble::misused(format!("`{}` {what}", path.display()));
    let text = std::fs::read(path).with_context(|| wrong("could not be read"))?;
    let description: Value = serde_json::from_slice(&text).with_context(|| {
        wrong("is not JSON").hint("an OpenAPI description in YAML has to be made into JSON first")
    })?;
    let (patterns, unfit) =
        read(&description).ok_or_else(|| wrong("has no `paths`: it is no OpenAPI description"))?;
    for template in unfit {
        tracing::warn!("`{template}` is left out: a placeholder must be a whole segment");
    }
    Ok(patterns)
}

/// The patterns, and the templates that cannot be one; nothing when there are no paths at all.
fn read(description: &Value) -> Option<(Vec<Pattern>, Vec<String>)> {
    let paths = description.get("paths")?.as_object()?;
    let base = base(description);
    let mut patterns = Vec::new();
    let mut unfit = Vec::new();
    for template in paths.keys().map(|path| format!("{base}{path}")) {
        match template.parse() {
            Ok(pattern) => patterns.push(pattern),
            Err(_) => unfit.push(template),
        }
    }
    Some((patterns, unfit))
}

/// What stands before every path: that of the first server (3.x), or `basePath` (2.0).
fn base(description: &Value) -> String {
    let server = description.pointer("/servers/0/url").and_then(Value::as_str).map(|url| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
    });
    let base = server.or_else(|| description.get("basePath").and_then(Value::as_str));
    base.unwrap_or_default().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use serde_json::json;

    use super::*;

    #[test]
    fn templates_of_a_description_become_patterns_behind_the_servers_path() {
        let pattern = |text: &str| text.parse::<Pattern>().unwrap();
        let paths = json!({ "/users/{name}": {}, "/files/{id}.{format}": {} });
        let (patterns, unfit) =
            read(&json!({ "servers": [{ "url": "https://api.test/v2/" }], "paths": paths }))
                .unwrap();
        assert_eq!(patterns, [pattern("/v2/users/{name}")]);
        assert_eq!(unfit, ["/v2/files/{id}.{format}"]);
        let (patterns, _) = read(&json!({ "basePath": "/v1", "paths": paths })).unwrap();
        assert_eq!(patterns, [pattern("/v1/users/{name}")]);
        let (patterns, _) = read(&json!({ "paths": { "/a/{b}": {} } })).unwrap();
        assert_eq!(patterns, [pattern("/a/{b}")]);
        assert!(read(&json!({ "openapi": "3.1.0" })).is_none());
    }
}
