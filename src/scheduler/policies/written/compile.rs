//! From the text of an expression to a [`Program`]: names and types are checked here, with places in the text.

use cel::common::ast::operators as op;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SourceInfo};
use cel::parser::Parser;

use super::facts::{self, Fact, Map};
use super::program::{Arithmetic, Compare, Function, Program, Type, Value};

/// Deepest nesting of parts.
const DEPTH: u16 = 60;
/// Longest expression, in bytes: a sum of as many terms as fit is a tree as deep, and trees are walked recursively.
const LONGEST: usize = 1000;

/// What is said of an expression that has no value, or as a score is not a number, whatever the facts are.
pub const ALWAYS_FAILS: &str = "this fails for every pod and node";

/// What is wrong with an expression, and where in its text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What is wrong.
    pub message: String,
    /// What was expected there.
    pub expected: String,
    /// A name that is not known, for "did you mean".
    pub unknown: Option<String>,
}

/// Compiles an expression that comes to a `wanted` value; where a double is wanted, an int will do.
///
/// # Errors
/// All that is wrong with it.
pub fn compile(text: &str, wanted: Type) -> Result<Program, Vec<Problem>> {
    let whole = |message: String| {
        let expected = "expected a CEL expression".to_string();
        vec![Problem { start: 0, end: text.len(), message, expected, unknown: None }]
    };
    if text.len() > LONGEST {
        return Err(whole(format!("longer than {LONGEST} bytes")));
    }
    let parsed = Parser::new().max_recursion_depth(DEPTH).parse_with_source_info(text);
    let (tree, places) =
        parsed.map_err(|errors| errors.errors.iter().map(|error| syntax(text, error)).collect::<Vec<_>>())?;
    let mut checker = Checker { text, places: &places, problems: Vec::new(), failing: None };
    let found = checker.check(&tree);
    if let Some((_, kind)) = &found
        && *kind != wanted
        && !(wanted == Type::Double && *kind == Type::Int)
    {
        let expected = if wanted == Type::Double { "a number" } else { "true or false" };
        checker.report(&tree, format!("this is {}", article(*kind)), &format!("expected {expected}"));
    }
    if let Some((program, _)) = &found {
        checker.check_value(&tree, program);
    }
    match found {
        Some((program, _)) if checker.problems.is_empty() => Ok(program),
        _ if checker.problems.is_empty() => Err(whole("this cannot be understood".to_string())),
        _ => Err(checker.problems),
    }
}

fn article(kind: Type) -> &'static str {
    match kind {
        Type::Bool => "a bool",
        Type::Int => "an int",
        Type::Double => "a double",
        Type::String => "a string",
    }
}

/// A mistake of grammar. The parser counts lines and columns from 1.
fn syntax(text: &str, error: &cel::ParseError) -> Problem {
    let line = usize::try_from(error.pos.0 - 1).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let column = usize::try_from(error.pos.1 - 1).unwrap_or(0);
    let start = boundary(text, before + column);
    let end = boundary(text, start + 1);
    let message = error.msg.lines().next().unwrap_or("this is not CEL").to_string();
    Problem { start, end, message, expected: "expected CEL (cel.dev)".to_string(), unknown: None }
}

