//! curl commands: as a person writes them, or as browsers copy them.

use super::error::ImportError;
use super::secrets::attribute_of;
use super::seen::{Body, Credential, Exchange, Part, Request, Seen, media_type};
use super::shell::{self, Command};
use super::text::Text;

/// Options that take a value and say nothing about the request.
const PASSED_OVER: [&str; 30] = [
    "-o",
    "--output",
    "-w",
    "--write-out",
    "-m",
    "--max-time",
    "--connect-timeout",
    "--retry",
    "--retry-delay",
    "--retry-max-time",
    "-A",
    "--user-agent",
    "-e",
    "--referer",
    "--limit-rate",
    "--max-redirs",
    "-c",
    "--cookie-jar",
    "-D",
    "--dump-header",
    "--stderr",
    "--trace",
    "--trace-ascii",
    "--keepalive-time",
    "-y",
    "-Y",
    "--ciphers",
    "--tls-max",
    "--interface",
    "--output-dir",
];
/// Options that take a value and that a person has to write into the scenario: what to write.
const FOR_A_PERSON: [(&str, &str); 13] = [
    ("--cacert", "ca = \"FILE\" under [target]"),
    ("--cert", "client-certificate = \"FILE\" under [target]"),
    ("-E", "client-certificate = \"FILE\" under [target]"),
    ("--key", "client-key = \"FILE\" under [target]"),
    ("--proxy", "proxy = \"…\" under [target]"),
    ("-x", "proxy = \"…\" under [target]"),
    ("--socks5", "proxy = \"socks5://…\" under [target]"),
    ("--socks5-hostname", "proxy = \"socks5://…\" under [target]"),
    (
        "--resolve",
        "resolve = { \"HOST:PORT\" = \"ADDRESS\" } under [target]",
    ),
    (
        "--connect-to",
        "resolve = { \"HOST:PORT\" = \"ADDRESS\" } under [target]",
    ),
    (
        "--unix-socket",
        "a TCP address: Unix sockets cannot be fired at",
    ),
    ("-K", "what the configuration file says"),
    ("--config", "what the configuration file says"),
];
/// Letters of options that take a value.
const LETTERS_WITH_VALUE: &str = "XHdFbuAeomwcDETxKCyYrtzQP";

pub(super) fn read(text: &str) -> Result<Seen, ImportError> {
    let plain;
    let (text, from) = if shell::is_windows(text) {
        plain = shell::without_carets(text);
        (plain.as_str(), "curl commands of Windows")
    } else {
        (text, "curl commands")
    };
    let commands = shell::commands(text).map_err(|unclosed| {
        let message = format!("the quote {} is never closed", unclosed.quote);
        ImportError::new(message, "copy the whole command; put it into a file or behind `-` when the shell gets in the way")
            .at(unclosed.line, 0)
    })?;
    let mut seen = Seen {
        from: from.to_owned(),
        ..Seen::default()
    };
    let mut others = 0;
    for command in commands {
        let start = command.words.iter().position(|word| is_curl(word));
        match start.filter(|start| {
            command.words[..*start]
                .iter()
                .all(|word| word.contains('=') || word == "$" || word == "sudo")
        }) {
            Some(start) => read_command(&command, start + 1, &mut seen)?,
            None => others += 1,
        }
    }
    if seen.exchanges.is_empty() {
        let is_powershell =
            text.contains("Invoke-WebRequest") || text.contains("Invoke-RestMethod");
        let remedy = if is_powershell {
            "this is PowerShell: in the browser choose \"Copy as cURL\""
        } else {
            "each command begins with `curl` and has a URL"
        };
        return Err(
            ImportError::new("there is no curl command with a URL in the input", remedy).at(1, 0),
        );
    }
    if others > 0 {
        seen.remarks
            .push(format!("Left out: commands that are not curl ({others})."));
    }
    for exchange in &mut seen.exchanges {
        exchange
            .request
            .visit(&mut |_, _, text| text.unmark(&|name| format!("user.{}", attribute_of(name))));
    }
    Ok(seen)
}

