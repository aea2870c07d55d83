//! Reads the steps of a file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use minijinja::Environment;
use toml::de::DeValue;

use super::STEP_LIMIT;
use super::bodies::read_body;
use super::captures::read_captures;
use super::expected::{read_expectations, read_status};
use super::fault_keys::read_faults;
use super::fields::{Fields, Node, nearest, wrong_type};
use super::names::{read_method, read_session};
use super::purpose::{OpenQuestions, check_step, read_dead, read_redirects, read_role, read_wait};
use super::texts::{Compiler, Place};
use crate::history::{Dead, StepRole};
use crate::scenario::error::{Fault, line_of};
use crate::scenario::settings::{FireSettings, Protocol};
use crate::scenario::status::StatusRule;
use crate::scenario::step::Step;
use crate::scenario::template::Text;
use crate::scenario::users::Users;

pub(super) use super::names::is_identifier;
pub(super) use super::requests::header_name;

const KEYS: [&str; 34] = [
    "name",
    "login",
    "logout",
    "session",
    "host",
    "method",
    "path",
    "query",
    "headers",
    "json",
    "form",
    "text",
    "multipart",
    "raw",
    "anonymous",
    "redirects",
    "wait-ms",
    "status",
    "expect",
    "capture",
    "readers",
    "sees",
    "removes",
    "echoes",
    "learns",
    "dead",
    "with",
    "abort",
    "timeout-ms",
    "slow-read",
    "slow-write",
    "half-close",
    "pipeline",
    "malformed",
];

/// One of the lists of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Setup,
    EachRound,
    Volley,
    ReadBack,
    Restore,
    Refresh,
    CleanUp,
}

impl List {
    pub(super) fn key(self) -> &'static str {
        match self {
            List::Setup => "setup",
            List::EachRound => "each-round",
            List::Volley => "volley",
            List::ReadBack => "read-back",
            List::Restore => "restore",
            List::Refresh => "refresh",
            List::CleanUp => "clean-up",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            List::Setup => "[[setup]]",
            List::EachRound => "[[each-round]]",
            List::Volley => "[[volley]]",
            List::ReadBack => "[[read-back]]",
            List::Restore => "[[restore]]",
            List::Refresh => "[[refresh]]",
            List::CleanUp => "[[clean-up]]",
        }
    }

    pub(super) fn place(self) -> Place {
        match self {
            List::Setup | List::EachRound | List::Refresh => Place::Planting,
            List::Volley | List::ReadBack | List::Restore | List::CleanUp => Place::Naming,
        }
    }

    /// What a step of the list is for that gives no session and ends none.
    pub(super) fn role(self) -> StepRole {
        match self {
            List::Setup | List::EachRound | List::Refresh => StepRole::Prepare,
            List::Volley => StepRole::Fire,
            List::ReadBack => StepRole::ReadBack,
            List::Restore => StepRole::Restore,
            List::CleanUp => StepRole::CleanUp,
        }
    }
}

/// Reads steps, list after list, in the order in which a run takes them.
pub(super) struct StepReader<'c, 'l> {
    pub(super) compiler: &'c mut Compiler<'l>,
    pub(super) document: &'l str,
    pub(super) users: &'c Users,
    protocol: Protocol,
    pub(super) names: BTreeSet<String>,
    next_index: u16,
    /// The first step that plants in a slot, and whether it is broken off.
    planters: BTreeMap<u16, (String, bool)>,
    /// Steps of the volley that name a companion: their place in the list, and the name with its place in the file.
    companions: Vec<(usize, String, Range<usize>)>,
    dead: Vec<(Dead, Range<usize>)>,
    echoing: Vec<(u16, Range<usize>)>,
    /// Stands in until all templates are compiled.
    no_templates: Arc<Environment<'static>>,
}