/// The next border between characters, or the end.
fn boundary(text: &str, from: usize) -> usize {
    (from..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

struct Checker<'a> {
    text: &'a str,
    places: &'a SourceInfo,
    problems: Vec<Problem>,
    /// The first part found that always fails, which may not matter to the whole: `true || 1 / 0 > 1`.
    failing: Option<(usize, usize)>,
}

type Checked = Option<(Program, Type)>;

impl Checker<'_> {
    fn report(&mut self, at: &IdedExpr, message: String, expected: &str) {
        let (start, end) = self.range(at);
        self.problems.push(Problem { start, end, message, expected: expected.to_string(), unknown: None });
    }

    /// The stretch of text of an expression and its parts.
    fn range(&self, expr: &IdedExpr) -> (usize, usize) {
        let (mut start, mut end) = (self.text.len(), 0);
        self.widen(expr, &mut start, &mut end);
        let start = boundary(self.text, start.min(self.text.len()));
        (start, boundary(self.text, end.max(start + 1).min(self.text.len())))
    }

    fn widen(&self, expr: &IdedExpr, start: &mut usize, end: &mut usize) {
        if let Some((first, last)) = self.places.offset_for(expr.id) {
            *start = (*start).min(first as usize);
            *end = (*end).max(last as usize + 1);
        }
        match &expr.expr {
            Expr::Call(call) => {
                call.target.iter().for_each(|part| self.widen(part, start, end));
                call.args.iter().for_each(|part| self.widen(part, start, end));
            }
            Expr::Select(select) => {
                self.widen(&select.operand, start, end);
                // the place of a selection is its dot: the field follows
                let field = self.text.get(*end..).and_then(|rest| rest.find(&select.field));
                *end = field.map_or(*end, |at| *end + at + select.field.len());
            }
            _ => {}
        }
    }

    fn check(&mut self, expr: &IdedExpr) -> Checked {
        match &expr.expr {
            Expr::Literal(literal) => self.literal(expr, literal),
            Expr::Ident(_) | Expr::Select(_) => self.name(expr),
            Expr::Call(call) => self.call(expr, call),
            Expr::Comprehension(_) => self.refuse(expr, "comprehensions are not understood here"),
            Expr::List(_) => self.refuse(expr, "lists are not understood here"),
            Expr::Map(_) | Expr::Struct(_) => self.refuse(expr, "maps are not understood here"),
            Expr::Unspecified => None,
        }
    }

    /// Refuses an expression that always fails.
    fn check_value(&mut self, tree: &IdedExpr, program: &Program) {
        let (place, expected) = match program {
            Program::Fails => (self.failing, "expected a divisor that is not 0, and no overflow"),
            Program::Constant(Value::Double(number)) if number.is_nan() => (None, "expected a number; this is none"),
            _ => return,
        };
        let (start, end) = place.unwrap_or_else(|| self.range(tree));
        let (message, expected) = (ALWAYS_FAILS.to_string(), expected.to_string());
        self.problems.push(Problem { start, end, message, expected, unknown: None });
    }

    fn refuse(&mut self, expr: &IdedExpr, message: &str) -> Checked {
        self.report(expr, message.to_string(), "expected numbers, truth values and text only");
        None
    }

    fn literal(&mut self, expr: &IdedExpr, literal: &LiteralValue) -> Checked {
        let value = match literal {
            LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
            LiteralValue::Int(value) => Value::Int(*value.inner()),
            LiteralValue::Double(value) => Value::Double(*value.inner()),
            LiteralValue::String(value) => Value::String(value.inner().to_string()),
            LiteralValue::UInt(_) | LiteralValue::Bytes(_) | LiteralValue::Null => {
                return self.refuse(expr, "uint, bytes and null are not understood here");
            }
        };
        let kind = match &value {
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Double(_) => Type::Double,
            Value::String(_) => Type::String,
        };
        Some((Program::Constant(value), kind))
    }

    fn name(&mut self, expr: &IdedExpr) -> Checked {
        let Some(name) = dotted(expr) else { return self.refuse(expr, "this cannot be selected from") };
        if let Some(fact) = facts::ALL.iter().find(|fact| fact.name == name) {
            return Some((Program::Fact(fact), fact.kind));
        }
        let (start, end) = self.range(expr);
        if map_of(expr).is_some() {
            let expected = format!("expected {name}[\"key\"] or \"key\" in {name}");
            self.report(expr, format!("`{name}` is a map"), &expected);
            return None;
        }
        let below: Vec<&str> = facts::ALL.iter().map(|fact: &Fact| fact.name).collect();
        let inner: Vec<&str> = below.iter().copied().filter(|known| known.starts_with(&format!("{name}."))).collect();
        let (message, expected) = match inner.as_slice() {
            [] => (format!("no `{name}` is known"), "`sim list facts` shows what is".to_string()),
            inner => (format!("`{name}` has parts"), format!("expected one of {}", inner.join(", "))),
        };
        self.problems.push(Problem { start, end, message, expected, unknown: Some(name) });
        None
    }

    /// `map[key]` or, with `has`, `key in map`.
    fn entry(&mut self, map: &'static Map, key: &IdedExpr, has: bool) -> Checked {
        let (program, kind) = self.check(key)?;
        if kind != Type::String {
            self.report(key, format!("keys of `{}` are not {}", map.name, article(kind)), "expected a string");
            return None;
        }
        let (key, kind) = (Box::new(program), if has { Type::Bool } else { Type::String });
        let program = if has { Program::Has(map, key) } else { Program::Entry(map, key) };
        Some((program.folded(), kind))
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Checked {
        let function = match call.target.as_deref() {
            None => call.func_name.clone(),
            Some(target) => format!("{}.{}", dotted(target).unwrap_or_default(), call.func_name),
        };
        if let (op::INDEX, [map, key]) | (op::IN, [key, map]) = (function.as_str(), call.args.as_slice())
            && let Some(map) = map_of(map)
        {
            return self.entry(map, key, function == op::IN);
        }
        let arguments: Vec<Checked> = call.args.iter().map(|argument| self.check(argument)).collect();
        let arguments: Vec<(Program, Type)> = arguments.into_iter().collect::<Option<_>>()?;
        let kinds: Vec<Type> = arguments.iter().map(|(_, kind)| *kind).collect();
        let programs = arguments.into_iter().map(|(program, _)| program).collect();
        match built(&function, programs, &kinds) {
            Built::Is(program, kind) => {
                let program = program.folded();
                if matches!(program, Program::Fails) && self.failing.is_none() {
                    self.failing = Some(self.range(expr));
                }
                Some((program, kind))
            }
            Built::Mixed => {
                let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
                let message = format!("`{}` does not take {}", symbol(&function), words.join(" and "));
                let mixed = kinds.contains(&Type::Int) && kinds.contains(&Type::Double);
                let expected = match mixed {
                    true => "CEL does not mix int and double: write 2.0 for 2, or double(x)",
                    false => "expected values of other types",
                };
                self.report(expr, message, expected);
                None
            }
            Built::Unknown => {
                let message = format!("no function `{}` is known", symbol(&function));
                let known = "expected +, -, *, /, %, comparisons, &&, ||, !, ?:, double, int, math.abs, math.ceil, \
                             math.floor, math.round, math.sqrt, math.least or math.greatest, and [] and in for \
                             node.labels, node.taints and pod.labels";
                self.report(expr, message, known);
                None
            }
        }
    }
}

/// The map of this name.
fn map_of(expr: &IdedExpr) -> Option<&'static Map> {
    let name = dotted(expr)?;
    facts::MAPS.iter().find(|map| map.name == name)
}

