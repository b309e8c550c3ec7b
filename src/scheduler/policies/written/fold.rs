//! What can be known of a program before any fact is: parts without facts become constants, and what fails whatever
//! the facts are becomes [`Program::Fails`].
//!
//! ```text
//! 2 * 3 → 6       x / 0 → fails       f(fails) → fails       false && x → false       c ? fails : fails → fails
//! ```
//! Whole numbers only fail when divided by zero; doubles become infinite or not a number. `&&` and `||` fail only if
//! neither side decides.

use crate::cluster::{Gpus, NodeId};
use crate::scheduler::policies::{Ask, Candidate, Room};

use super::facts::Facts;
use super::program::{Arithmetic, Program, Value};

impl Program {
    /// The same, told as shortly as it can be; the parts have been folded before.
    pub fn folded(self) -> Program {
        match self {
            Program::Both(idle, parts) => both(idle, *parts),
            Program::Choose(parts) => choose(*parts),
            Program::Arithmetic(Arithmetic::Divide | Arithmetic::Remainder, ref parts)
                if parts[1].constant() == Some(&Value::Int(0)) =>
            {
                Program::Fails
            }
            strict => {
                let parts = strict.parts();
                if parts.iter().any(|part| matches!(part, Program::Fails)) {
                    Program::Fails
                } else if matches!(strict, Program::Entry(..) | Program::Has(..)) {
                    strict
                } else if !parts.is_empty() && parts.iter().all(|part| part.constant().is_some()) {
                    strict.come_to()
                } else {
                    strict
                }
            }
        }
    }

    /// The value of a constant.
    pub fn constant(&self) -> Option<&Value> {
        match self {
            Program::Constant(value) => Some(value),
            _ => None,
        }
    }

    fn parts(&self) -> &[Program] {
        match self {
            Program::Constant(_) | Program::Fact(_) | Program::Fails => &[],
            Program::Negate(part) | Program::Not(part) | Program::Call(_, part) => std::slice::from_ref(part),
            Program::Entry(_, key) | Program::Has(_, key) => std::slice::from_ref(key),
            Program::Both(_, parts) | Program::Arithmetic(_, parts) | Program::Compare(_, parts) => parts.as_slice(),
            Program::Choose(parts) => parts.as_slice(),
            Program::Extreme(_, parts) => parts,
        }
    }

    /// The value of a program that asks for no fact; any pod and node will do.
    fn come_to(self) -> Program {
        let (gpus, nothing) = (Gpus::default(), Room::default());
        let ask = Ask {
            cpu: 0,
            memory: 0,
            scored: (0, 0),
            gpu: None,
            group: None,
            group_size: 1,
            batch: false,
            n_nodes: 0,
            details: None,
        };
        let node = Candidate {
            id: NodeId(0),
            cpu: nothing,
            memory: nothing,
            scored: (0, 0),
            gpus: &gpus,
            pods: 0,
            pods_of_group: 0,
            failures_of_group: 0,
            failed_before: false,
            details: None,
        };
        self.value(&Facts { ask: &ask, node: &node }).map_or(Program::Fails, Program::Constant)
    }
}

/// Either side decides, even if the other fails.
fn both(idle: bool, parts: [Program; 2]) -> Program {
    let truth = |part: &Program| match part.constant() {
        Some(Value::Bool(truth)) => Some(*truth),
        _ => None,
    };
    let [one, other] = &parts;
    match (truth(one), truth(other)) {
        (Some(truth), _) if truth != idle => Program::Constant(Value::Bool(truth)),
        (_, Some(truth)) if truth != idle => Program::Constant(Value::Bool(truth)),
        (Some(_), _) => parts.into_iter().nth(1).unwrap_or(Program::Fails),
        (_, Some(_)) => parts.into_iter().next().unwrap_or(Program::Fails),
        _ if matches!((one, other), (Program::Fails, Program::Fails)) => Program::Fails,
        _ => Program::Both(idle, Box::new(parts)),
    }
}

fn choose([condition, then, otherwise]: [Program; 3]) -> Program {
    match (condition, then, otherwise) {
        (Program::Fails, ..) | (_, Program::Fails, Program::Fails) => Program::Fails,
        (Program::Constant(Value::Bool(true)), then, _) => then,
        (Program::Constant(Value::Bool(false)), _, otherwise) => otherwise,
        (condition, then, otherwise) => Program::Choose(Box::new([condition, then, otherwise])),
    }
}
