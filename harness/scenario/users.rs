//! The identities that a scenario tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use minijinja::Environment;

use super::template::{Text, Values};
use crate::identity::UserId;

/// One identity: a name and whatever it needs to prove it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Its name, as reports show it.
    pub name: String,
    /// Everything else that the scenario says of it; treated as secret.
    pub attributes: BTreeMap<String, String>,
}

/// Names the attributes but does not show them.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attributes: BTreeSet<&String> = self.attributes.keys().collect();
        f.debug_struct("User")
            .field("name", &self.name)
            .field("attributes", &attributes)
            .finish()
    }
}

/// The users of a scenario, in order; [`UserId`] is the index.
#[derive(Clone)]
pub struct Users {
    pub(super) origin: Origin,
    list: Vec<User>,
    by_name: BTreeMap<String, UserId>,
    environment: Arc<Environment<'static>>,
}

/// The texts of one user: name, attributes.
pub(super) type UserTexts = (Text, BTreeMap<String, Text>);

/// Where the users come from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Origin {
    /// Made by a pattern.
    Pattern {
        name: Text,
        attributes: BTreeMap<String, Text>,
    },
    /// Written down one by one.
    List(Vec<UserTexts>),
    /// From a file: its path as it stands in the scenario, and its users.
    Csv(String, Vec<UserTexts>),
}

/// Why there cannot be these users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsersError(pub(super) String);

impl fmt::Display for UsersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsersError {}

impl Users {
    pub(super) fn new(
        origin: Origin,
        count: u32,
        environment: Arc<Environment<'static>>,
    ) -> Result<Users, UsersError> {
        let mut users = Users {
            origin,
            list: Vec::new(),
            by_name: BTreeMap::new(),
            environment,
        };
        users.set_count(count)?;
        Ok(users)
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.list.len() as u32
    }

    /// All of them.
    #[must_use]
    pub fn list(&self) -> &[User] {
        &self.list
    }

    /// The user of that index.
    #[must_use]
    pub fn get(&self, user: UserId) -> Option<&User> {
        self.list.get(user.index())
    }

    /// The user of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<UserId> {
        self.by_name.get(name).copied()
    }

    /// The most there can be: unlimited but for [`UserId::LIMIT`] when they are made by a pattern.
    #[must_use]
    pub fn most(&self) -> u32 {
        match &self.origin {
            Origin::Pattern { .. } => UserId::LIMIT,
            Origin::List(list) | Origin::Csv(_, list) => list.len() as u32,
        }
    }

    pub(super) fn set_count(&mut self, count: u32) -> Result<(), UsersError> {
        if count == 0 {
            return Err(UsersError("a scenario needs at least one user".to_owned()));
        }
        if count > self.most() {
            let why = match &self.origin {
                Origin::Pattern { .. } => format!(
                    "{count} users are more than the {} a run can have",
                    UserId::LIMIT
                ),
                Origin::List(list) => format!(
                    "{count} users are more than the {} the scenario lists",
                    list.len()
                ),
                Origin::Csv(path, list) => format!(
                    "{count} users are more than the {} in `{}`",
                    list.len(),
                    path.escape_debug()
                ),
            };
            return Err(UsersError(why));
        }
        let list = (1..=count)
            .map(|index| self.make(index, count))
            .collect::<Result<Vec<User>, UsersError>>()?;
        let mut by_name = BTreeMap::new();
        for (position, user) in list.iter().enumerate() {
            if user.name.is_empty() || user.name.chars().any(char::is_control) {
                return Err(UsersError(format!(
                    "user {} has an empty name or one with control characters",
                    position + 1
                )));
            }
            if let Some(UserId(earlier)) =
                by_name.insert(user.name.clone(), UserId(position as u32))
            {
                let why = format!(
                    "users {} and {} have the same name `{}`",
                    earlier + 1,
                    position + 1,
                    user.name
                );
                return Err(UsersError(why));
            }
        }
        (self.list, self.by_name) = (list, by_name);
        Ok(())
    }

    fn make(&self, index: u32, count: u32) -> Result<User, UsersError> {
        let (name, attributes) = match &self.origin {
            Origin::Pattern { name, attributes } => (name, attributes),
            Origin::List(list) | Origin::Csv(_, list) => {
                let (name, attributes) = &list[index as usize - 1];
                (name, attributes)
            }
        };
        let nobody = User::default();
        let values = Values {
            user: &nobody,
            index,
            count,
            round: 0,
            captures: &BTreeMap::new(),
            secrets: &BTreeMap::new(),
            nonce: None,
            chance: 0,
            now_ms: 0,
        };
        let render = |field: &str, text: &Text| {
            let rendered = text.render(&self.environment, &values);
            rendered
                .map(String::from)
                .map_err(|error| UsersError(format!("user {index}, `{field}`: {}", error.why)))
        };
        let name = render("name", name)?;
        let attributes = attributes
            .iter()
            .map(|(key, text)| Ok((key.clone(), render(key, text)?)));
        Ok(User {
            name,
            attributes: attributes.collect::<Result<_, UsersError>>()?,
        })
    }
}

/// Equal when they come from the same texts and are equally many.
impl PartialEq for Users {
    fn eq(&self, other: &Users) -> bool {
        // Only those who take part count.
        let same_texts = match (&self.origin, &other.origin) {
            (Origin::List(a), Origin::List(b)) => a[..self.list.len()] == b[..other.list.len()],
            (Origin::Csv(path_a, a), Origin::Csv(path_b, b)) => {
                path_a == path_b && a[..self.list.len()] == b[..other.list.len()]
            }
            (a, b) => a == b,
        };
        same_texts && self.list.len() == other.list.len()
    }
}

/// Shows names, no attribute of a user.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.list).finish()
    }
}