/// `node.free.cpu`; `None` if it is something else.
fn dotted(expr: &IdedExpr) -> Option<String> {
    match &expr.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => Some(format!("{}.{}", dotted(&select.operand)?, select.field)),
        _ => None,
    }
}

/// `_+_` as it is written.
fn symbol(function: &str) -> &str {
    if function == op::CONDITIONAL { "?:" } else { function.trim_matches('_').trim_start_matches('@') }
}

/// What becomes of a call.
enum Built {
    Is(Program, Type),
    /// The function is known, but not for these types.
    Mixed,
    Unknown,
}

fn built(function: &str, mut programs: Vec<Program>, kinds: &[Type]) -> Built {
    let arithmetic = [
        (op::ADD, Arithmetic::Add),
        (op::SUBSTRACT, Arithmetic::Subtract),
        (op::MULTIPLY, Arithmetic::Multiply),
        (op::DIVIDE, Arithmetic::Divide),
        (op::MODULO, Arithmetic::Remainder),
    ];
    let compare = [
        (op::EQUALS, Compare::Equal),
        (op::NOT_EQUALS, Compare::NotEqual),
        (op::LESS, Compare::Less),
        (op::LESS_EQUALS, Compare::AtMost),
        (op::GREATER, Compare::Greater),
        (op::GREATER_EQUALS, Compare::AtLeast),
    ];
    let one = |programs: &mut Vec<Program>| Box::new(programs.remove(0));
    let two = |programs: &mut Vec<Program>| Box::new([programs.remove(0), programs.remove(0)]);
    if let Some((_, how)) = arithmetic.iter().find(|(name, _)| *name == function) {
        let fits =
            matches!(kinds, [a, b] if a == b && a.is_number() && (*how != Arithmetic::Remainder || *a == Type::Int));
        return if fits { Built::Is(Program::Arithmetic(*how, two(&mut programs)), kinds[0]) } else { Built::Mixed };
    }
    if let Some((_, how)) = compare.iter().find(|(name, _)| *name == function) {
        let fits = matches!(kinds, [a, b] if a == b || (a.is_number() && b.is_number()));
        return if fits { Built::Is(Program::Compare(*how, two(&mut programs)), Type::Bool) } else { Built::Mixed };
    }
    match (function, kinds) {
        (op::LOGICAL_AND, [Type::Bool, Type::Bool]) => Built::Is(Program::Both(true, two(&mut programs)), Type::Bool),
        (op::LOGICAL_OR, [Type::Bool, Type::Bool]) => Built::Is(Program::Both(false, two(&mut programs)), Type::Bool),
        (op::LOGICAL_NOT, [Type::Bool]) => Built::Is(Program::Not(one(&mut programs)), Type::Bool),
        (op::NEGATE, [kind]) if kind.is_number() => Built::Is(Program::Negate(one(&mut programs)), *kind),
        (op::CONDITIONAL, [Type::Bool, a, b]) if a == b => {
            let third = programs.remove(2);
            let [condition, then] = *two(&mut programs);
            Built::Is(Program::Choose(Box::new([condition, then, third])), *a)
        }
        (op::LOGICAL_AND | op::LOGICAL_OR | op::LOGICAL_NOT | op::NEGATE | op::CONDITIONAL, _) => Built::Mixed,
        _ => named(function, programs, kinds),
    }
}

