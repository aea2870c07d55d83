//! A backend that speaks lines, a service in front of it whose handlers a test writes, and a walk over all schedules.

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::explore::turnstile::{Hall, Turnstile, TurnstileOptions};
use crate::fire::{Plan, Stop};
use crate::history::Raced;
use crate::identity::{Salt, UserId};
use crate::scenario::Scenario;

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while it holds this")
}

/// Something that runs on a thread of its own until the value is dropped.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn new<F, T>(listener: StdListener, serve: F) -> Running
    where
        F: FnOnce(TcpListener) -> T + Send + 'static,
        T: Future<Output = ()>,
    {
        let address = listener.local_addr().expect("an address");
        listener
            .set_nonblocking(true)
            .expect("a socket that does not block");
        let (end, ended) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = serve(listener) => {}
                    _ = ended => {}
                }
            });
        });
        Running {
            address,
            end: Some(end),
            thread: Some(thread),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it ends");
        }
    }
}

/// A connection whose other end has gone.
async fn nobody() -> TcpStream {
    let listener = listener();
    let address = listener.local_addr().expect("an address");
    let stream = TcpStream::connect(address).await.expect("it is taken");
    drop(listener.accept().expect("a client"));
    stream
}

pub(super) fn listener() -> StdListener {
    StdListener::bind("127.0.0.1:0").expect("a port")
}

/// A store: `SET key value`, `GET key`, `PING`, `RESET` (the connection), `COUNT` (bytes until the end). Every byte is
/// combined with the mask, so that it can look like anything.
pub(super) fn backend(mask: u8) -> Running {
    Running::new(listener(), move |listener| async move {
        let store = Arc::new(Mutex::new(BTreeMap::new()));
        loop {
            let (stream, _) = listener.accept().await.expect("a client");
            tokio::spawn(answer_lines(stream, mask, Arc::clone(&store)));
        }
    })
}

async fn answer_lines(stream: TcpStream, mask: u8, store: Arc<Mutex<BTreeMap<String, String>>>) {
    let mut link = Link::over(stream, mask);
    while let Some(line) = link.hear().await {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        let answer = match words.as_slice() {
            ["SET", key, value] => {
                lock(&store).insert((*key).to_owned(), (*value).to_owned());
                "OK".to_owned()
            }
            ["GET", key] => lock(&store)
                .get(*key)
                .cloned()
                .unwrap_or_else(|| "NONE".to_owned()),
            ["RESET"] => {
                let _ = socket2::SockRef::from(link.stream.get_ref())
                    .set_linger(Some(std::time::Duration::ZERO));
                return;
            }
            ["COUNT"] => {
                let mut rest = Vec::new();
                let _ = link.stream.read_to_end(&mut rest).await;
                rest.len().to_string()
            }
            _ => "PONG".to_owned(),
        };
        if link.say(&answer).await.is_err() {
            return;
        }
    }
}

/// One end of a connection on which lines are spoken.
pub(super) struct Link {
    pub(super) stream: BufReader<TcpStream>,
    mask: u8,
}

impl Link {
    pub(super) fn over(stream: TcpStream, mask: u8) -> Link {
        stream.set_nodelay(true).expect("a socket");
        let stream = BufReader::new(stream);
        Link { stream, mask }
    }

    pub(super) async fn say(&mut self, line: &str) -> std::io::Result<()> {
        let bytes: Vec<u8> = format!("{line}\n")
            .bytes()
            .map(|byte| byte ^ self.mask)
            .collect();
        self.stream.get_mut().write_all(&bytes).await
    }

    pub(super) async fn hear(&mut self) -> Option<String> {
        let mut line = Vec::new();
        let read = self.stream.read_until(b'\n' ^ self.mask, &mut line).await;
        if read.ok()? == 0 {
            return None;
        }
        let text: Vec<u8> = line.iter().map(|byte| byte ^ self.mask).collect();
        Some(String::from_utf8_lossy(&text).trim_end().to_owned())
    }
}

/// What handlers share.
pub(super) struct World {
    pub(super) backend: SocketAddr,
    pub(super) mask: u8,
    /// Whether a connection whose answer was not read goes back into the pool.
    pub(super) careless: bool,
    /// Whether the handler ends with its client.
    pub(super) ends_with_client: bool,
    free: Mutex<Vec<Link>>,
    /// Connections that the pool holds from before the relay was there.
    pub(super) dead: AtomicUsize,
    permits: Arc<Semaphore>,
    /// The connection that all share, and who waits on it.
    shared: tokio::sync::OnceCell<Multiplexed>,
    pub(super) memo: Mutex<String>,
    pub(super) heard: Mutex<Vec<String>>,
}

