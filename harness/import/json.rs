//! JSON as it stands in an input: keys in order, numbers as they were written, texts that can be filled in.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::text::Text;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Truth(bool),
    /// Digits as JSON writes them.
    Number(String),
    Text(Text),
    List(Vec<Json>),
    Table(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn text(text: impl Into<String>) -> Json {
        Json::Text(Text::plain(text))
    }

    pub(super) fn read(text: &str) -> Result<Json, serde_json::Error> {
        serde_json::from_str(text)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Table(entries) => entries
                .iter()
                .find(|entry| entry.0 == key)
                .map(|entry| &entry.1),
            _ => None,
        }
    }

    pub(super) fn str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Json::Text(text) => text.as_plain(),
            _ => None,
        }
    }

    pub(super) fn list(&self, key: &str) -> &[Json] {
        match self.get(key) {
            Some(Json::List(items)) => items,
            _ => &[],
        }
    }

    pub(super) fn entries(&self) -> &[(String, Json)] {
        match self {
            Json::Table(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn is_true(&self, key: &str) -> bool {
        self.get(key) == Some(&Json::Truth(true))
    }

    /// The value as one text, when it is no list, no table and not null.
    pub(super) fn scalar(&self) -> Option<String> {
        match self {
            Json::Truth(truth) => Some(truth.to_string()),
            Json::Number(number) => Some(number.clone()),
            Json::Text(text) => text.as_plain().map(str::to_owned),
            _ => None,
        }
    }

    /// Whether TOML cannot say it: null, or a number of more than 64 bits.
    pub(super) fn is_beyond_toml(&self) -> bool {
        match self {
            Json::Null => true,
            Json::Number(number) => {
                !number.contains(['.', 'e', 'E']) && number.parse::<i64>().is_err()
            }
            Json::Truth(_) | Json::Text(_) => false,
            Json::List(items) => items.iter().any(Json::is_beyond_toml),
            Json::Table(entries) => entries.iter().any(|entry| entry.1.is_beyond_toml()),
        }
    }

    /// Shows every text and number to `visit`, with the name of its key and its JSON pointer. A number for which `visit`
    /// sets code becomes a text that is filled in as a number.
    pub(super) fn visit(&mut self, visit: &mut dyn FnMut(&str, &str, &mut Text)) {
        self.visit_at("", &mut String::new(), visit);
    }

    fn visit_at(
        &mut self,
        name: &str,
        pointer: &mut String,
        visit: &mut dyn FnMut(&str, &str, &mut Text),
    ) {
        match self {
            Json::Null | Json::Truth(_) => {}
            Json::Text(text) => visit(name, pointer, text),
            Json::Number(number) => {
                let mut text = Text::plain(number.as_str());
                visit(name, pointer, &mut text);
                if let Some(code) = text.as_code() {
                    *self = Json::Text(Text::code(format!("{code} | int")));
                }
            }
            Json::List(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    let length = pointer.len();
                    pointer.push_str(&format!("/{at}"));
                    item.visit_at(name, pointer, visit);
                    pointer.truncate(length);
                }
            }
            Json::Table(entries) => {
                for (key, item) in entries {
                    let length = pointer.len();
                    pointer.push('/');
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                    item.visit_at(key, pointer, visit);
                    pointer.truncate(length);
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Json, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        Json::deserialize(from)
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Json, E> {
        Ok(Json::Truth(truth))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Number(number.to_string()))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Number(number.to_string()))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Json, E> {
        Ok(serde_json::Number::from_f64(number)
            .map_or(Json::Null, |number| Json::Number(number.to_string())))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::text(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Json, E> {
        Ok(Json::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        while let Some(Key(key)) = from.next_key()? {
            let value = from.next_value()?;
            // The last of two equal keys counts, as everywhere.
            match places.get(&key) {
                Some(at) => {
                    let entry: &mut (String, Json) = &mut entries[*at];
                    entry.1 = value;
                }
                None => {
                    places.insert(key.clone(), entries.len());
                    entries.push((key, value));
                }
            }
        }
        Ok(Json::Table(entries))
    }
}

/// A key: YAML has keys that are numbers, such as the status codes of OpenAPI.
#[derive(PartialEq, Eq, Hash)]
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Key, D::Error> {
        let key = Json::deserialize(from)?;
        Ok(Key(key.scalar().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_order_and_leaves_their_place() {
        let mut json = Json::read(r#"{"z":[1,{"a/b":"x"}],"a":null,"z2":1.5}"#).unwrap();
        let mut seen = Vec::new();
        json.visit(&mut |name, pointer, text| {
            seen.push((name.to_owned(), pointer.to_owned(), text.shown()));
        });
        let seen: Vec<_> = seen
            .iter()
            .map(|leaf| (leaf.0.as_str(), leaf.1.as_str(), leaf.2.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                ("z", "/z/0", "1"),
                ("a/b", "/z/1/a~1b", "x"),
                ("z2", "/z2", "1.5")
            ]
        );
        assert!(json.is_beyond_toml());
        assert!(Json::read("18446744073709551615").unwrap().is_beyond_toml());
        assert!(!Json::read("[1, 2.5, \"x\"]").unwrap().is_beyond_toml());
    }

    #[test]
    fn a_number_that_is_filled_in_stays_a_number() {
        let mut json = Json::read(r#"{"id":17}"#).unwrap();
        json.visit(&mut |_, _, text| *text = Text::code("thing_id"));
        assert_eq!(
            json,
            Json::Table(vec![(
                "id".into(),
                Json::Text(Text::code("thing_id | int"))
            )])
        );
    }
}
