//! From tree to Kubernetes' own types, strictly and with positions.
//!
//! `k8s-openapi` skips fields that it does not know. It does tell its deserializer the name and the
//! fields of each type, however, and that is where this one steps in: unknown fields are reported
//! with the nearest name, and fields that this simulator refuses (see `fields`) by theirs.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor, value::StrDeserializer,
};
use serde::forward_to_deserialize_any;

use super::fields::{self, Decision};
use crate::manifest::Quantity;
use crate::scenario::diagnostics::{Problems, listed};
use crate::scenario::read::{Plain, found, resolve};
use crate::scenario::source::{Entry, Location, Node, Value};

/// Values of the wrong type reported for one object, at most.
const MAX_MISMATCHES: usize = 20;

/// Reads a Kubernetes type; `None` if something has a wrong type. Everything wrong is reported.
pub(super) fn read<T: for<'de> Deserialize<'de>>(node: &Node, problems: &mut Problems) -> Option<T> {
    let mut skipped = BTreeSet::new();
    let mut sound = true;
    loop {
        let found = RefCell::new(Problems::default());
        let reader =
            Reader { node, context: Context { problems: &found, skipped: &skipped, lenient: false, quantity: false } };
        let outcome = T::deserialize(reader);
        let last = outcome.is_ok() || skipped.len() == MAX_MISMATCHES;
        if last {
            problems.append(found.into_inner());
        }
        let error = match outcome {
            Ok(value) => return sound.then_some(value),
            Err(error) => error,
        };
        // serde stops at the first wrong value: report it, and try again without it
        sound = false;
        let location = error.location.unwrap_or(node.location);
        problems.report(location, error.message).expected(error.expected);
        if last || !skipped.insert(location) {
            return None;
        }
    }
}

#[derive(Clone, Copy)]
struct Context<'a> {
    problems: &'a RefCell<Problems>,
    /// Values known to be wrong, which are passed over.
    skipped: &'a BTreeSet<Location>,
    /// Inside a field that changes nothing: its own fields need no decision.
    lenient: bool,
    /// Inside a quantity, where a number stands for its spelling.
    quantity: bool,
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    node: &'a Node,
    context: Context<'a>,
}

/// A value that does not fit its type.
#[derive(Debug)]
pub(super) struct Mismatch {
    location: Option<Location>,
    message: String,
    expected: String,
}

impl Mismatch {
    fn at(mut self, location: Location) -> Mismatch {
        self.location.get_or_insert(location);
        self
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mismatch {}

impl serde::de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Mismatch { location: None, message: message.to_string(), expected: String::new() }
    }
    fn invalid_type(unexpected: Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        let found = match unexpected {
            Unexpected::Map => "a map",
            Unexpected::Seq => "a list",
            Unexpected::Bool(_) => "a truth value",
            Unexpected::Signed(_) | Unexpected::Unsigned(_) => "a number",
            Unexpected::Float(_) => "a fractional number",
            Unexpected::Unit | Unexpected::Option => "nothing",
            _ => "text",
        };
        Mismatch::custom(format!("{found} does not fit here"))
    }
    fn invalid_value(_: Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        Mismatch::custom("number out of range")
    }
}

impl<'a> Reader<'a> {
    fn wrong<T>(self, wanted: &str) -> Result<T, Mismatch> {
        Err(Mismatch {
            location: Some(self.node.location),
            message: format!("expected {wanted}, found {}", found(self.node)),
            expected: format!("expected {wanted}"),
        })
    }

    fn map<V: Visitor<'a>>(
        self,
        entries: &'a [Entry],
        context: Context<'a>,
        type_name: Option<&'static str>,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_map(Map { entries: entries.iter(), value: None, context, type_name })
    }

    fn integer<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Scalar { text, plain: true } => match resolve(text) {
                Plain::Integer(value) => match i64::try_from(value) {
                    Ok(value) => visitor.visit_i64(value),
                    Err(_) => Err(Mismatch::custom("number out of range")),
                },
                _ => self.wrong("a whole number"),
            },
            _ => self.wrong("a whole number"),
        }
    }

    fn text<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Scalar { text, plain } => {
                if self.context.quantity {
                    check_quantity(text)?;
                } else if *plain && (resolve(text) != Plain::Text || is_old_boolean(text)) {
                    let kind = if is_old_boolean(text) { "a truth value to kubectl" } else { found(self.node) };
                    return Err(Mismatch {
                        location: Some(self.node.location),
                        message: format!("expected text, found {kind}"),
                        expected: format!("quote it: \"{text}\""),
                    });
                }
                visitor.visit_str(text)
            }
            _ => self.wrong("text"),
        }
    }
}

