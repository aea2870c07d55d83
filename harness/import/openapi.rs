//! OpenAPI 2.0 (Swagger) to 3.1, JSON or YAML: one request for every operation, filled in with samples.

use super::error::ImportError;
use super::json::Json;
use super::links::{Names, identifier};
use super::openapi_document::{base_url, parse};
use super::openapi_sample::{field_names, resolve, sample};
use super::secrets::{attribute_of, is_password_name, is_secret_name};
use super::seen::{Body, Credential, Exchange, Part, Request, Seen, Source};
use super::text::{Piece, Text};

const METHODS: [&str; 6] = ["post", "get", "put", "patch", "delete", "head"];
/// Most operations that are read.
const OPERATION_LIMIT: usize = 500;

pub(super) fn read(text: &str) -> Result<Seen, ImportError> {
    let root = parse(text)?;
    let version = ["openapi", "swagger"]
        .into_iter()
        .find_map(|key| root.get(key)?.scalar());
    let Some(version) = version else {
        return Err(ImportError::new(
            "this is no OpenAPI description: it has neither `openapi` nor `swagger`",
            "give the description itself, not a page that shows it",
        ));
    };
    let shown: String = version
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '.')
        .take(10)
        .collect();
    let mut seen = Seen {
        from: format!("an OpenAPI description ({shown})"),
        samples: true,
        ..Seen::default()
    };
    let base = base_url(&root, &mut seen);
    let mut reader = Reader {
        root: &root,
        base: url::Url::parse(&base).ok(),
        ids: Vec::new(),
        names: Names::default(),
    };
    let operations = reader.operations();
    if operations.is_empty() {
        return Err(ImportError::new(
            "the description has no operations under `paths`",
            "give one whose `paths` list methods such as `get`",
        ));
    }
    seen.base = Some(base);
    seen.exchanges = operations
        .iter()
        .map(|operation| reader.exchange(operation))
        .collect();
    reader.security(&mut seen);
    Ok(seen)
}

/// A method of a path.
struct Operation<'d> {
    method: &'static str,
    path: &'d str,
    item: &'d Json,
    operation: &'d Json,
    /// Creates things that are below its path.
    creates: bool,
}

struct Reader<'d> {
    root: &'d Json,
    base: Option<url::Url>,
    /// Paths whose POST gives an id, and the name of its capture.
    ids: Vec<(&'d str, String, String)>,
    names: Names,
}