fn is_curl(word: &str) -> bool {
    let program = word.rsplit(['/', '\\']).next().unwrap_or(word);
    program.eq_ignore_ascii_case("curl") || program.eq_ignore_ascii_case("curl.exe")
}

/// What the options of a command say.
#[derive(Default)]
struct Options {
    urls: Vec<String>,
    method: Option<String>,
    head: bool,
    get: bool,
    request: Request,
    data: Vec<String>,
    json: bool,
    parts: Vec<Part>,
    left: Option<String>,
    credential: Option<Credential>,
    remarks: Vec<String>,
}

fn read_command(command: &Command, from: usize, seen: &mut Seen) -> Result<(), ImportError> {
    let mut words = command.words[from..].iter().map(String::as_str);
    let mut options = Options::default();
    while let Some(word) = words.next() {
        if matches!(word, "--next" | "-:") {
            finish(std::mem::take(&mut options), command.line, seen)?;
        } else if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
            // curl knows no `--name=value`, people write it all the same.
            let (name, value) = long
                .split_once('=')
                .map_or((long, None), |parts| (parts.0, Some(parts.1)));
            take(&format!("--{name}"), value, &mut words, &mut options, seen);
        } else if word.len() > 1 && word.starts_with('-') {
            letters(&word[1..], &mut words, &mut options, seen);
        } else {
            options.urls.push(word.to_owned());
        }
    }
    finish(options, command.line, seen)
}

/// Options of one letter may stand together, and their value right behind: `-sXPOST`.
fn letters<'w>(
    letters: &'w str,
    words: &mut dyn Iterator<Item = &'w str>,
    options: &mut Options,
    seen: &mut Seen,
) {
    for (at, letter) in letters.char_indices() {
        let rest = &letters[at + letter.len_utf8()..];
        let option = format!("-{letter}");
        if LETTERS_WITH_VALUE.contains(letter) {
            let rest = (!rest.is_empty()).then_some(rest);
            return take(&option, rest, words, options, seen);
        }
        take(&option, None, &mut std::iter::empty(), options, seen);
    }
}

/// Takes one option; its value is `given`, or the next word.
fn take<'w>(
    option: &str,
    given: Option<&'w str>,
    words: &mut dyn Iterator<Item = &'w str>,
    options: &mut Options,
    seen: &mut Seen,
) {
    let mut value = || {
        given
            .or_else(|| words.next())
            .unwrap_or_default()
            .to_owned()
    };
    let request = &mut options.request;
    match option {
        "-X" | "--request" => options.method = Some(value().to_ascii_uppercase()),
        "-I" | "--head" => options.head = true,
        "-G" | "--get" => options.get = true,
        "-k" | "--insecure" => seen.insecure = true,
        "--url" => options.urls.push(value()),
        "-H" | "--header" => {
            let header = value();
            if let Some((name, value)) = header
                .split_once(':')
                .filter(|header| !header.0.starts_with('@'))
            {
                request.add_header(name, value);
            } else if !header.ends_with(';') {
                options
                    .remarks
                    .push("TO DO: headers stand in a file of their own".to_owned());
            }
        }
        "-b" | "--cookie" => {
            let cookies = value();
            if cookies.contains('=') {
                request.add_header("cookie", &cookies);
            } else {
                options.remarks.push(
                    "TO DO: cookies stand in a file of their own: log in with a [[setup]] step"
                        .to_owned(),
                );
            }
        }
        "-u" | "--user" => {
            let given = value();
            let (user, password) = given.split_once(':').unwrap_or((&given, ""));
            request.basic = Some((Text::plain(user), Text::plain(password)));
        }
        "--oauth2-bearer" => {
            value();
            options.credential = Some(Credential::Bearer(Text::code("user.token")));
        }
        "--http2" | "--http2-prior-knowledge" => {
            seen.remarks.push(
                "TO DO: curl was told to speak HTTP/2: protocol = \"http/2\" under [fire]"
                    .to_owned(),
            );
        }
        _ => {
            if !take_data(option, &mut value, options) {
                take_other(option, &mut value, seen);
            }
        }
    }
}