impl<'c, 'l> StepReader<'c, 'l> {
    pub(super) fn new(
        compiler: &'c mut Compiler<'l>,
        document: &'l str,
        users: &'c Users,
        fire: &FireSettings,
    ) -> StepReader<'c, 'l> {
        StepReader {
            compiler,
            document,
            users,
            protocol: fire.protocol,
            names: BTreeSet::new(),
            next_index: 0,
            planters: BTreeMap::new(),
            companions: Vec::new(),
            dead: Vec::new(),
            echoing: Vec::new(),
            no_templates: Arc::new(Environment::empty()),
        }
    }

    /// Reads one list; captures of its steps are known to later steps, those of raced steps to later lists alone, and to
    /// none when `captures_may_lack` says that not every user sends every step.
    pub(super) fn read_list(
        &mut self,
        root: &Fields<'_>,
        list: List,
        captures_may_lack: bool,
    ) -> Result<Vec<Step>, Fault> {
        let Some(node) = root.get(list.key()) else {
            return Ok(Vec::new());
        };
        let DeValue::Array(items) = node.get_ref() else {
            let fault = wrong_type(
                node.get_ref(),
                root.key_span(list.key()),
                &format!("`{}` is a list of steps", list.key()),
            );
            return Err(fault.hint(format!("each step begins with a line `{}`", list.title())));
        };
        let mut steps = Vec::new();
        for item in items {
            let step = self.read_step(item, list, steps.len())?;
            if list != List::Volley {
                self.compiler
                    .captures
                    .extend(step.captures.iter().map(|capture| capture.name.clone()));
            }
            steps.push(step);
        }
        self.join_companions(&mut steps)?;
        if list == List::Volley && !captures_may_lack {
            let captures = steps.iter().flat_map(|step| &step.captures);
            self.compiler
                .captures
                .extend(captures.map(|capture| capture.name.clone()));
        }
        Ok(steps)
    }

    fn read_step(&mut self, node: &Node<'_>, list: List, position: usize) -> Result<Step, Fault> {
        let fields = Fields::open(node, list.title(), &KEYS)?;
        let name = self.read_name(&fields)?;
        let role = read_role(&fields, list)?;
        let faults = read_faults(&fields, self.protocol)?;
        let dead = read_dead(&fields)?;
        let path = self.read_path(&fields, list)?;
        let query = self.read_query(&fields, list)?;
        let headers = self.read_headers(&fields, list)?;
        let body = read_body(self.compiler, &fields, list.place())?;
        let mut plants: Vec<u16> = Vec::new();
        if list.place() == Place::Planting {
            let pairs = query.iter().chain(&headers).map(|pair| &pair.1);
            let texts = std::iter::once(&path).chain(pairs).chain(body.texts());
            plants = texts.flat_map(Text::slots).collect();
            plants.sort_unstable();
            plants.dedup();
        }
        let removes = self.read_slots(&fields, "removes")?;
        self.note_planted(&fields, &name, &plants, faults.breaks_off())?;
        let sees = self.read_slots(&fields, "sees")?;
        let readers = self.read_readers(&fields, plants.is_empty())?;
        let status = read_status(&fields)?
            .unwrap_or_else(|| StatusRule::unsaid(dead.is_some() || faults.breaks_off()));
        let step = Step {
            index: self.next_index(&fields)?,
            name,
            role,
            host: self.read_host(&fields)?,
            anonymous: fields.flag("anonymous", false)?,
            redirects: read_redirects(&fields, list)?,
            wait_ms: read_wait(&fields, list)?,
            echoes: fields.flag("echoes", false)?,
            learns: fields.flag("learns", false)?,
            dead,
            with: None,
            companion: false,
            faults,
            line: line_of(self.document, fields.span().start),
            session: read_session(&fields, role == StepRole::LogIn)?,
            status,
            captures: read_captures(self.compiler, &fields)?,
            sees,
            removes,
            plants,
            method: read_method(&fields)?,
            path,
            query,
            headers,
            body,
            readers,
            expectations: read_expectations(self.compiler, &fields)?,
            session_headers: Arc::default(),
            environment: Arc::clone(&self.no_templates),
        };
        check_step(&fields, &step, list)?;
        self.note(&fields, &step, list, position)?;
        Ok(step)
    }

