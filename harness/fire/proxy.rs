//! Proxies: SOCKS 5 (RFC 1928, with RFC 1929) and HTTP CONNECT (RFC 9110, section 9.3.6).
//!
//! A proxy is passed before the gate is put on the socket: from then on the bytes are the target's, and the release stays
//! as exact as it is without one, up to the proxy.

use std::net::IpAddr;

use base64::Engine as _;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Longest answer to a CONNECT, bytes.
const ANSWER_LIMIT: usize = 16 * 1024;
/// Longest name, user or password that SOCKS 5 can carry, bytes.
const SOCKS_TEXT_LIMIT: usize = 255;

/// The version of SOCKS, the first byte of every message.
const SOCKS: u8 = 5;

/// Where connections go through.
#[derive(Clone)]
pub(super) struct Proxy {
    kind: Kind,
    pub(super) host: String,
    pub(super) port: u16,
    login: Option<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Socks5,
    Http,
}

impl Proxy {
    /// Reads `socks5://[user:password@]host:port` or `http://…`.
    ///
    /// # Errors
    /// A sentence that quotes nothing of what was given: it may hold a password.
    pub(super) fn parse(text: &str) -> Result<Proxy, String> {
        let url = url::Url::parse(text)
            .map_err(|error| format!("the proxy's address is not a URL: {error}"))?;
        // Port 0 is nobody's; `http` alone has a usual one.
        let (kind, usual) = match url.scheme() {
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            "http" => (Kind::Http, 80),
            _ => return Err("a proxy's address begins with socks5:// or http://".to_owned()),
        };
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        if host.is_empty() {
            return Err("the proxy's address names no host".to_owned());
        }
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let login = (!url.username().is_empty() || url.password().is_some())
            .then(|| (plain(url.username()), plain(url.password().unwrap_or(""))));
        if kind == Kind::Socks5
            && let Some((user, password)) = &login
            && user.len().max(password.len()) > SOCKS_TEXT_LIMIT
        {
            return Err(format!(
                "SOCKS 5 takes users and passwords of at most {SOCKS_TEXT_LIMIT} bytes"
            ));
        }
        Ok(Proxy {
            kind,
            host: host.to_owned(),
            port: url.port().unwrap_or(usual),
            login,
        })
    }

    /// How it is told to people, without user and password.
    pub(super) fn shown(&self) -> String {
        let scheme = match self.kind {
            Kind::Socks5 => "socks5",
            Kind::Http => "http",
        };
        format!("{scheme}://{}", authority(&self.host, self.port))
    }

    /// Asks for a connection to the host, which the proxy looks up; `stream` is that connection afterwards.
    ///
    /// # Errors
    /// A sentence that names the proxy.
    pub(super) async fn pass(
        &self,
        stream: &mut TcpStream,
        host: &str,
        port: u16,
    ) -> Result<(), String> {
        let passed = match self.kind {
            Kind::Socks5 => self.socks5(stream, host, port).await,
            Kind::Http => self.connect(stream, host, port).await,
        };
        passed.map_err(|trouble| {
            let (proxy, target) = (self.shown(), authority(host, port));
            match trouble {
                Trouble::Refused(why) => {
                    format!("the proxy {proxy} opens no connection to {target}: {why}")
                }
                Trouble::Broken(error) => {
                    format!("the connection to the proxy {proxy} broke: {error}")
                }
            }
        })
    }

