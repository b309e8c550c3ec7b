//! A checked expression, ready to be asked: a tree whose leaves are constants and facts.
//!
//! Semantics are CEL's (language definition, cel.dev): whole numbers have 64 bits and do not wrap, `&&` and `||` are
//! decided by either side even if the other fails, everything else fails if a part does.

use super::facts::{Fact, Facts, Map};

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// Text.
    String,
}

impl Type {
    /// CEL's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Double => "double",
            Type::String => "string",
        }
    }

    /// Whether it is a number.
    pub fn is_number(self) -> bool {
        matches!(self, Type::Int | Type::Double)
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Double(f64),
    /// Text.
    String(String),
}

/// Arithmetic with two numbers of one type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`, of whole numbers.
    Remainder,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `double(x)`
    Double,
    /// `int(x)`, towards zero.
    Int,
    /// `math.abs(x)`
    Abs,
    /// `math.ceil(x)`
    Ceil,
    /// `math.floor(x)`
    Floor,
    /// `math.round(x)`, halves away from zero.
    Round,
    /// `math.sqrt(x)`
    Sqrt,
}

/// A checked expression.
#[derive(Clone, Debug)]
pub enum Program {
    /// A constant.
    Constant(Value),
    /// A fact.
    Fact(&'static Fact),
    /// `map[key]`; fails without an entry.
    Entry(&'static Map, Box<Program>),
    /// `key in map`
    Has(&'static Map, Box<Program>),
    /// What has no value whatever the facts are: `x / 0`.
    Fails,
    /// `-x`
    Negate(Box<Program>),
    /// `!x`
    Not(Box<Program>),
    /// `x && y` (true) or `x || y` (false): what does not decide.
    Both(bool, Box<[Program; 2]>),
    /// Two numbers of one type.
    Arithmetic(Arithmetic, Box<[Program; 2]>),
    /// Two values that can be compared.
    Compare(Compare, Box<[Program; 2]>),
    /// `c ? x : y`
    Choose(Box<[Program; 3]>),
    /// A function of a number.
    Call(Function, Box<Program>),
    /// `math.least(…)` (false) or `math.greatest(…)` (true).
    Extreme(bool, Vec<Program>),
}

impl PartialEq for Fact {
    fn eq(&self, other: &Fact) -> bool {
        self.name == other.name
    }
}

impl PartialEq for Program {
    fn eq(&self, other: &Program) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

impl Program {
    /// The number it comes to; `None` if it fails.
    pub fn number(&self, facts: &Facts<'_>) -> Option<f64> {
        match self.value(facts)? {
            Value::Int(number) => Some(number as f64),
            Value::Double(number) => Some(number),
            Value::Bool(_) | Value::String(_) => None,
        }
    }

    /// The truth value it comes to; `None` if it fails.
    pub fn truth(&self, facts: &Facts<'_>) -> Option<bool> {
        match self.value(facts)? {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The text it comes to; `None` if it fails.
    fn text(&self, facts: &Facts<'_>) -> Option<String> {
        match self.value(facts)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// What it comes to; `None` if it fails.
    pub fn value(&self, facts: &Facts<'_>) -> Option<Value> {
        match self {
            Program::Constant(value) => Some(value.clone()),
            Program::Entry(map, key) => {
                (map.read)(facts, &key.text(facts)?).map(|entry| Value::String(entry.to_string()))
            }
            Program::Has(map, key) => Some(Value::Bool((map.read)(facts, &key.text(facts)?).is_some())),
            Program::Fails => None,
            Program::Fact(fact) => Some((fact.read)(facts)),
            Program::Negate(part) => match part.value(facts)? {
                Value::Int(number) => number.checked_neg().map(Value::Int),
                Value::Double(number) => Some(Value::Double(-number)),
                _ => None,
            },
            Program::Not(part) => Some(Value::Bool(!part.truth(facts)?)),
            Program::Both(idle, parts) => both(*idle, parts, facts).map(Value::Bool),
            Program::Arithmetic(how, parts) => arithmetic(*how, &parts[0].value(facts)?, &parts[1].value(facts)?),
            Program::Compare(how, parts) => {
                compare(*how, &parts[0].value(facts)?, &parts[1].value(facts)?).map(Value::Bool)
            }
            Program::Choose(parts) => parts[if parts[0].truth(facts)? { 1 } else { 2 }].value(facts),
            Program::Call(function, part) => call(*function, part.value(facts)?),
            Program::Extreme(greatest, parts) => extreme(*greatest, parts, facts),
        }
    }
}

/// Either side decides, even if the other fails.
fn both(idle: bool, parts: &[Program; 2], facts: &Facts<'_>) -> Option<bool> {
    match parts[0].truth(facts) {
        Some(truth) if truth != idle => Some(truth),
        Some(_) => parts[1].truth(facts),
        None => parts[1].truth(facts).filter(|truth| *truth != idle),
    }
}

fn arithmetic(how: Arithmetic, one: &Value, other: &Value) -> Option<Value> {
    use Arithmetic::{Add, Divide, Multiply, Remainder, Subtract};
    match (one, other) {
        (Value::Int(a), Value::Int(b)) => match how {
            Add => a.checked_add(*b),
            Subtract => a.checked_sub(*b),
            Multiply => a.checked_mul(*b),
            Divide => a.checked_div(*b),
            Remainder => a.checked_rem(*b),
        }
        .map(Value::Int),
        (Value::Double(a), Value::Double(b)) => match how {
            Add => Some(a + b),
            Subtract => Some(a - b),
            Multiply => Some(a * b),
            Divide => Some(a / b),
            Remainder => None,
        }
        .map(Value::Double),
        _ => None,
    }
}

fn compare(how: Compare, one: &Value, other: &Value) -> Option<bool> {
    let order = match (one, other) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
        (Value::Double(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => return None,
    };
    // what is not a number equals nothing and is neither less nor greater
    Some(match how {
        Compare::Equal => order.is_some_and(|order| order.is_eq()),
        Compare::NotEqual => order.is_none_or(|order| order.is_ne()),
        Compare::Less => order.is_some_and(|order| order.is_lt()),
        Compare::AtMost => order.is_some_and(|order| order.is_le()),
        Compare::Greater => order.is_some_and(|order| order.is_gt()),
        Compare::AtLeast => order.is_some_and(|order| order.is_ge()),
    })
}

fn call(function: Function, argument: Value) -> Option<Value> {
    let whole = |number: f64| (number.abs() < 9.2e18).then(|| Value::Int(number.trunc() as i64));
    match (function, argument) {
        (Function::Double, Value::Int(number)) => Some(Value::Double(number as f64)),
        (Function::Double, Value::Double(number)) => Some(Value::Double(number)),
        (Function::Int, Value::Double(number)) => whole(number),
        (Function::Int, Value::Int(number)) => Some(Value::Int(number)),
        (Function::Abs, Value::Int(number)) => number.checked_abs().map(Value::Int),
        (Function::Abs, Value::Double(number)) => Some(Value::Double(number.abs())),
        (Function::Ceil, Value::Double(number)) => Some(Value::Double(number.ceil())),
        (Function::Floor, Value::Double(number)) => Some(Value::Double(number.floor())),
        (Function::Round, Value::Double(number)) => Some(Value::Double(number.round())),
        (Function::Sqrt, Value::Double(number)) => Some(Value::Double(libm::sqrt(number))),
        (Function::Sqrt, Value::Int(number)) => Some(Value::Double(libm::sqrt(number as f64))),
        _ => None,
    }
}

/// All have one type.
fn extreme(greatest: bool, parts: &[Program], facts: &Facts<'_>) -> Option<Value> {
    let mut best = parts.first()?.value(facts)?;
    for part in &parts[1..] {
        let value = part.value(facts)?;
        let how = if greatest { Compare::Greater } else { Compare::Less };
        if compare(how, &value, &best)? {
            best = value;
        }
    }
    Some(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Seed, Stream};
    use crate::scheduler::policies::tests::{ask, node};
    use crate::scheduler::policies::written::compile::{self, compile};

    /// A sound expression of a type, of constants, parts of parts down to a depth.
    fn expression(kind: Type, depth: u32, draw: &mut Stream) -> String {
        let numeric = if draw.below(2) == 0 { Type::Int } else { Type::Double };
        let mut part = |kind: Type| expression(kind, depth.saturating_sub(1), draw);
        if depth == 0 {
            return match kind {
                Type::Bool => ["true", "false"][draw.below(2) as usize].to_string(),
                Type::Int => ["0", "1", "7", "-3", "9223372036854775807"][draw.below(5) as usize].to_string(),
                _ => ["0.0", "1.5", "-2.25", "1e300"][draw.below(4) as usize].to_string(),
            };
        }
        let (one, other, third) = match kind {
            Type::Bool => (part(numeric), part(numeric), part(Type::Bool)),
            kind => (part(kind), part(kind), part(Type::Bool)),
        };
        match kind {
            Type::Bool => match draw.below(6) {
                0 => format!("({third} && {one} > {other})"),
                1 => format!("({one} / {one} < {other} || {third})"),
                2 => format!("!({third})"),
                3 => format!("({one} == {other})"),
                4 => format!("({one} <= {other})"),
                _ => format!("({one} != {other})"),
            },
            Type::Int => match draw.below(6) {
                0 => format!("({one} + {other})"),
                1 => format!("({one} - {other})"),
                2 => format!("({one} * {other})"),
                3 => format!("({one} / {other})"),
                4 => format!("({one} % {other})"),
                _ => format!("({third} ? {one} : {other})"),
            },
            _ => match draw.below(5) {
                0 => format!("({one} + {other})"),
                1 => format!("({one} - {other})"),
                2 => format!("({one} * {other})"),
                3 => format!("({one} / {other})"),
                _ => format!("({third} ? {one} : -({other}))"),
            },
        }
    }

    #[test]
    fn programs_agree_with_the_interpreter_of_the_crate() {
        let (ask, node) = (ask(1, 1), node(0, (1, 1), (1, 1)));
        let facts = Facts { ask: &ask, node: &node };
        let context = cel::Context::default();
        let mut draw = Seed(9).stream("test", 0);
        let (mut values, mut failures) = (0, 0);
        for case in 0..1500 {
            let kind = [Type::Bool, Type::Int, Type::Double][case % 3];
            let text = expression(kind, 3, &mut draw);
            let ours = match compile(&text, kind) {
                Ok(program) => program.value(&facts),
                Err(found) if found[0].message == compile::ALWAYS_FAILS => None,
                Err(found) => panic!("{text}: {found:?}"),
            };
            let theirs = cel::Program::compile(&text).unwrap().execute(&context);
            match (&ours, theirs) {
                (Some(Value::Bool(a)), Ok(cel::Value::Bool(b))) => assert_eq!(*a, b, "{text}"),
                (Some(Value::Int(a)), Ok(cel::Value::Int(b))) => assert_eq!(*a, b, "{text}"),
                (Some(Value::Double(a)), Ok(cel::Value::Float(b))) => {
                    assert!(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()), "{text}: {a} {b}");
                }
                (None, Err(_)) => failures += 1,
                (None, Ok(cel::Value::Float(b))) => assert!(b.is_nan(), "{text}: {b}"), // refused, too
                // the types are right, so there is a NaN, which the crate cannot compare; CEL says that it is
                // neither less nor more than any number
                (_, Err(cel::ExecutionError::NoSuchOverload(_))) => (),
                (ours, theirs) => panic!("{text}: {ours:?} and {theirs:?}"),
            }
            values += u32::from(ours.is_some());
        }
        assert!(values > 500 && failures > 50, "{values} values, {failures} failures");
    }
}
