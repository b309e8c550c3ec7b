//! `record!`, `choice!` and `words!`: one table per type that yields the type, its reader, its JSON
//! Schema and its page of the reference, so that the four cannot disagree.

/// A map with known keys. Each key is one line: `"kebab-name" => field: Type = "default as written"`.
/// A key without default is required unless its type can be absent (`Option`, lists, maps, records
/// of such). `..name: Record` at the end takes in the keys of another record.
macro_rules! record {
    (
        $(#[doc = $about:literal])*
        pub struct $Name:ident {
            $( $(#[doc = $doc:literal])* $key:literal => $field:ident : $type:ty $(= $default:literal)?, )*
            $( ..$inner:ident : $Inner:ty )?
        }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub struct $Name {
            $( $(#[doc = $doc])* pub $field: $type, )*
            $( #[doc = "The keys taken in from another record."] pub $inner: $Inner, )?
        }

        impl $crate::scenario::fields::Record for $Name {
            const NAME: &'static str = stringify!($Name);
            const ABOUT: &'static str = concat!($($about, "\n"),*);

            fn keys() -> Vec<$crate::scenario::fields::Key> {
                #[allow(unused_mut)]
                let mut keys = vec![$({
                    let default = None::<&'static str>$(.or(Some($default)))?;
                    $crate::scenario::fields::Key {
                        name: $key,
                        about: concat!($($doc, "\n"),*),
                        default,
                        required: default.is_none() && <$type as $crate::scenario::read::Read>::absent().is_none(),
                        schema: <$type as $crate::scenario::read::Read>::schema,
                    }
                }),*];
                $( keys.extend(<$Inner as $crate::scenario::fields::Record>::keys()); )?
                keys
            }

            fn take(
                fields: &$crate::scenario::fields::Fields<'_>,
                problems: &mut $crate::scenario::diagnostics::Problems,
            ) -> Option<Self> {
                $( let $field = fields.take::<$type>($key, None::<&'static str>$(.or(Some($default)))?, problems); )*
                $( let $inner = <$Inner as $crate::scenario::fields::Record>::take(fields, problems); )?
                Some(Self { $($field: $field?,)* $($inner: $inner?,)? })
            }
        }

        impl $crate::scenario::read::Read for $Name {
            fn read(
                node: &$crate::scenario::source::Node,
                problems: &mut $crate::scenario::diagnostics::Problems,
            ) -> Option<Self> {
                <Self as $crate::scenario::fields::Record>::read_record(node, problems)
            }
            fn absent() -> Option<Self> {
                <Self as $crate::scenario::fields::Record>::absent_record()
            }
            fn schema(definitions: &mut $crate::scenario::read::Definitions) -> serde_json::Value {
                <Self as $crate::scenario::fields::Record>::record_schema(definitions)
            }
        }
    };
}

/// A map with exactly one key of several: `"crash" => Crash(Crash)`.
macro_rules! choice {
    (
        $(#[doc = $about:literal])*
        pub enum $Name:ident { $( $(#[doc = $doc:literal])* $key:literal => $Variant:ident($type:ty), )* }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub enum $Name { $( $(#[doc = $doc])* $Variant($type), )* }

        impl $Name {
            /// The choices in the order of the documentation.
            pub fn keys() -> Vec<$crate::scenario::fields::Key> {
                vec![$( $crate::scenario::fields::Key {
                    name: $key,
                    about: concat!($($doc, "\n"),*),
                    default: None,
                    required: false,
                    schema: <$type as $crate::scenario::read::Read>::schema,
                } ),*]
            }

            /// How the choice is written.
            pub fn key(&self) -> &'static str {
                match self { $( Self::$Variant(_) => $key, )* }
            }

            /// Reads one entry of a map as the choice it names; an unknown key is reported.
            pub fn pick(
                entry: &$crate::scenario::source::Entry,
                problems: &mut $crate::scenario::diagnostics::Problems,
            ) -> Option<Self> {
                match entry.key.as_str() {
                    $( $key => <$type as $crate::scenario::read::Read>::read(&entry.value, problems).map(Self::$Variant), )*
                    _ => {
                        $crate::scenario::fields::unknown_key(entry, &[$($key),*], problems);
                        None
                    }
                }
            }
        }

        impl $crate::scenario::read::Read for $Name {
            fn read(
                node: &$crate::scenario::source::Node,
                problems: &mut $crate::scenario::diagnostics::Problems,
            ) -> Option<Self> {
                let wanted = format!("a map with one of {}", $crate::scenario::diagnostics::listed([$($key),*]));
                match node.entries() {
                    [entry] => Self::pick(entry, problems),
                    [] => $crate::scenario::read::mismatch(node, &wanted, problems),
                    [_, second, ..] => {
                        problems
                            .report(second.key_location, format!("one key too many: `{}`", second.key))
                            .expected("only one of these can stand here");
                        None
                    }
                }
            }
            fn schema(definitions: &mut $crate::scenario::read::Definitions) -> serde_json::Value {
                $crate::scenario::read::define(definitions, stringify!($Name), |definitions| {
                    let properties: serde_json::Map<String, serde_json::Value> = Self::keys()
                        .iter()
                        .map(|key| (key.name.to_string(), key.described(definitions)))
                        .collect();
                    serde_json::json!({ "description": concat!($($about, "\n"),*).trim(), "type": "object",
                        "additionalProperties": false, "minProperties": 1, "maxProperties": 1, "properties": properties,
                        "x-order": Self::keys().iter().map(|key| key.name).collect::<Vec<_>>() })
                })
            }
        }
    };
}

/// One word of several: `"NoExecute" => NoExecute`.
macro_rules! words {
    (
        $(#[doc = $about:literal])*
        pub enum $Name:ident { $( $(#[doc = $doc:literal])* $word:literal => $Variant:ident, )* }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $Name { $( $(#[doc = $doc])* $Variant, )* }

        impl $Name {
            /// How it is written.
            pub fn word(self) -> &'static str {
                match self { $( Self::$Variant => $word, )* }
            }
        }

        impl $crate::scenario::read::Read for $Name {
            fn read(
                node: &$crate::scenario::source::Node,
                problems: &mut $crate::scenario::diagnostics::Problems,
            ) -> Option<Self> {
                let words = $crate::scenario::diagnostics::listed([$($word),*]);
                let $crate::scenario::source::Value::Scalar { text, .. } = &node.value else {
                    return $crate::scenario::read::mismatch(node, &format!("one of {words}"), problems);
                };
                match text.as_str() {
                    $( $word => Some(Self::$Variant), )*
                    _ => {
                        problems
                            .report(node.location, format!("unknown value `{text}`"))
                            .expected(format!("expected one of {words}"))
                            .suggest(text, [$($word),*]);
                        None
                    }
                }
            }
            fn schema(_: &mut $crate::scenario::read::Definitions) -> serde_json::Value {
                serde_json::json!({ "enum": [$($word),*] })
            }
        }
    };
}

pub(crate) use {choice, record, words};
