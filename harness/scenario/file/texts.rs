//! Compiles the texts of a file into templates and finds what is wrong with them before anything runs.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::sync::Arc;

use minijinja::Environment;

use super::fields::{Located, nearest};
use crate::history::SlotInfo;
use crate::scenario::environment::{self, Trouble};
use crate::scenario::error::{Fault, FaultKind};
use crate::scenario::functions::PLAIN_FUNCTIONS;
use crate::scenario::scan::{Outline, Planter};
use crate::scenario::surroundings::{NAMED_FILE_LIMIT, Surroundings};
use crate::scenario::template::{self, BUILT_IN_NAMES, Text, TextError, Uses, Values};
use crate::scenario::users::User;

/// Functions that come with the template engine.
const ENGINE_FUNCTIONS: [&str; 4] = ["range", "dict", "namespace", "debug"];

/// What a text may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A user's name or attribute: its number alone, and the environment.
    User,
    /// A step that plants what it names.
    Planting,
    /// A step that names what was planted before.
    Naming,
    /// What every request of a session carries: it names what was planted, and every capture.
    Session,
    /// Who may read what a step plants: users alone.
    Readers,
}

impl Place {
    /// Whether it is in a request: users, captures, slots and functions can be named.
    fn is_of_requests(self) -> bool {
        !matches!(self, Place::User | Place::Readers)
    }
}

/// Compiles texts, one after the other, in the order in which a run uses them.
pub(super) struct Compiler<'l> {
    document: &'l str,
    surroundings: &'l dyn Surroundings,
    environment: Environment<'static>,
    compiled: usize,
    /// Texts so far that draw by chance.
    drawing: u64,
    /// Values that the environment supplied.
    pub(super) supplied: Vec<String>,
    pub(super) slots: Vec<SlotInfo>,
    /// Slots that some step so far plants.
    pub(super) planted: BTreeSet<u16>,
    /// Captures of the steps so far.
    pub(super) captures: BTreeSet<String>,
    /// Attributes that every user has, `name` included.
    pub(super) attributes: BTreeSet<String>,
    /// The first user, for trying templates out.
    pub(super) first_user: User,
    pub(super) user_count: u32,
    /// Names of the hosts that `[target]` gives besides its own.
    pub(super) hosts: BTreeSet<String>,
}

