//! The scenarios that come inside the binary.

/// A scenario that comes with crosswire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shipped {
    /// Its name, as `crosswire run NAME` takes it.
    pub name: &'static str,
    /// The file's text.
    pub text: &'static str,
}

/// All of them, by name: the files of `scenarios/`, as the build script finds them.
#[must_use]
pub fn shipped() -> &'static [Shipped] {
    include!(concat!(env!("OUT_DIR"), "/shipped.rs"))
}

/// The one of that name.
#[must_use]
pub fn find_shipped(name: &str) -> Option<&'static Shipped> {
    shipped().iter().find(|shipped| shipped.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::scenario::{Scenario, Surroundings};

    fn folder() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
    }

    #[test]
    fn the_list_is_the_folder() {
        let files = std::fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let files: BTreeSet<String> = files
            .filter_map(|file| file.strip_suffix(".toml").map(str::to_owned))
            .collect();
        let listed: Vec<&str> = shipped().iter().map(|shipped| shipped.name).collect();
        assert_eq!(files.iter().map(String::as_str).collect::<Vec<_>>(), listed);
    }

    #[test]
    fn each_is_a_scenario_with_a_story_a_control_and_equals_itself_rewritten() {
        for shipped in shipped() {
            let scenario = Scenario::parse(shipped.name, shipped.text).unwrap();
            assert!(
                !scenario.story.is_empty() && scenario.title != scenario.name,
                "{}",
                shipped.name
            );
            assert!(
                scenario.volley.iter().any(|step| !step.sees.is_empty()),
                "{} has no control",
                shipped.name
            );
            let again = Scenario::parse(shipped.name, &scenario.to_toml());
            assert_eq!(again.unwrap(), scenario, "{}", shipped.name);
        }
    }

    #[test]
    fn a_shipped_one_is_found_by_its_name_alone() {
        assert_eq!(
            find_shipped("mail-2008").map(|shipped| shipped.name),
            Some("mail-2008")
        );
        assert_eq!(find_shipped("mail-2008.toml"), None);
    }

    /// What the examples find in their surroundings.
    struct Beside;

    impl Surroundings for Beside {
        fn variable(&self, name: &str) -> Option<String> {
            let value = match name {
                "CLIENT_KEY_FILE" => "me.key",
                _ => "from-the-environment",
            };
            Some(value.to_owned())
        }

        fn file(&self, path: &str) -> std::io::Result<Vec<u8>> {
            let content = match path {
                "users.csv" => "name,password\nanna,1\nbert,2\ncarl,3\n",
                "ca.pem" | "me.pem" => {
                    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
                }
                "me.key" => "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
                _ => return Err(std::io::ErrorKind::NotFound.into()),
            };
            Ok(content.as_bytes().to_vec())
        }
    }

    /// Every example of the reference is a part of a file, or a whole one; parts are completed from the first whole one.
    #[test]
    fn every_example_of_the_reference_is_right() {
        let text = std::fs::read_to_string(folder().join("README.md")).unwrap();
        let blocks: Vec<&str> = text
            .split("```toml\n")
            .skip(1)
            .map(|rest| rest.split("```").next().unwrap())
            .collect();
        assert!(blocks.len() >= 5, "{} examples", blocks.len());
        for (number, block) in blocks.iter().enumerate() {
            Scenario::parse_with("README.md", block, &Beside)
                .unwrap_or_else(|error| panic!("example {}:\n{error}", number + 1));
        }
    }
}