fn check_quantity(text: &str) -> Result<(), Mismatch> {
    let problem = match Quantity::parse(text) {
        Ok(quantity) if quantity.is_negative() => "negative quantity".to_string(),
        Ok(_) => return Ok(()),
        Err(error) => format!("not a quantity: {error}"),
    };
    Err(Mismatch { expected: "expected a quantity such as `500m` or `2Gi`".to_string(), ..Mismatch::custom(problem) })
}

/// Words that kubectl's YAML 1.1 takes for truth values; to everybody else they are text.
fn is_old_boolean(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "y" | "n" | "yes" | "no" | "on" | "off")
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        let outcome = match &self.node.value {
            Value::Map(entries) => self.map(entries, self.context, None, visitor),
            Value::List(items) => visitor.visit_seq(List { items: items.iter(), context: self.context }),
            Value::Scalar { .. } if self.context.quantity => self.text(visitor),
            Value::Scalar { text, plain: true } => match resolve(text) {
                Plain::Null => visitor.visit_unit(),
                Plain::Bool(value) => visitor.visit_bool(value),
                Plain::Integer(_) => self.integer(visitor),
                Plain::Float(value) => visitor.visit_f64(value),
                Plain::Text => visitor.visit_str(text),
            },
            Value::Scalar { text, .. } => visitor.visit_str(text),
        };
        outcome.map_err(|error| error.at(self.node.location))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Scalar { text, plain: true } => match resolve(text) {
                Plain::Bool(value) => visitor.visit_bool(value),
                _ => self.wrong("`true` or `false`"),
            },
            _ => self.wrong("`true` or `false`"),
        }
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.integer(visitor).map_err(|error| error.at(self.node.location))
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.integer(visitor).map_err(|error| error.at(self.node.location))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.text(visitor).map_err(|error| error.at(self.node.location))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_str(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.context.quantity = name == "Quantity";
        visitor.visit_newtype_struct(self).map_err(|error| error.at(self.node.location))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::List(items) => visitor.visit_seq(List { items: items.iter(), context: self.context }),
            _ if self.node.is_null() => visitor.visit_seq(List { items: [].iter(), context: self.context }),
            _ => self.wrong("a list"),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Map(entries) => self.map(entries, self.context, None, visitor),
            _ if self.node.is_null() => self.map(&[], self.context, None, visitor),
            _ => self.wrong("a map"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        let entries: &'de [Entry] = match &self.node.value {
            Value::Map(entries) => entries,
            _ if self.node.is_null() => &[],
            _ => return self.wrong("a map"),
        };
        for entry in entries {
            if !known.contains(&entry.key.as_str()) {
                let mut problems = self.context.problems.borrow_mut();
                problems
                    .report(entry.key_location, format!("unknown field `{}` in {name}", entry.key))
                    .expected(format!("expected one of {}", listed(known.iter().copied())))
                    .suggest(&entry.key, known.iter().copied());
            } else if !self.context.lenient
                && let Decision::Refused(why) = fields::decision(name, &entry.key)
            {
                let mut problems = self.context.problems.borrow_mut();
                problems
                    .report(entry.key_location, format!("field `{}` of {name} is not modelled", entry.key))
                    .expected(why);
            }
        }
        self.map(entries, self.context, Some(name), visitor).map_err(|error| error.at(self.node.location))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

struct List<'a> {
    items: std::slice::Iter<'a, Node>,
    context: Context<'a>,
}

impl<'a> SeqAccess<'a> for List<'a> {
    type Error = Mismatch;
    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Mismatch> {
        let context = self.context;
        let next = self.items.find(|item| !context.skipped.contains(&item.location));
        next.map(|node| seed.deserialize(Reader { node, context })).transpose()
    }
}

struct Map<'a> {
    entries: std::slice::Iter<'a, Entry>,
    value: Option<&'a Entry>,
    context: Context<'a>,
    /// The Kubernetes type whose fields these are.
    type_name: Option<&'static str>,
}

impl<'a> MapAccess<'a> for Map<'a> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Mismatch> {
        let skipped = self.context.skipped;
        self.value = self.entries.find(|entry| !skipped.contains(&entry.value.location));
        let Some(entry) = self.value else { return Ok(None) };
        let key: StrDeserializer<'_, Mismatch> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        let Some(entry) = self.value else { return Err(Mismatch::custom("value without key")) };
        let mut context = self.context;
        if let Some(name) = self.type_name {
            context.lenient |= matches!(fields::decision(name, &entry.key), Decision::Harmless(_));
        }
        seed.deserialize(Reader { node: &entry.value, context })
    }
}
