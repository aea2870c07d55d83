//! The turnstile against services and backends that do exactly what a test wants; nothing here waits for luck.

mod attribution;
mod cancels;
mod first;
mod limits;
mod orders;
mod scene;
mod traffic;
mod trouble;
mod walk;
