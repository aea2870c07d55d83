//! The connections against servers that say exactly what a test wants, byte by byte.

mod clean_up;
mod dead;
mod fallback;
mod hosts;
mod http1;
mod http2;
mod proxies;
mod redirects;
mod refresh;
mod run;
mod scripted;
mod service;
mod tls;
mod trouble;
