//! A headless Chromium and one page in it, over the DevTools protocol through a pipe: JSON messages, each ended by a zero.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Where it is looked for; `CHROMIUM` names another one.
const PLACES: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];
/// Longest wait for an answer: a browser that hangs must not hang the tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running browser with one page.
pub(crate) struct Browser {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<Value>,
    session: String,
    next: u64,
    /// What the page told by itself.
    events: Vec<Value>,
    _profile: tempfile::TempDir,
}

/// The browser's place; when there is none, says so.
#[expect(clippy::print_stdout, reason = "why a test did nothing")]
pub(crate) fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let found = named
        .into_iter()
        .chain(PLACES.map(PathBuf::from))
        .find(|path| path.is_file());
    if found.is_none() {
        println!(
            "skipped: there is no Chromium at {} (Debian's package is `chromium`; CHROMIUM names another place)",
            PLACES.join(", ")
        );
    }
    found
}

impl Browser {
    /// Starts it; `None` when there is none.
    pub(crate) fn start() -> Option<Browser> {
        let chromium = chromium()?;
        let profile = tempfile::tempdir().unwrap();
        // The protocol's pipe has the numbers 3 and 4, which only a shell gives without unsafe code.
        let mut child = Command::new("sh")
            .arg("-c")
            .arg("exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null")
            .arg(chromium)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output
                .read_until(0, &mut message)
                .is_ok_and(|read| read > 0)
            {
                message.pop();
                let told = serde_json::from_slice(&message).map(|message| sender.send(message));
                if !matches!(told, Ok(Ok(()))) {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Browser {
            child,
            commands,
            answers,
            session: String::new(),
            next: 0,
            events: Vec::new(),
            _profile: profile,
        };
        browser.new_page();
        Some(browser)
    }

    fn new_page(&mut self) {
        let page = self.send("Target.createTarget", &json!({"url": "about:blank"}));
        let attached = self.send(
            "Target.attachToTarget",
            &json!({"targetId": page["targetId"], "flatten": true}),
        );
        self.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Network", "Log", "Runtime"] {
            self.send(&format!("{domain}.enable"), &json!({}));
        }
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn send(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut command = json!({"id": id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            command["sessionId"] = json!(self.session);
        }
        let mut bytes = command.to_string().into_bytes();
        bytes.push(0);
        self.commands.write_all(&bytes).unwrap();
        let answer = self.until(|message| message["id"] == json!(id));
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The next message of that kind; all others are kept as events.
    fn until(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self
                .answers
                .recv_timeout(PATIENCE)
                .expect("Chromium answers");
            let is_done = is_wanted(&message);
            if message.get("method").is_some() {
                self.events.push(message.clone());
            }
            if is_done {
                return message;
            }
        }
    }

    /// Opens a file and waits until it is loaded.
    pub(crate) fn open(&mut self, file: &Path) {
        self.events.clear();
        let url = format!("file://{}", file.display());
        self.send("Page.navigate", &json!({"url": url}));
        let is_loaded = json!(format!("{url} complete"));
        let begun = Instant::now();
        while self.value("location.href + ' ' + document.readyState") != is_loaded {
            assert!(begun.elapsed() < PATIENCE, "{url} is not loaded");
        }
    }

    /// What an expression comes to in the page.
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let answer = self.send(
            "Runtime.evaluate",
            &json!({"expression": expression, "returnByValue": true, "awaitPromise": true}),
        );
        assert!(
            answer.get("exceptionDetails").is_none(),
            "{expression}: {answer}"
        );
        answer["result"]["value"].clone()
    }

    /// As [`Browser::value`], of an expression that comes to a text.
    pub(crate) fn text(&mut self, expression: &str) -> String {
        let value = self.value(expression);
        let text = value.as_str();
        text.unwrap_or_else(|| panic!("{expression} came to {value}"))
            .to_owned()
    }

    /// Presses a key: `ArrowDown`, `Tab`, `Enter`, or a letter.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, number, text) = match key {
            "Tab" => ("Tab", 9, ""),
            "Enter" => ("Enter", 13, "\r"),
            "End" => ("End", 35, ""),
            "Home" => ("Home", 36, ""),
            "ArrowUp" => ("ArrowUp", 38, ""),
            "ArrowDown" => ("ArrowDown", 40, ""),
            letter => (
                letter,
                u32::from(letter.to_ascii_uppercase().as_bytes()[0]),
                letter,
            ),
        };
        for kind in ["keyDown", "keyUp"] {
            self.send(
                "Input.dispatchKeyEvent",
                &json!({
                    "type": kind, "key": key, "code": code, "windowsVirtualKeyCode": number,
                    "text": if kind == "keyDown" { text } else { "" },
                }),
            );
        }
    }

    /// The size of the window, in CSS pixels.
    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        self.send(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
        );
    }

    /// What the page told by itself under that method, since it was opened.
    pub(crate) fn told(&self, method: &str) -> Vec<&Value> {
        self.events
            .iter()
            .filter(|event| event["method"] == method)
            .map(|event| &event["params"])
            .collect()
    }

    /// Keeps a picture of the page, when the environment says where: `BROWSER_SHOTS=FOLDER`.
    pub(crate) fn picture(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("BROWSER_SHOTS") else {
            return;
        };
        let shot = self.send(
            "Page.captureScreenshot",
            &json!({"format": "png", "captureBeyondViewport": true}),
        );
        let bytes = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            shot["data"].as_str().unwrap(),
        );
        std::fs::write(
            Path::new(&folder).join(format!("{name}.png")),
            bytes.unwrap(),
        )
        .unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