/// Takes an option that gives a body; returns whether it is one.
fn take_data(option: &str, value: &mut dyn FnMut() -> String, options: &mut Options) -> bool {
    match option {
        "-d" | "--data" | "--data-ascii" | "--data-binary" => {
            let data = value();
            if data.starts_with('@') {
                options.left = Some("it stands in a file: raw = { file = \"FILE\" }".to_owned());
            } else {
                options.data.push(data);
            }
        }
        "--data-raw" => options.data.push(value()),
        "--data-urlencode" => match urlencoded(&value()) {
            Some(data) => options.data.push(data),
            None => options.left = Some("a part of it stands in a file".to_owned()),
        },
        "--json" => {
            options.json = true;
            options.data.push(value());
        }
        "-F" | "--form" | "--form-string" => options
            .parts
            .extend(part(&value(), option == "--form-string")),
        "-T" | "--upload-file" => {
            value();
            options.method.get_or_insert_with(|| "PUT".to_owned());
            options.left = Some("it stands in a file: raw = { file = \"FILE\" }".to_owned());
        }
        _ => return false,
    }
    true
}

/// Takes an option that says nothing about the request, or nothing that a draft can hold.
fn take_other(option: &str, value: &mut dyn FnMut() -> String, seen: &mut Seen) {
    let remark = if let Some((_, advice)) = FOR_A_PERSON.iter().find(|one| one.0 == option) {
        value();
        format!("TO DO: curl had {option}; write {advice}.")
    } else if PASSED_OVER.contains(&option) || LETTERS_WITH_VALUE.contains(&option[1..]) {
        value();
        return;
    } else if KNOWN_FLAGS.contains(&option) {
        return;
    } else {
        let shown = shown_option(option);
        format!("TO DO: the option {shown} of curl was not understood.")
    };
    if !seen.remarks.contains(&remark) {
        seen.remarks.push(remark);
    }
}

/// Options without a value that need nothing of a scenario.
const KNOWN_FLAGS: [&str; 34] = [
    "-L",
    "--location",
    "--location-trusted",
    "-s",
    "--silent",
    "-S",
    "--show-error",
    "-v",
    "--verbose",
    "-i",
    "--include",
    "-f",
    "--fail",
    "--fail-with-body",
    "--compressed",
    "-N",
    "--no-buffer",
    "-O",
    "--remote-name",
    "-g",
    "--globoff",
    "-4",
    "-6",
    "--http1.1",
    "-0",
    "--http1.0",
    "-#",
    "--progress-bar",
    "--path-as-is",
    "--no-progress-meter",
    "-q",
    "--basic",
    "--anyauth",
    "--tlsv1.2",
];

/// An option's name, unless it looks like something else that got here.
fn shown_option(option: &str) -> &str {
    let is_name = option.len() <= 30
        && option
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_name || option.chars().count() == 2 {
        option
    } else {
        "(unreadable)"
    }
}

/// What `--data-urlencode` makes of its value; none when it is in a file.
fn urlencoded(given: &str) -> Option<String> {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    match given.find(['=', '@']) {
        Some(at) if given[at..].starts_with('@') => None,
        Some(0) => Some(encode(&given[1..])),
        Some(at) => Some(format!(
            "{}={}",
            &given[..at],
            encode_marked(&given[at + 1..], &encode)
        )),
        None => Some(encode_marked(given, &encode)),
    }
}

/// Encodes what is no variable.
fn encode_marked(text: &str, encode: &dyn Fn(&str) -> String) -> String {
    let mut out = String::new();
    for (number, part) in text.split(['\u{e000}', '\u{e001}']).enumerate() {
        // Between the marks stand names.
        out.push_str(&if number % 2 == 1 {
            super::text::marked(part)
        } else {
            encode(part)
        });
    }
    out
}