impl World {
    pub(super) fn new(pool: usize) -> World {
        World {
            backend: SocketAddr::from(([127, 0, 0, 1], 0)),
            mask: 0,
            careless: false,
            ends_with_client: true,
            free: Mutex::default(),
            dead: AtomicUsize::new(0),
            permits: Arc::new(Semaphore::new(pool)),
            shared: tokio::sync::OnceCell::new(),
            memo: Mutex::default(),
            heard: Mutex::default(),
        }
    }

    pub(super) async fn connect(&self) -> Link {
        let stream = TcpStream::connect(self.backend)
            .await
            .expect("the relay listens");
        Link::over(stream, self.mask)
    }

    /// A connection of the pool; the one that was used last, as most do.
    pub(super) async fn take(self: &Arc<World>) -> Taken {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .expect("it stays open");
        let fewer = |dead: usize| dead.checked_sub(1);
        let is_dead = self
            .dead
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer)
            .is_ok();
        let free = lock(&self.free).pop();
        let link = match free {
            _ if is_dead => Some(Link::over(nobody().await, self.mask)),
            Some(link) => Some(link),
            None => {
                let stream = TcpStream::connect(self.backend).await.ok();
                stream.map(|stream| Link::over(stream, self.mask))
            }
        };
        Taken {
            world: Arc::clone(self),
            link,
            waits: false,
            _permit: permit,
        }
    }

    /// The connection that all share.
    pub(super) async fn multiplexed(&self) -> &Multiplexed {
        let opened = async {
            let stream = self.connect().await.stream.into_inner();
            let (read, write) = stream.into_split();
            let waiting = Arc::new(Mutex::new(VecDeque::<oneshot::Sender<String>>::new()));
            let answered = Arc::clone(&waiting);
            tokio::spawn(async move {
                let mut lines = BufReader::new(read).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let waits = lock(&answered).pop_front();
                    let _ = waits.expect("somebody asked").send(line);
                }
            });
            Multiplexed {
                write: tokio::sync::Mutex::new(write),
                waiting,
            }
        };
        self.shared.get_or_init(|| opened).await
    }

    /// One round trip over the pool.
    pub(super) async fn ask(self: &Arc<World>, line: &str) -> String {
        self.take().await.ask(line).await
    }
}

/// A connection on which several ask without waiting for each other.
pub(super) struct Multiplexed {
    write: tokio::sync::Mutex<tokio::net::tcp::OwnedWriteHalf>,
    waiting: Arc<Mutex<VecDeque<oneshot::Sender<String>>>>,
}

impl Multiplexed {
    pub(super) async fn ask(&self, line: &str) -> String {
        let (answer, answered) = oneshot::channel();
        {
            let mut write = self.write.lock().await;
            lock(&self.waiting).push_back(answer);
            let sent = write.write_all(format!("{line}\n").as_bytes()).await;
            sent.expect("the relay takes it");
        }
        answered.await.unwrap_or_else(|_| "BROKEN".to_owned())
    }
}

/// A connection that goes back into the pool.
pub(super) struct Taken {
    world: Arc<World>,
    link: Option<Link>,
    /// Whether an answer is to come.
    waits: bool,
    _permit: OwnedSemaphorePermit,
}

impl Taken {
    pub(super) async fn ask(&mut self, line: &str) -> String {
        let Some(link) = self.link.as_mut() else {
            return "BROKEN".to_owned();
        };
        self.waits = true;
        if link.say(line).await.is_err() {
            return "BROKEN".to_owned();
        }
        match link.hear().await {
            Some(answer) => {
                self.waits = false;
                answer
            }
            None => "BROKEN".to_owned(),
        }
    }

    /// Several commands in one write, and the last answer.
    pub(super) async fn ask_all(&mut self, lines: &[&str]) -> String {
        let link = self.link.as_mut().expect("it is there until the end");
        link.say(&lines.join("\n"))
            .await
            .expect("the relay takes it");
        let mut last = String::new();
        for _ in lines {
            last = link.hear().await.expect("an answer");
        }
        last
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(link) = self.link.take()
            && (self.world.careless || !self.waits)
        {
            lock(&self.world.free).push(link);
        }
    }
}

/// A request as a handler gets it.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) user: String,
    pub(super) body: String,
}

pub(super) type Answering = Pin<Box<dyn Future<Output = String> + Send>>;
type Handler = fn(Arc<World>, Asked) -> Answering;

