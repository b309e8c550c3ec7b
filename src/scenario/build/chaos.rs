//! The faults of chaos: drawn from the seed, each from a stream of its own, so that leaving some out moves no other.

use super::Builder;
use crate::cluster::Name;
use crate::engine::{Distribution, Span, Stream, Time};
use crate::faults::{self, About, Entry, Mode, NodeVictims, PodVictims, Victims, When};
use crate::scenario::schema::chaos::Chaos;
use crate::simulation::Quiet;

/// More would be a mistake.
const MOST: u32 = 100_000;

impl Builder<'_> {
    /// The faults, numbered from 1, and when they are over.
    pub(super) fn chaos(&mut self) -> (Vec<faults::Fault>, Option<Quiet>) {
        let Some(chaos) = &self.scenario.chaos else { return (Vec::new(), None) };
        let end = chaos.duration.value;
        let kinds = kinds(chaos);
        let zone = self.cluster.names.intern("topology.kubernetes.io/zone");
        let mut clock = self.cluster.seed.stream("chaos", 0);
        let (mut faults, mut at) = (Vec::new(), Span::ZERO);
        for number in 1..=MOST {
            at += chaos.every.0.sample(&mut clock).max(Span(1));
            if at >= end || kinds.is_empty() {
                break;
            }
            if chaos.only.as_ref().is_none_or(|only| only.contains(&number)) {
                let mut stream = self.cluster.seed.stream("chaos/fault", u64::from(number));
                let kind = kinds[stream.below(kinds.len() as u64) as usize];
                let lasts = chaos.lasting.0.sample(&mut stream).min(end.saturating_sub(at)).max(Span(1));
                faults.extend(fault(number, kind, (Time(at.0), lasts), zone, &mut stream));
            }
        }
        (faults, Some(Quiet { from: Time(end.0), limit: chaos.limit.value }))
    }
}

fn kinds(chaos: &Chaos) -> Vec<&'static Entry> {
    let wanted = |entry: &&Entry| {
        let named = chaos.kinds.is_empty() || chaos.kinds.iter().any(|kind| kind.value == entry.name);
        named && entry.chaos.is_some()
    };
    faults::ALL.iter().filter(wanted).collect()
}

fn fault(
    number: u32,
    kind: &Entry,
    (at, lasts): (Time, Span),
    zone: Name,
    stream: &mut Stream,
) -> Option<faults::Fault> {
    let plan = kind.chaos?(lasts, stream);
    let mode = match stream.below(4) {
        0 | 1 => Mode::One,
        2 => Mode::Fixed(2),
        _ => Mode::RandomMaxPercent(50),
    };
    let victims = match kind.hits {
        About::Nodes if kind.name == "domain-outage" => {
            Victims::Nodes(NodeVictims { by_domain: Some(zone), mode: Mode::One, ..NodeVictims::all() })
        }
        About::Nodes => Victims::Nodes(NodeVictims { mode, ..NodeVictims::all() }),
        About::Pods => Victims::Pods(PodVictims { mode, ..PodVictims::all() }),
        About::ControlPlane => Victims::None,
    };
    Some(faults::Fault {
        name: format!("chaos-{number}"),
        plan,
        victims,
        when: When::At(at),
        lasts: Some(Distribution::Constant(lasts)),
        probability: 1.0,
        aged: false,
        burst: None,
        cascade: None,
        expected: false,
    })
}
