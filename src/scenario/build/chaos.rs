//! The faults of chaos: drawn from the seed, each from a stream of its own, so that leaving some out moves no other.

use std::rc::Rc;

use super::Builder;
use crate::cluster::{Name, NodeSpec};
use crate::engine::{Distribution, Span, Stream, Time};
use crate::faults::{
    self, About, Burst, Cascade, Entry, Making, Member, Mode, NodeVictims, Plan, PodVictims, Victims, When,
};
use crate::scenario::schema::chaos::Chaos;
use crate::simulation::Quiet;

/// More would be a mistake.
const MOST: u32 = 100_000;
/// A sequence has so many faults at least; up to one more than twice as many.
const FEWEST_MEMBERS: u64 = 2;
/// One in so many faults of nodes drags others along, and one in so many overloads the survivors.
const ONE_IN: u64 = 8;
/// Who is dragged along, is so within this time.
const WINDOW: Span = Span::from_secs(60);

impl Builder<'_> {
    /// The faults, numbered from 1, and when they are over. `nodes` are those of the start.
    pub(super) fn chaos(&mut self, nodes: &[NodeSpec]) -> (Vec<faults::Fault>, Option<Quiet>) {
        let Some(chaos) = &self.scenario.chaos else { return (Vec::new(), None) };
        let end = chaos.duration.value;
        let kinds = kinds(chaos);
        let mut clock = self.cluster.seed.stream("chaos", 0);
        let (mut faults, mut at, mut drawn) = (Vec::new(), Span::ZERO, 0);
        for number in 1..=MOST {
            at += chaos.every.0.sample(&mut clock).max(Span(1));
            if at >= end || kinds.is_empty() {
                break;
            }
            drawn = number;
            if chaos.only.as_ref().is_none_or(|only| only.contains(&number)) {
                let stream = self.cluster.seed.stream("chaos/fault", u64::from(number));
                let mut drawing = Drawing { number, stream, builder: self, nodes, kinds: &kinds };
                faults.push(drawing.fault(at, end, &chaos.lasting.0));
            }
        }
        if let Some(beyond) = chaos.only.iter().flatten().find(|number| !(1..=drawn).contains(*number)) {
            let problem = self.problems.report(chaos.duration.location, format!("no fault {beyond} in this chaos"));
            problem.expected(format!("numbers of `only` from 1 to {drawn}, as many as this seed draws"));
        }
        (faults, Some(Quiet { from: Time(end.0), limit: chaos.limit.value }))
    }
}

fn kinds(chaos: &Chaos) -> Vec<&'static Entry> {
    let wanted =
        |entry: &&Entry| chaos.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|kind| kind.value == entry.name));
    faults::ALL.iter().filter(wanted).collect()
}

/// One fault being drawn.
struct Drawing<'d, 'b> {
    number: u32,
    stream: Stream,
    builder: &'d mut Builder<'b>,
    nodes: &'d [NodeSpec],
    kinds: &'d [&'static Entry],
}

impl Drawing<'_, '_> {
    /// The fault, struck at `at` and over by `end`, with whom it drags along.
    fn fault(&mut self, at: Span, end: Span, lasting: &Distribution) -> faults::Fault {
        let kind = self.kinds[self.stream.below(self.kinds.len() as u64) as usize];
        let whole = lasting.sample(&mut self.stream).min(end.saturating_sub(at)).max(Span(1));
        let (plan, victims, lasts) = self.plan(kind, whole);
        // a cascade of machines taken away would make what else can be hit depend on the load
        let drags = kind.hits == About::Nodes && kind.name != "spot-interruption";
        let domain = (self.stream.below(2) == 0).then(|| self.zone());
        let burst = Burst { probability: 1.0, followers_mean: 2.0, window: WINDOW, domain };
        let cascade = Cascade { overload_milli: 700, probability: 0.5, window: WINDOW, domain };
        let (bursts, cascades) = (self.stream.below(ONE_IN) == 0, self.stream.below(ONE_IN) == 0);
        faults::Fault {
            name: format!("chaos-{}", self.number),
            plan,
            victims,
            when: When::At(Time(at.0)),
            lasts: Some(Distribution::Constant(lasts)),
            probability: 1.0,
            aged: false,
            burst: (drags && bursts).then_some(burst),
            cascade: (drags && cascades).then_some(cascade),
            followers_until: Some(Time(end.saturating_sub(whole).0)),
            expected: false,
        }
    }

    /// What happens, to whom, and for how long once that has begun.
    fn plan(&mut self, kind: &Entry, lasts: Span) -> (Rc<dyn Plan>, Victims, Span) {
        let members = if kind.name == "sequence" { self.members(lasts) } else { Vec::new() };
        let machine = if kind.name == "node-added" { self.machine() } else { None };
        let (most_nodes, stream) = (self.nodes.len() as u64, &mut self.stream);
        let mut making = Making { lasts, most_nodes, stream, machine: machine.as_ref(), members: &members };
        let plan = (kind.chaos)(&mut making);
        let lasts = making.lasts;
        let mode = match self.stream.below(4) {
            0 | 1 => Mode::One,
            2 => Mode::Fixed(2),
            _ => Mode::RandomMaxPercent(50),
        };
        let victims = match kind.hits {
            About::Nodes if kind.name == "domain-outage" => {
                Victims::Nodes(NodeVictims { by_domain: Some(self.zone()), mode: Mode::One, ..NodeVictims::all() })
            }
            About::Nodes => Victims::Nodes(NodeVictims { mode, ..NodeVictims::all() }),
            About::Pods => Victims::Pods(PodVictims { mode, ..PodVictims::all() }),
            About::ControlPlane => Victims::None,
        };
        (plan, victims, lasts)
    }

    /// The faults of a sequence, at any time while it lasts, over with it: of the kinds asked for but itself; of any
    /// other if only sequences are.
    fn members(&mut self, lasts: Span) -> Vec<Rc<Member>> {
        let others = |kinds: &[&'static Entry]| -> Vec<&'static Entry> {
            kinds.iter().copied().filter(|kind| kind.name != "sequence").collect()
        };
        let asked_for = others(self.kinds);
        let kinds = if asked_for.is_empty() { others(&faults::ALL.iter().collect::<Vec<_>>()) } else { asked_for };
        let count = FEWEST_MEMBERS + self.stream.below(FEWEST_MEMBERS + 2);
        let member = |_| {
            let kind = kinds[self.stream.below(kinds.len() as u64) as usize];
            let after = Span(self.stream.below(lasts.0));
            let left = lasts.saturating_sub(after);
            let (plan, victims, lasts) = self.plan(kind, left);
            Rc::new(Member { after, plan, victims, lasts: Some(Distribution::Constant(lasts)) })
        };
        (0..count).map(member).collect()
    }

    /// A machine like one of the cluster's, under a name that no other has.
    fn machine(&mut self) -> Option<NodeSpec> {
        if self.nodes.is_empty() {
            return None;
        }
        let model = &self.nodes[self.stream.below(self.nodes.len() as u64) as usize];
        let names = &mut self.builder.cluster.names;
        let numbered = |machine: u32| format!("chaos-{}-{machine}", self.number);
        let free = (1..).map(numbered).find(|name| names.find(name).is_none())?;
        let name = names.intern(&free);
        let hostname = self.builder.cluster.known.hostname;
        Some(NodeSpec { name, labels: model.labels.with(hostname, name), ..model.clone() })
    }

    fn zone(&mut self) -> Name {
        self.builder.cluster.names.intern("topology.kubernetes.io/zone")
    }
}