impl<'l> Compiler<'l> {
    pub(super) fn new(document: &'l str, surroundings: &'l dyn Surroundings) -> Compiler<'l> {
        Compiler {
            document,
            surroundings,
            environment: template::engine(),
            compiled: 0,
            drawing: 0,
            supplied: Vec::new(),
            slots: Vec::new(),
            planted: BTreeSet::new(),
            captures: BTreeSet::new(),
            attributes: BTreeSet::new(),
            first_user: User::default(),
            user_count: 1,
            hosts: BTreeSet::new(),
        }
    }

    /// The engine with every template so far.
    pub(super) fn environment(&self) -> Arc<Environment<'static>> {
        Arc::new(self.environment.clone())
    }

    /// Fills in a text that was compiled here.
    pub(super) fn fill_in(&self, text: &Text, values: &Values<'_>) -> Result<String, TextError> {
        text.render(&self.environment, values).map(String::from)
    }

    /// Compiles `given`; `with_environment` says whether `${env:NAME}` is replaced in it.
    pub(super) fn compile(
        &mut self,
        given: &Located<'_>,
        place: Place,
        with_environment: bool,
    ) -> Result<Text, Fault> {
        let outline = Outline::of(given.text);
        let mut text = given.text.to_owned();
        if with_environment {
            let expanded = environment::expand(given.text, &outline, &|name| {
                self.surroundings.variable(name)
            });
            let expanded = expanded.map_err(|trouble| self.environment_fault(given, trouble))?;
            self.supplied.extend(expanded.values);
            text = expanded.text;
        } else if let Some(start) = given.text.find(environment::OPENING) {
            let span = self.within(given, &(start..start + environment::OPENING.len()));
            let fault = Fault::new(span, "`${env:NAME}` is not replaced here", "stays as it is");
            return Err(fault.hint(
                "give users an attribute with this value and write `{{ user.attribute }}` here",
            ));
        }
        if outline.is_plain() {
            return Ok(Text::fixed(given.text, text));
        }
        let mut uses = Uses {
            slots: self.slots_of(given, &outline, place)?,
            ..Uses::default()
        };
        let name = format!("text {}", self.compiled);
        self.compiled += 1;
        // Places in the template are places in the file as long as nothing was put into it.
        let mapped = text == given.text;
        if let Err(error) = self.environment.add_template_owned(name.clone(), text) {
            return Err(self.template_fault(given, &TextError::from_engine(&error, &uses), mapped));
        }
        self.find_uses(given, &outline, &name, place, &mut uses)?;
        self.find_calls(given, &outline, &mut uses)?;
        let text = Text::template(given.text, name, uses.clone());
        self.try_out(given, &text, &uses, mapped)?;
        Ok(text)
    }

    /// What `given`, which is no template, stands for: `${env:NAME}` is replaced. `is_secret` says whether what was put in
    /// must never be shown.
    pub(super) fn plain(&mut self, given: &Located<'_>, is_secret: bool) -> Result<String, Fault> {
        let expanded = environment::expand(given.text, &Outline::default(), &|name| {
            self.surroundings.variable(name)
        });
        let expanded = expanded.map_err(|trouble| self.environment_fault(given, trouble))?;
        if is_secret {
            self.supplied.extend(expanded.values);
        }
        Ok(expanded.text)
    }

    /// The content of the file that `given` names, of [`NAMED_FILE_LIMIT`] bytes at most.
    pub(super) fn file(&self, given: &Located<'_>) -> Result<Vec<u8>, Fault> {
        self.file_at(given, given.text)
    }

    /// The same for a path that `given` stands for; an error quotes `given`.
    pub(super) fn file_at(&self, given: &Located<'_>, meant: &str) -> Result<Vec<u8>, Fault> {
        let path = given.text.escape_debug();
        if meant.is_empty() || meant.chars().any(char::is_control) {
            return Err(Fault::new(
                given.span.clone(),
                "the path of a file is one line and not empty",
                "not a path",
            )
            .hint("a path relative to the folder of the scenario"));
        }
        let content = self.surroundings.file(meant).map_err(|error| {
            let message = match error.kind() {
                io::ErrorKind::NotFound => format!("there is no file `{path}`"),
                _ => format!("the file `{path}` cannot be read: {error}"),
            };
            Fault::new(given.span.clone(), message, "this file")
                .hint("a path is relative to the folder of the scenario")
        })?;
        if content.len() > NAMED_FILE_LIMIT {
            let message = format!(
                "the file `{path}` has more than the {NAMED_FILE_LIMIT} bytes that one may have"
            );
            return Err(
                Fault::new(given.span.clone(), message, "too large").hint("name a smaller file")
            );
        }
        Ok(content)
    }

    /// Notes which variables a template uses and refuses those that are not there.
    fn find_uses(
        &self,
        given: &Located<'_>,
        outline: &Outline,
        name: &str,
        place: Place,
        uses: &mut Uses,
    ) -> Result<(), Fault> {
        let Ok(template) = self.environment.get_template(name) else {
            return Ok(());
        };
        let variables: BTreeSet<String> = template.undeclared_variables(true).into_iter().collect();
        for variable in &variables {
            let (root, attribute) = variable
                .split_once('.')
                .map_or((variable.as_str(), None), |parts| (parts.0, Some(parts.1)));
            match root {
                "user" if place != Place::User => {
                    uses.user = true;
                    let attribute =
                        attribute.map(|rest| rest.split_once('.').map_or(rest, |parts| parts.0));
                    if let Some(attribute) =
                        attribute.filter(|attribute| !self.attributes.contains(*attribute))
                    {
                        return Err(self.unknown_attribute(given, attribute));
                    }
                }
                "index" | "count" => {}
                "round" if place != Place::User => {}
                _ if ENGINE_FUNCTIONS.contains(&root) => {}
                _ if self.captures.contains(root) && place.is_of_requests() => {
                    self.refuse_call(given, outline, root)?;
                    uses.captures.push(root.to_owned());
                }
                _ if is_function(root) && place.is_of_requests() => {
                    self.demand_call(given, outline, root)?;
                }
                _ => return Err(self.unknown_variable(given, root, place)),
            }
        }
        uses.captures.dedup();
        Ok(())
    }

    /// A capture may have the name of a function; then the function cannot be called.
    fn refuse_call(&self, given: &Located<'_>, outline: &Outline, name: &str) -> Result<(), Fault> {
        let called = outline
            .calls
            .iter()
            .find(|call| &given.text[(*call).clone()] == name);
        let Some(call) = called else {
            return Ok(());
        };
        let message = format!("`{name}` is a capture of this scenario, so it cannot be called");
        let fault = Fault::new(self.within(given, call), message, "not a function here");
        Err(fault.hint("give the capture another name"))
    }

    fn demand_call(&self, given: &Located<'_>, outline: &Outline, name: &str) -> Result<(), Fault> {
        if outline
            .calls
            .iter()
            .any(|call| &given.text[call.clone()] == name)
        {
            return Ok(());
        }
        let span = self.word_within(given, name);
        let fault = Fault::new(span, format!("`{name}` is a function"), "not called");
        Err(fault.hint(format!("call it: `{name}({})`", arguments_of(name))))
    }

    /// Notes which functions a template calls.
    fn find_calls(
        &mut self,
        given: &Located<'_>,
        outline: &Outline,
        uses: &mut Uses,
    ) -> Result<(), Fault> {
        let mut draws = false;
        for call in &outline.calls {
            let name = &given.text[call.clone()];
            match name {
                "nonce" => {
                    let span = self.within(given, call);
                    self.need_nonce_slot(&Located { text: name, span })?;
                    uses.nonce = true;
                }
                "now" | "now_ms" | "timestamp" => uses.clock = true,
                "random" | "random_int" | "uuid" => draws = true,
                _ => {}
            }
        }
        if draws {
            uses.draws = Some(self.drawing);
            self.drawing += 1;
        }
        Ok(())
    }

    /// Fills the template in with the first user and stand-ins for what only a run knows.
    fn try_out(
        &self,
        given: &Located<'_>,
        text: &Text,
        uses: &Uses,
        mapped: bool,
    ) -> Result<(), Fault> {
        let captures: BTreeMap<String, String> = uses
            .captures
            .iter()
            .map(|name| (name.clone(), "1".to_owned()))
            .collect();
        let secrets: BTreeMap<u16, String> = uses
            .slots
            .iter()
            .map(|slot| (slot.0, "1".to_owned()))
            .collect();
        let values = Values {
            user: &self.first_user,
            index: 1,
            count: self.user_count,
            round: 1,
            captures: &captures,
            secrets: &secrets,
            nonce: Some("1"),
            chance: 0,
            now_ms: 0,
        };
        let is_real =
            captures.is_empty() && secrets.is_empty() && !uses.nonce && uses.draws.is_none();
        match text.render(&self.environment, &values) {
            Err(error) if is_real || !error.depends_on_values => {
                Err(self.template_fault(given, &error, mapped))
            }
            _ => Ok(()),
        }
    }

    fn unknown_attribute(&self, given: &Located<'_>, attribute: &str) -> Fault {
        let known: Vec<&str> = self.attributes.iter().map(String::as_str).collect();
        let message = format!("not every user has an attribute `{attribute}`");
        let hint = match nearest(attribute, &known) {
            Some(near) => format!("did you mean `user.{near}`?"),
            None => format!(
                "every user has: {}; give them more under `[users]`",
                known.join(", ")
            ),
        };
        Fault::new(
            self.word_within(given, attribute),
            message,
            "unknown attribute",
        )
        .hint(hint)
    }

    fn unknown_variable(&self, given: &Located<'_>, name: &str, place: Place) -> Fault {
        let mut known: Vec<&str> = match place {
            Place::User => vec!["index", "count"],
            Place::Readers => vec!["user", "index", "count", "round"],
            Place::Planting | Place::Naming | Place::Session => BUILT_IN_NAMES.to_vec(),
        };
        let mut functions = Vec::new();
        if place.is_of_requests() {
            known.extend(self.captures.iter().map(String::as_str));
            functions.extend(PLAIN_FUNCTIONS);
            functions.extend(Planter::ALL.map(Planter::name));
        }
        let hint = match (nearest(name, &known), nearest(name, &functions)) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(near)) => format!("did you mean `{near}({})`?", arguments_of(near)),
            (None, None) => format!("known here: {}", known.join(", ")),
        };
        Fault::new(
            self.word_within(given, name),
            format!("nothing is called `{name}` here"),
            "unknown name",
        )
        .hint(hint)
    }

    fn environment_fault(&self, given: &Located<'_>, trouble: Trouble) -> Fault {
        match trouble {
            Trouble::Missing(range, name) => {
                let message = format!("the environment has no variable `{name}`");
                let fault = Fault::new(self.within(given, &range), message, "not set")
                    .kind(FaultKind::Environment);
                fault.hint(format!("set it before the run: `export {name}=…`"))
            }
            Trouble::Malformed(range) => Fault::new(
                self.within(given, &range),
                "not of the form `${env:NAME}`",
                "a name and `}` are missing",
            )
            .hint("a name has letters, digits and underscores"),
            Trouble::Unquoted(range) => Fault::new(
                self.within(given, &range),
                "`${env:NAME}` inside of `{{ … }}` must stand in quotes",
                "not in quotes",
            )
            .hint("write `{{ \"${env:NAME}\" }}`, or put it outside of the braces"),
        }
    }

    fn template_fault(&self, given: &Located<'_>, error: &TextError, mapped: bool) -> Fault {
        let span = match &error.range {
            Some(range) if mapped => self.within(given, range),
            _ => given.span.clone(),
        };
        let known: Vec<&str> = Outline::of(given.text)
            .calls
            .iter()
            .map(|call| &given.text[call.clone()])
            .filter(|name| is_function(name))
            .collect();
        let hint = match known.first() {
            Some(name) => format!("for example `{{{{ {name}({}) }}}}`", arguments_of(name)),
            None => "what templates know stands in scenarios/README.md, under Templates".to_owned(),
        };
        Fault::new(
            span,
            format!("bad template: {}", error.why),
            "in this template",
        )
        .hint(hint)
    }

    /// The place in the file of a range of a text, when its characters stand there as they are; otherwise of all of it.
    pub(super) fn within(&self, given: &Located<'_>, range: &Range<usize>) -> Range<usize> {
        let raw = &self.document[given.span.clone()];
        let found = [3, 1, 0]
            .into_iter()
            .filter(|quotes| raw.len() >= 2 * quotes)
            .find_map(|quotes| {
                let inner = &raw.get(quotes..raw.len() - quotes)?;
                let start = inner.strip_suffix(given.text)?.len();
                // A line break right after opening triple quotes is not part of the text.
                matches!(&inner[..start], "" | "\n" | "\r\n").then_some(quotes + start)
            });
        match found {
            Some(start) if range.end <= given.text.len() && range.start < range.end => {
                let start = given.span.start + start;
                start + range.start..start + range.end
            }
            _ => given.span.clone(),
        }
    }

    /// The place of the first block's use of a word, or of the whole text.
    fn word_within(&self, given: &Located<'_>, word: &str) -> Range<usize> {
        let blocks = Outline::of(given.text).blocks;
        let is_word_byte = |at: Option<usize>| {
            let byte = at.and_then(|at| given.text.as_bytes().get(at));
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        let whole_words = given
            .text
            .match_indices(word)
            .map(|(at, _)| at..at + word.len());
        let found = whole_words
            .filter(|range| {
                !is_word_byte(range.start.checked_sub(1)) && !is_word_byte(Some(range.end))
            })
            .find(|range| blocks.iter().any(|block| block.contains(&range.start)));
        found.map_or(given.span.clone(), |range| self.within(given, &range))
    }
}

/// Whether templates can call it, besides what the engine itself brings.
fn is_function(name: &str) -> bool {
    PLAIN_FUNCTIONS.contains(&name) || Planter::ALL.iter().any(|planter| planter.name() == name)
}

/// What a hint writes between the brackets of a call.
fn arguments_of(function: &str) -> &'static str {
    match function {
        "secret" | "public" => "\"note\"",
        "secret_file" => "\"file\", bytes=4096",
        "random" => "12",
        "random_int" => "1, 6",
        "padding" => "1000",
        _ => "",
    }
}
