//! The connections against servers that say exactly what a test wants, byte by byte.

mod faults_http1;
mod faults_http2;
mod faults_run;
mod faults_tls;
mod http1;
mod http2;
mod run;
mod scripted;
mod watched;