/// Answers `PUT /note` by keeping the note in the backend; everything else is the handler's.
fn service(listener: StdListener, world: Arc<World>, handler: Handler) -> Running {
    Running::new(listener, move |listener| async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a client");
            tokio::spawn(serve(stream, Arc::clone(&world), handler));
        }
    })
}

async fn serve(stream: TcpStream, world: Arc<World>, handler: Handler) {
    stream.set_nodelay(true).expect("a socket");
    let mut stream = BufReader::new(stream);
    while let Some(asked) = request(&mut stream).await {
        let is_note = asked.path == "/note";
        let (inside, own) = (Arc::clone(&world), asked.clone());
        let answering: Answering = match is_note {
            true => {
                Box::pin(async move { inside.ask(&format!("SET {} {}", own.user, own.body)).await })
            }
            false => handler(inside, own),
        };
        let body = if world.ends_with_client {
            tokio::select! {
                biased;
                body = answering => body,
                _ = stream.fill_buf() => return,
            }
        } else {
            answering.await
        };
        let status = match body.as_str() {
            "BROKEN" => "500 Internal Server Error",
            _ => "200 OK",
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn request(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut asked = Asked::default();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ") {
            Some(("x-user", user)) => asked.user = user.to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().expect("a length");
            }
            Some(_) => {}
            None => asked.path = line.split(' ').nth(1).unwrap_or_default().to_owned(),
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    Some(asked)
}

/// What a test explores.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) handler: Handler,
    /// `[explore]`, and what else stands in the scenario.
    pub(super) change: fn(&mut Scenario),
    pub(super) users: usize,
    pub(super) method: &'static str,
    pub(super) restart: Option<String>,
    /// Whether the backend has ended before anybody asks for it.
    pub(super) no_backend: bool,
}

impl Scene {
    pub(super) fn new(world: World, handler: Handler) -> Scene {
        Scene {
            world,
            handler,
            change: |_| {},
            users: 2,
            method: "GET",
            restart: None,
            no_backend: false,
        }
    }

    /// Opens everything and lets the test look at it.
    pub(super) fn play<T>(self, look: impl FnOnce(&mut Turnstile<'_>, &World) -> T) -> T {
        self.play_with_backend(|turnstile, world, _| look(turnstile, world))
    }

    /// The same for a test that ends the backend, by taking it.
    pub(super) fn play_with_backend<T>(
        self,
        look: impl FnOnce(&mut Turnstile<'_>, &World, &mut Option<Running>) -> T,
    ) -> T {
        let backend = backend(self.world.mask);
        let front = listener();
        let url = format!("http://{}", front.local_addr().expect("an address"));
        let text = format!(
            r#"version = 1
target = {{ url = "{url}" }}
users = {{ count = {}, name = "user{{{{ index }}}}" }}
[[each-round]]
name = "write"
method = "PUT"
path = "/note"
headers = {{ x-user = "{{{{ user.name }}}}" }}
text = "{{{{ secret('note') }}}}"
[[volley]]
name = "read"
method = "{}"
path = "/read"
headers = {{ x-user = "{{{{ user.name }}}}" }}
sees = ["note"]
{}
"#,
            self.users,
            self.method,
            if self.method == "POST" {
                "text = \"0123456789\""
            } else {
                ""
            },
        );
        let mut scenario = Scenario::parse("scene", &text).expect("it parses");
        // Nothing counts as blocked because a machine is busy.
        scenario.explore.blocked_ms = 60_000;
        (self.change)(&mut scenario);
        let plan = Plan {
            scenario: &scenario,
            target_name: "scene".to_owned(),
            base_url: url,
            trusted_pem: None,
            seed: 1,
            salt: Salt::new(7),
        };
        let options = TurnstileOptions {
            through: vec![format!("0={}", backend.address).parse().expect("a relay")],
            restart: self.restart,
            allowed_hosts: Vec::new(),
        };
        let stop = Stop::default();
        let hall = Hall::open(&plan, &options, &stop).expect("it opens");
        let mut world = self.world;
        world.backend = hall.addresses()[0];
        let world = Arc::new(world);
        let service = service(front, Arc::clone(&world), self.handler);
        let raced: Vec<Raced> = (0..self.users)
            .map(|user| Raced {
                user: UserId(u32::try_from(user).expect("few users")),
                step: scenario.volley[0].index,
            })
            .collect();
        let mut turnstile = hall.turnstile(&raced).expect("a race");
        let mut backend = Some(backend).filter(|_| !self.no_backend);
        let seen = look(&mut turnstile, &world, &mut backend);
        drop((turnstile, hall, service, backend));
        seen
    }
}