/// Functions with names.
fn named(function: &str, mut programs: Vec<Program>, kinds: &[Type]) -> Built {
    let extreme = match function {
        "math.least" => Some(false),
        "math.greatest" => Some(true),
        _ => None,
    };
    if let Some(greatest) = extreme {
        let fits = kinds.first().is_some_and(|first| first.is_number() && kinds.iter().all(|kind| kind == first));
        return if fits { Built::Is(Program::Extreme(greatest, programs), kinds[0]) } else { Built::Mixed };
    }
    let (function, takes_int, gives) = match function {
        "double" => (Function::Double, true, Some(Type::Double)),
        "int" => (Function::Int, true, Some(Type::Int)),
        "math.abs" => (Function::Abs, true, None),
        "math.ceil" => (Function::Ceil, false, None),
        "math.floor" => (Function::Floor, false, None),
        "math.round" => (Function::Round, false, None),
        "math.sqrt" => (Function::Sqrt, true, Some(Type::Double)),
        _ => return Built::Unknown,
    };
    match kinds {
        [kind] if *kind == Type::Double || (takes_int && *kind == Type::Int) => {
            Built::Is(Program::Call(function, Box::new(programs.remove(0))), gives.unwrap_or(*kind))
        }
        _ => Built::Mixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str, wanted: Type) -> (String, String) {
        let found = compile(text, wanted).unwrap_err();
        (text[found[0].start..found[0].end].to_string(), found[0].message.clone())
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let at = |text: &str| wrong(text, Type::Double);
        assert_eq!(at("1.0 + node.fre.cpu"), ("node.fre.cpu".into(), "no `node.fre.cpu` is known".into()));
        assert_eq!(at("node.free"), ("node.free".into(), "`node.free` has parts".into()));
        assert_eq!(at("1.0 + 2 * pod.cpu"), ("2 * pod.cpu".into(), "`*` does not take int and double".into()));
        assert_eq!(at("pod.cpu > 1.0"), ("pod.cpu > 1.0".into(), "this is a bool".into()));
        assert_eq!(at("[1, 2].map(x, x)").1, "comprehensions are not understood here");
        assert_eq!(at("size(\"a\")").1, "no function `size` is known");
        assert_eq!(wrong("pod.cpu", Type::Bool).1, "this is a double");
        assert_eq!(at("node.labels == \"a\" ? 1 : 2"), ("node.labels".into(), "`node.labels` is a map".into()));
        assert_eq!(at("node.labels[2] == \"\" ? 1 : 2").1, "keys of `node.labels` are not an int");
        assert_eq!(at("node.labels[\"disk\"]").1, "this is a string");
        assert_eq!(at("node.lables[\"disk\"] == \"ssd\" ? 1 : 2").0, "node.lables");
        assert_eq!(at("1 + node.pods / 0"), ("node.pods / 0".into(), ALWAYS_FAILS.into()));
        assert_eq!(at("double(node.pods % (2 - 2)) * pod.cpu").0, "node.pods % (2 - 2");
        assert_eq!(at("9223372036854775807 + 1").1, ALWAYS_FAILS);
        assert_eq!(at("0.0 / 0.0"), ("0.0 / 0.0".into(), ALWAYS_FAILS.into()));
        assert_eq!(wrong("pod.batch ? 1 / 0 > 1 : 2 % 0 > 1", Type::Bool).0, "1 / 0");
        assert!(compile("1.0 +", Type::Double).is_err() && compile("", Type::Double).is_err());
    }

    #[test]
    fn deep_and_long_texts_are_refused_quickly() {
        let deep = format!("{}1{}", "(".repeat(5000), ")".repeat(5000));
        assert!(compile(&deep, Type::Double).is_err());
        assert!(compile(&"1+".repeat(600), Type::Double).is_err());
        assert!(compile(&format!("{}1", "1+".repeat(499)), Type::Double).is_ok());
    }

    #[test]
    fn sound_expressions_have_their_types() {
        for text in
            ["1", "-1.5 * pod.cpu", "pod.batch ? 1.0 : 2.0", "math.least(1, 2, node.pods)", "double(node.pods) / 2.0"]
        {
            assert!(compile(text, Type::Double).is_ok(), "{text}: {:?}", compile(text, Type::Double));
        }
        // what fails only for some, or decides nothing, is allowed
        for text in ["pod.batch ? node.pods / 0 : 1", "1 / node.pods", "pod.cpu / 0.0", "1.0 / 0.0"] {
            assert!(compile(text, Type::Double).is_ok(), "{text}: {:?}", compile(text, Type::Double));
        }
        for text in ["true || 1 / 0 > 1", "1 / 0 > 1 && false", "pod.batch && 1 / 0 > 1", "false ? 1 / 0 > 1 : true"] {
            assert!(compile(text, Type::Bool).is_ok(), "{text}: {:?}", compile(text, Type::Bool));
        }
        for text in [
            "true",
            "!pod.batch && node.pods < 3",
            "\"a\" in node.labels && node.labels[\"a\"] == pod.labels[\"b\"]",
            "1 < 2.5",
            "\"a\" == \"b\" || 5 % 2 == 1",
        ] {
            assert!(compile(text, Type::Bool).is_ok(), "{text}: {:?}", compile(text, Type::Bool));
        }
    }
}
