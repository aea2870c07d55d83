//! A history without what the clock decides. No tests.

use serde_json::Value;

/// The records, every elapsed time set to nothing.
pub(crate) fn without(history: &str) -> Vec<Value> {
    let lines = history.lines().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        forget(&mut record);
        record
    });
    lines.collect()
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(table) => {
            if let Some(elapsed) = table.get_mut("elapsed_ns") {
                *elapsed = Value::Null;
            }
            table.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}