    fn next_index(&mut self, fields: &Fields<'_>) -> Result<u16, Fault> {
        let index = self.next_index;
        if usize::from(index) == STEP_LIMIT {
            return Err(Fault::new(
                fields.span(),
                format!("a scenario has at most {STEP_LIMIT} steps"),
                "one step too many",
            ));
        }
        self.next_index += 1;
        Ok(index)
    }

    /// Notes what a step plants. Nobody knows whether a request that was broken off has planted anything, so that what
    /// another step must see, or takes away, can be none of it.
    fn note_planted(
        &mut self,
        fields: &Fields<'_>,
        step: &str,
        plants: &[u16],
        breaks_off: bool,
    ) -> Result<(), Fault> {
        for slot in plants {
            let here = (step.to_owned(), breaks_off);
            let earlier = self.planters.entry(*slot).or_insert_with(|| here.clone());
            if earlier.1 != breaks_off {
                let (broken, certain) = match breaks_off {
                    true => (step, earlier.0.as_str()),
                    false => (earlier.0.as_str(), step),
                };
                let name = &self.compiler.slots[usize::from(*slot)].name;
                let message = format!(
                    "`{certain}` plants in the slot `{name}`, and so does `{broken}`, which is broken off"
                );
                let fault = Fault::new(fields.span(), message, "nobody knows which is the newest");
                return Err(fault.hint("give each of them a slot of its own"));
            }
        }
        if !breaks_off {
            self.compiler.planted.extend(plants);
        }
        Ok(())
    }

    /// Notes what is checked when more of the file is known.
    fn note(
        &mut self,
        fields: &Fields<'_>,
        step: &Step,
        list: List,
        position: usize,
    ) -> Result<(), Fault> {
        if step.echoes {
            self.echoing.push((step.index, fields.key_span("echoes")));
        }
        if let Some(dead) = step.dead {
            self.dead.push((dead, fields.key_span("dead")));
        }
        let Some(with) = fields.text("with")? else {
            return Ok(());
        };
        if list != List::Volley {
            let message = "`with` names another step of the volley";
            return Err(Fault::new(
                fields.key_span("with"),
                message,
                "only in `[[volley]]`",
            ));
        }
        self.companions
            .push((position, with.text.to_owned(), with.span));
        Ok(())
    }

    /// Ties every step of the volley to the one that it names as its companion.
    fn join_companions(&mut self, steps: &mut [Step]) -> Result<(), Fault> {
        let companions = std::mem::take(&mut self.companions);
        for (position, name, span) in &companions {
            let fault = |message: String, label: &str| Fault::new(span.clone(), message, label);
            let Some(other) = steps.iter().position(|step| step.name == *name) else {
                let names: Vec<&str> = steps.iter().map(|step| step.name.as_str()).collect();
                let message = format!("there is no `[[volley]]` step `{}`", name.escape_debug());
                let hint = match nearest(name, &names) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("steps of the volley: {}", names.join(", ")),
                };
                return Err(fault(message, "unknown step").hint(hint));
            };
            if other == *position {
                let message = "a step is not its own companion".to_owned();
                return Err(fault(message, "the step itself"));
            }
            if companions.iter().any(|companion| companion.0 == other) {
                let message = format!("`{name}` has a companion of its own");
                return Err(fault(message, "a chain of companions")
                    .hint("a step is fired beside one other; leave one `with` out"));
            }
            steps[other].companion = true;
            steps[*position].with = Some(steps[other].index);
        }
        Ok(())
    }

    /// What only the whole file can answer.
    pub(super) fn into_open_questions(self) -> OpenQuestions {
        OpenQuestions {
            dead: self.dead,
            echoing: self.echoing,
        }
    }
}