    async fn socks5(&self, stream: &mut TcpStream, host: &str, port: u16) -> Result<(), Trouble> {
        self.socks5_login(stream).await?;
        let mut request = vec![SOCKS, 1, 0];
        match host.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => {
                request.push(1);
                request.extend_from_slice(&address.octets());
            }
            Ok(IpAddr::V6(address)) => {
                request.push(4);
                request.extend_from_slice(&address.octets());
            }
            Err(_) => {
                let length = u8::try_from(host.len())
                    .map_err(|_| Trouble::refused("the host's name is too long for SOCKS 5"))?;
                request.extend([3, length]);
                request.extend_from_slice(host.as_bytes());
            }
        }
        request.extend_from_slice(&port.to_be_bytes());
        stream.write_all(&request).await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        if answer[0] != SOCKS {
            return Err(Trouble::refused("it does not speak SOCKS 5"));
        }
        if answer[1] != 0 {
            return Err(Trouble::Refused(socks_reply(answer[1])));
        }
        // The address that the proxy connects from, of which nothing is wanted.
        let length = match answer[3] {
            1 => 4,
            4 => 16,
            3 => usize::from(stream.read_u8().await?),
            _ => return Err(Trouble::refused("its answer is not SOCKS 5")),
        };
        let mut bound = vec![0; length + 2];
        stream.read_exact(&mut bound).await?;
        Ok(())
    }

    /// Agrees on a way to log in, and logs in when that is wanted (RFC 1929).
    async fn socks5_login(&self, stream: &mut TcpStream) -> Result<(), Trouble> {
        const NO_LOGIN: u8 = 0;
        const LOGIN: u8 = 2;
        let wanted = if self.login.is_some() {
            LOGIN
        } else {
            NO_LOGIN
        };
        stream.write_all(&[SOCKS, 1, wanted]).await?;
        let mut chosen = [0; 2];
        stream.read_exact(&mut chosen).await?;
        match (chosen, &self.login) {
            ([SOCKS, NO_LOGIN], _) => Ok(()),
            ([SOCKS, LOGIN], Some((user, password))) => {
                let mut message = vec![1];
                for text in [user, password] {
                    message.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
                    message.extend_from_slice(text.as_bytes());
                }
                stream.write_all(&message).await?;
                let mut answer = [0; 2];
                stream.read_exact(&mut answer).await?;
                match answer[1] {
                    0 => Ok(()),
                    _ => Err(Trouble::refused("it refuses the user and password")),
                }
            }
            ([SOCKS, _], None) => Err(Trouble::refused("it wants a user and a password")),
            ([SOCKS, _], Some(_)) => Err(Trouble::refused("it takes no user and password")),
            _ => Err(Trouble::refused("it does not speak SOCKS 5")),
        }
    }

    async fn connect(&self, stream: &mut TcpStream, host: &str, port: u16) -> Result<(), Trouble> {
        let target = authority(host, port);
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n");
        if let Some((user, password)) = &self.login {
            let login =
                base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            request.push_str(&format!("proxy-authorization: Basic {login}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        // Byte by byte: what comes after the head is the target's.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == ANSWER_LIMIT {
                return Err(Trouble::refused("its answer does not end"));
            }
            head.push(stream.read_u8().await?);
        }
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut answer = httparse::Response::new(&mut headers);
        match answer.parse(&head) {
            Ok(_) => {}
            Err(error) => return Err(Trouble::Refused(format!("its answer is not HTTP: {error}"))),
        }
        match answer.code.unwrap_or_default() {
            200..=299 => Ok(()),
            407 if self.login.is_none() => {
                Err(Trouble::refused("it wants a user and a password (407)"))
            }
            407 => Err(Trouble::refused("it refuses the user and password (407)")),
            code => Err(Trouble::Refused(format!("it answers {code}"))),
        }
    }
}

/// What goes wrong at a proxy.
enum Trouble {
    Refused(String),
    Broken(std::io::Error),
}

impl Trouble {
    fn refused(why: &str) -> Trouble {
        Trouble::Refused(why.to_owned())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Trouble {
        Trouble::Broken(error)
    }
}

/// The replies of RFC 1928, section 6.
fn socks_reply(code: u8) -> String {
    let why = match code {
        1 => "it has failed",
        2 => "its rules do not allow it",
        3 => "the network is unreachable",
        4 => "the host is unreachable or not known",
        5 => "the connection was refused",
        6 => "it took too long",
        7 => "it does not know the command",
        8 => "it does not know this kind of address",
        _ => return format!("it answers {code}"),
    };
    why.to_owned()
}

/// Host and port, an IPv6 address in brackets.
pub(super) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::Proxy;

    #[test]
    fn a_proxy_is_shown_without_its_password() {
        let proxy = Proxy::parse("socks5://ann:p%40ss@[::1]").expect("a proxy");
        assert_eq!(proxy.shown(), "socks5://[::1]:1080");
        assert_eq!(
            proxy.login,
            Some(("ann".to_owned(), "p@ss".to_owned())),
            "percent-encoding is taken off"
        );
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_being_quoted() {
        for wrong in ["https://ann:hunter2@x", "socks5://", "hunter2", "ftp://x:1"] {
            let why = Proxy::parse(wrong).err().expect("no proxy");
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
