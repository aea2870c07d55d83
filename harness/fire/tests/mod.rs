//! The connections against servers that say exactly what a test wants, byte by byte.

mod clean_up;
mod dead;
mod ended;
mod fallback;
mod faults_http1;
mod faults_http2;
mod faults_run;
mod faults_tls;
mod hosts;
mod http1;
mod http2;
mod idle;
mod interim;
mod proxies;
mod redirects;
mod refresh;
mod run;
mod scripted;
mod service;
mod tls;
mod trouble;
mod watched;
