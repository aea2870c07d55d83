//! Where a finding is shown in a repository: the scenario's file and the line of the step.

use super::Report;

/// The scenario's file as a path with `/`, relative where it was given so; `None` for a shipped scenario.
pub(super) fn scenario_file(report: &Report) -> Option<String> {
    let path = report.scenario_path.as_deref()?.replace('\\', "/");
    let mut path = path.as_str();
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    (!path.is_empty()).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::testing::all;
    use super::*;

    #[test]
    fn paths_are_told_as_a_repository_knows_them() {
        let mut report = all()["exposed"].clone();
        for (given, told) in [
            (Some("./a/b.toml"), Some("a/b.toml")),
            (Some(".\\a\\b.toml"), Some("a/b.toml")),
            (Some("././/b.toml"), Some("b.toml")),
            (Some("../b.toml"), Some("../b.toml")),
            (Some("/tmp/b.toml"), Some("/tmp/b.toml")),
            (Some(""), None),
            (None, None),
        ] {
            report.scenario_path = given.map(str::to_owned);
            assert_eq!(scenario_file(&report).as_deref(), told);
        }
    }
}