impl<'d> Reader<'d> {
    /// Every operation: log-ins first, then what creates (outer before inner), then the rest, each by tag.
    fn operations(&mut self) -> Vec<Operation<'d>> {
        let mut operations = Vec::new();
        let mut tags: Vec<&str> = Vec::new();
        let root = self.root;
        for (path, item) in root.get("paths").map(Json::entries).unwrap_or_default() {
            let item = resolve(root, item);
            for method in METHODS {
                let Some(operation) = item
                    .get(method)
                    .filter(|_| path.starts_with('/') && operations.len() < OPERATION_LIMIT)
                else {
                    continue;
                };
                let tag = tag_of(operation);
                if !tags.contains(&tag) {
                    tags.push(tag);
                }
                operations.push(Operation {
                    method,
                    path,
                    item,
                    operation,
                    creates: false,
                });
            }
        }
        for operation in &mut operations {
            if operation.method == "post"
                && let Some(pointer) = self.id_of(operation.operation)
                && has_items(root, operation.path)
            {
                operation.creates = true;
                let last = operation
                    .path
                    .trim_end_matches('/')
                    .rsplit('/')
                    .next()
                    .unwrap_or_default();
                let name = self.names.give(&identifier(&format!(
                    "{}_id",
                    last.strip_suffix('s').unwrap_or(last)
                )));
                self.ids
                    .push((operation.path.trim_end_matches('/'), name, pointer));
            }
        }
        let order = |operation: &Operation<'_>| {
            let lower = operation.path.to_ascii_lowercase().replace(['-', '_'], "");
            let logs_in = operation.method == "post"
                && ["login", "signin", "token", "session", "auth"]
                    .iter()
                    .any(|word| lower.contains(word));
            let depth = if operation.creates {
                operation.path.matches('/').count()
            } else {
                0
            };
            let tag = tags
                .iter()
                .position(|tag| *tag == tag_of(operation.operation));
            (!logs_in, !operation.creates, depth, tag)
        };
        operations.sort_by_key(order);
        operations
    }

    /// The pointer to the id that an operation's good answer has.
    fn id_of(&self, operation: &Json) -> Option<String> {
        let fields = field_names(self.root, self.answer_schema(operation)?);
        let id = fields.iter().filter(|field| {
            matches!(
                field.0.as_str(),
                "id" | "uuid" | "uid" | "_id" | "number" | "slug"
            )
        });
        id.min_by_key(|field| field.1.matches('/').count())
            .map(|field| field.1.clone())
    }

    /// The schema of the first good answer that has one.
    fn answer_schema(&self, operation: &'d Json) -> Option<&'d Json> {
        let answers = operation.get("responses")?.entries();
        let good = answers.iter().filter(|answer| answer.0.starts_with('2'));
        good.map(|answer| resolve(self.root, &answer.1))
            .find_map(|answer| {
                answer
                    .get("schema")
                    .or_else(|| content_of(answer).map(|content| content.1)?.get("schema"))
            })
    }

    fn exchange(&self, operation: &Operation<'d>) -> Exchange {
        let mut exchange = Exchange {
            name: Some(format!(
                "{} {}",
                operation.method.to_ascii_uppercase(),
                operation.path
            )),
            group: Some(tag_of(operation.operation).chars().take(60).collect())
                .filter(|tag: &String| !tag.is_empty()),
            ..Exchange::default()
        };
        exchange.request.method = operation.method.to_ascii_uppercase();
        if let Some(base) = &self.base {
            exchange.request.origin = super::seen::origin_of(base);
        }
        let parameters = self.parameters(operation);
        self.path(operation, &parameters, &mut exchange);
        self.fill(&parameters, &mut exchange.request);
        if let Some(body) = operation.operation.get("requestBody") {
            exchange.request.body = self.body(resolve(self.root, body));
        }
        for (path, name, pointer) in &self.ids {
            if operation.creates && operation.path.trim_end_matches('/') == *path {
                exchange
                    .captures
                    .push((name.clone(), Source::Json(pointer.clone())));
            }
        }
        if let Some(schema) = self.answer_schema(operation.operation) {
            let fields = field_names(self.root, schema);
            exchange.answer_fields = fields.into_iter().map(|field| field.0).collect();
        }
        let security = operation.operation.get("security");
        exchange.anonymous = matches!(security, Some(Json::List(ways)) if ways.is_empty())
            && operation.method != "post";
        if operation.operation.is_true("deprecated") {
            exchange
                .remarks
                .push("The description calls this one deprecated.".to_owned());
        }
        exchange
    }

    /// The parameters of an operation: its own come before those of its path.
    fn parameters(&self, operation: &Operation<'d>) -> Vec<&'d Json> {
        let own = operation.operation.list("parameters").iter();
        let mut parameters: Vec<&'d Json> = Vec::new();
        for parameter in own.chain(operation.item.list("parameters")) {
            let parameter = resolve(self.root, parameter);
            let same = |other: &&Json| {
                (other.str("name"), other.str("in")) == (parameter.str("name"), parameter.str("in"))
            };
            if !parameters.iter().any(same) {
                parameters.push(parameter);
            }
        }
        parameters
    }

    fn path(&self, operation: &Operation<'d>, parameters: &[&Json], exchange: &mut Exchange) {
        let mut before = String::new();
        for segment in operation.path.trim_start_matches('/').split('/') {
            let mut pieces = Vec::new();
            let mut rest = segment;
            while let Some((plain, after)) = rest.split_once('{') {
                let (name, after) = after.split_once('}').unwrap_or((after, ""));
                if !plain.is_empty() {
                    pieces.push(Piece::Plain(super::seen::sent_segment(plain)));
                }
                let known = self
                    .ids
                    .iter()
                    .find(|id| id.0 == before && plain.is_empty() && after.is_empty());
                let is_own = operation.creates && operation.path.trim_end_matches('/') == before;
                match known.filter(|_| !is_own) {
                    Some((_, capture, _)) => pieces.push(Piece::Code(capture.clone())),
                    None => {
                        let parameter = parameters
                            .iter()
                            .find(|parameter| parameter.str("name") == Some(name));
                        let value = parameter
                            .map_or_else(|| "1".to_owned(), |parameter| self.value(parameter));
                        pieces.push(Piece::Plain(
                            super::seen::sent_segment(&value).replace('/', "%2F"),
                        ));
                        exchange.remarks.push(format!(
                            "TO DO: {{{name}}} is a sample: which of them belongs to the user?"
                        ));
                    }
                }
                rest = after;
            }
            if !rest.is_empty() || pieces.is_empty() {
                pieces.push(Piece::Plain(super::seen::sent_segment(rest)));
            }
            exchange.request.segments.push(Text::of(pieces));
            before = format!("{before}/{segment}");
        }
    }

    /// A sample of a parameter, as text.
    fn value(&self, parameter: &Json) -> String {
        let given = parameter.get("example").or_else(|| {
            let first = parameter.get("examples")?.entries().first()?;
            resolve(self.root, &first.1).get("value")
        });
        // 2.0 has type and default in the parameter itself.
        let schema = parameter.get("schema").unwrap_or(parameter);
        let value = given.cloned().unwrap_or_else(|| sample(self.root, schema));
        match &value {
            Json::List(items) => items.first().and_then(Json::scalar).unwrap_or_default(),
            value => value.scalar().unwrap_or_default(),
        }
    }

    /// Query, headers, and what 2.0 has as parameters: forms and bodies.
    fn fill(&self, parameters: &[&Json], request: &mut Request) {
        let mut form = Vec::new();
        let mut parts = Vec::new();
        for parameter in parameters {
            let name = parameter.str("name").unwrap_or_default();
            let is_wanted = parameter.is_true("required") || parameter.get("example").is_some();
            match parameter.str("in") {
                Some("query") if is_wanted => request
                    .query
                    .push((name.to_owned(), Text::plain(self.value(parameter)))),
                Some("header") if is_wanted => request.add_header(name, &self.value(parameter)),
                Some("body") => {
                    let schema = parameter.get("schema");
                    request.body = Body::Json(schema.map_or(Json::Null, |schema| {
                        credentials_in(sample(self.root, schema))
                    }));
                }
                Some("formData") if parameter.str("type") == Some("file") => parts.push(file(name)),
                Some("formData") => {
                    form.push((name.to_owned(), Text::plain(self.value(parameter))))
                }
                _ => {}
            }
        }
        if !parts.is_empty() {
            parts.extend(form.into_iter().map(text_part));
            request.body = Body::Multipart(parts);
        } else if !form.is_empty() {
            form.iter_mut()
                .for_each(|(name, text)| credential_in(name, text));
            request.body = Body::Form(form);
        }
    }

    fn body(&self, body: &Json) -> Body {
        let Some((kind, content)) = content_of(body) else {
            return Body::Empty;
        };
        let example = content.get("example").or_else(|| {
            let first = content.get("examples")?.entries().first()?;
            resolve(self.root, &first.1).get("value")
        });
        let schema = content.get("schema");
        let value = match (example, schema) {
            (Some(example), _) => example.clone(),
            (None, Some(schema)) => sample(self.root, schema),
            (None, None) => {
                return Body::Left(format!(
                    "the description does not say what is in it ({})",
                    kind.chars().take(60).collect::<String>()
                ));
            }
        };
        let texts = |value: &Json| -> Vec<(String, Text)> {
            let text = |value: &Json| Text::plain(value.scalar().unwrap_or_default());
            value
                .entries()
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect()
        };
        let kind = super::seen::media_type(kind);
        if kind.ends_with("json") {
            Body::Json(credentials_in(value))
        } else if kind == "application/x-www-form-urlencoded" {
            let mut form = texts(&value);
            form.iter_mut()
                .for_each(|(name, text)| credential_in(name, text));
            Body::Form(form)
        } else if kind == "multipart/form-data" {
            let properties = schema
                .map(|schema| resolve(self.root, schema))
                .and_then(|schema| schema.get("properties"));
            let is_file = |name: &str| {
                let property = properties
                    .and_then(|properties| properties.get(name))
                    .map(|property| resolve(self.root, property));
                property.is_some_and(|property| {
                    property.str("format") == Some("binary")
                        || property.get("contentMediaType").is_some()
                })
            };
            let part = |(name, text): (String, Text)| {
                if is_file(&name) {
                    file(&name)
                } else {
                    text_part((name, text))
                }
            };
            Body::Multipart(texts(&value).into_iter().map(part).collect())
        } else {
            match value.scalar() {
                Some(text) => Body::Text(Text::plain(text)),
                None => Body::Left(format!(
                    "it is neither JSON nor a form ({})",
                    kind.chars().take(60).collect::<String>()
                )),
            }
        }
    }

    /// How requests show who sends them: the schemes, and a token that a log-in gives.
    fn security(&self, seen: &mut Seen) {
        let components = self
            .root
            .get("components")
            .and_then(|components| components.get("securitySchemes"));
        let schemes = components.or_else(|| self.root.get("securityDefinitions"));
        let token = self.token_of_login(seen);
        let token = || token.clone().unwrap_or_else(|| Text::code("user.token"));
        for (_, scheme) in schemes.map(Json::entries).unwrap_or_default() {
            let scheme = resolve(self.root, scheme);
            let kind = scheme.str("type").unwrap_or_default();
            let http = scheme
                .str("scheme")
                .unwrap_or_default()
                .to_ascii_lowercase();
            let name = scheme.str("name").unwrap_or_default();
            let made = match (kind, http.as_str(), scheme.str("in").unwrap_or_default()) {
                ("http", "basic", _) | ("basic", ..) => Credential::Basic {
                    user: Text::code("user.name"),
                    password: Text::code("user.password"),
                },
                ("http" | "oauth2" | "openIdConnect", ..) => Credential::Bearer(token()),
                ("apiKey", _, "header") if name.eq_ignore_ascii_case("authorization") => {
                    Credential::Bearer(token())
                }
                ("apiKey", _, "header") if super::links::is_token(name) => Credential::Header(
                    name.to_ascii_lowercase(),
                    Text::code(format!("user.{}", attribute_of(name))),
                ),
                ("apiKey", _, "query") => {
                    for exchange in &mut seen.exchanges {
                        exchange.request.query.push((
                            name.to_owned(),
                            Text::code(format!("user.{}", attribute_of(name))),
                        ));
                    }
                    continue;
                }
                // A log-in sets the cookie by itself.
                _ => continue,
            };
            let sets_authorization = |one: &Credential| !matches!(one, Credential::Header(..));
            let is_there = seen.credentials.iter().any(|one| match (&made, one) {
                (Credential::Header(a, _), Credential::Header(b, _)) => a == b,
                (made, one) => sets_authorization(made) && sets_authorization(one),
            });
            if is_there {
                seen.remarks.push("TO DO: the description has several ways to show who one is; the first is used.".to_owned());
            } else {
                seen.credentials.push(made);
            }
        }
    }

    /// Moves the log-in to the front, and captures the token that its answer has.
    fn token_of_login(&self, seen: &mut Seen) -> Option<Text> {
        let at = super::login::find(&seen.exchanges).map(|log_in| {
            let exchange = seen.exchanges.remove(log_in.at());
            seen.exchanges.insert(0, exchange);
            0
        });
        let exchange = seen.exchanges.first_mut().filter(|_| at == Some(0))?;
        let path = exchange.name.as_ref()?.split_once(' ')?.1.to_owned();
        let operation = self.root.get("paths")?.get(&path)?.get("post")?;
        let fields = field_names(self.root, self.answer_schema_in(operation)?);
        let is_token = |name: &str| {
            let lower = name.to_ascii_lowercase();
            lower.contains("token")
                && !lower.contains("refresh")
                && !lower.contains("type")
                && !lower.contains("csrf")
                || lower == "jwt"
        };
        let (name, pointer) = fields.into_iter().find(|field| is_token(&field.0))?;
        let name = identifier(&name);
        exchange
            .captures
            .push((name.clone(), Source::Json(pointer)));
        Some(Text::code(name))
    }

    fn answer_schema_in(&self, operation: &'d Json) -> Option<&'d Json> {
        self.answer_schema(resolve(self.root, operation))
    }
}

fn tag_of(operation: &Json) -> &str {
    operation
        .list("tags")
        .first()
        .and_then(Json::as_str)
        .unwrap_or_default()
}

/// Whether a path continues with a parameter: `/things/{id}`.
fn has_items(root: &Json, path: &str) -> bool {
    let start = format!("{}/{{", path.trim_end_matches('/'));
    root.get("paths")
        .map(Json::entries)
        .unwrap_or_default()
        .iter()
        .any(|entry| entry.0.starts_with(&start))
}

/// The content that can be written best: JSON, then forms, then whatever is first.
fn content_of(body: &Json) -> Option<(&str, &Json)> {
    let contents = body.get("content")?.entries();
    let rank = |kind: &str| match super::seen::media_type(kind).as_str() {
        kind if kind.ends_with("json") => 0,
        "application/x-www-form-urlencoded" => 1,
        "multipart/form-data" => 2,
        _ => 3,
    };
    contents
        .iter()
        .min_by_key(|content| rank(&content.0))
        .map(|content| (content.0.as_str(), &content.1))
}

fn file(name: &str) -> Part {
    Part {
        name: name.to_owned(),
        text: Text::default(),
        is_file: true,
        filename: Some("file.txt".to_owned()),
        kind: Some("text/plain".to_owned()),
    }
}

fn text_part((name, text): (String, Text)) -> Part {
    Part {
        name,
        text,
        is_file: false,
        filename: None,
        kind: None,
    }
}

/// A value whose passwords and secrets are the user's, not samples.
fn credentials_in(mut value: Json) -> Json {
    value.visit(&mut |name, _, text| credential_in(name, text));
    value
}

fn credential_in(name: &str, text: &mut Text) {
    // A password is left as a sample: it is how a log-in is found.
    if is_password_name(name) {
        *text = Text::plain("a sample password");
    } else if is_secret_name(name) {
        *text = Text::code(format!("user.{}", attribute_of(name)));
    }
}