/// A part of `-F`: `name=text`, `name=@file;type=…;filename=…`, `name=<file`.
fn part(given: &str, is_plain: bool) -> Option<Part> {
    let (name, value) = given.split_once('=')?;
    if is_plain {
        return Some(Part {
            name: name.to_owned(),
            text: Text::plain(value),
            is_file: false,
            filename: None,
            kind: None,
        });
    }
    let mut pieces = value.split(';');
    let first = pieces.next().unwrap_or_default();
    let (mut kind, mut filename, mut rest) = (None, None, String::new());
    for piece in pieces {
        match piece.trim().split_once('=') {
            Some(("type", value)) => kind = Some(value.to_owned()),
            Some(("filename", value)) => filename = Some(value.trim_matches('"').to_owned()),
            _ => rest.push_str(&format!(";{piece}")),
        }
    }
    let is_file = first.starts_with(['@', '<']);
    if first.starts_with('@') && filename.is_none() {
        filename = first[1..].rsplit(['/', '\\']).next().map(str::to_owned);
    }
    Some(Part {
        name: name.to_owned(),
        text: Text::plain(if is_file {
            String::new()
        } else {
            format!("{first}{rest}")
        }),
        is_file,
        filename,
        kind,
    })
}

/// Makes the requests of one set of options.
fn finish(options: Options, line: usize, seen: &mut Seen) -> Result<(), ImportError> {
    if options.urls.is_empty() {
        return Err(
            ImportError::new("this curl command has no URL", "copy the whole command").at(line, 0),
        );
    }
    let mut request = options.request;
    let joined = options.data.join(if options.json { "" } else { "&" });
    let has_data = !options.data.is_empty() || !options.parts.is_empty() || options.left.is_some();
    request.method = match options.method {
        Some(method) => method,
        None if options.head => "HEAD".to_owned(),
        None if has_data && !options.get => "POST".to_owned(),
        None => "GET".to_owned(),
    };
    if let Some(why) = options.left {
        request.body = Body::Left(why);
    } else if !options.parts.is_empty() {
        request.body = Body::Multipart(options.parts);
    } else if !options.get && !options.data.is_empty() {
        let kind = request.header("content-type").map(Text::shown);
        let default = if options.json {
            "application/json"
        } else {
            "application/x-www-form-urlencoded"
        };
        let kind = kind.unwrap_or_else(|| default.to_owned());
        request.body = body_of(&kind, &joined);
    }
    for given in &options.urls {
        let mut one = request.clone();
        let url = parse_url(given).ok_or_else(|| {
            ImportError::new(
                "the URL of this curl command cannot be read",
                "a URL is `http://host/path`; variables cannot stand in the host",
            )
            .at(line, 0)
        })?;
        let basic = one.basic.take();
        one.set_url(&url);
        one.basic = basic.or(one.basic);
        if options.get {
            let pairs = url::form_urlencoded::parse(joined.as_bytes());
            one.query.extend(
                pairs.map(|(name, value)| (name.into_owned(), Text::plain(value.into_owned()))),
            );
        }
        seen.exchanges.push(Exchange {
            request: one,
            remarks: options.remarks.clone(),
            ..Exchange::default()
        });
    }
    if let Some(credential) = options.credential
        && !seen.credentials.contains(&credential)
    {
        seen.credentials.push(credential);
    }
    Ok(())
}

/// Data without a name is no form, whatever curl calls it.
fn body_of(kind: &str, data: &str) -> Body {
    let is_form = media_type(kind) == "application/x-www-form-urlencoded";
    if is_form && data.trim_start().starts_with(['{', '[']) && super::json::Json::read(data).is_ok()
    {
        return Body::from_text("application/json", data);
    }
    if is_form && !data.contains('=') {
        return Body::Text(Text::plain(data));
    }
    Body::from_text(kind, data)
}

fn parse_url(given: &str) -> Option<url::Url> {
    let given = given.trim();
    let whole = if given.contains("://") {
        given.to_owned()
    } else {
        format!("http://{given}")
    };
    let url = url::Url::parse(&whole).ok()?;
    let has_host = url.host_str().is_some_and(|host| {
        !host.is_empty() && !host.contains("%EE%80%8") && !host.contains('\u{e000}')
    });
    (matches!(url.scheme(), "http" | "https") && has_host).then_some(url)
}
