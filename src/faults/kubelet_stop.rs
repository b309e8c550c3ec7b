//! `kubelet-stop`: the kubelet stops or hangs; containers run on and nobody hears (nodes.md 8).

use std::rc::Rc;

use super::{About, Condition, Effect, Entry, Plan, Step, Strike};

/// Kubelets do not work: no lease, no reports, no starts, no ends. Pods replaced meanwhile run twice.
#[derive(Clone, Copy, Debug)]
pub struct KubeletStop;

/// The line in the registry.
pub(super) const ENTRY: Entry = Entry {
    name: "kubelet-stop",
    about: "kubelets stop or hang: containers run on, nobody hears of them",
    hits: About::Nodes,
    chaos: |_| Rc::new(KubeletStop),
};

impl Plan for KubeletStop {
    fn name(&self) -> &'static str {
        ENTRY.name
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        vec![Step::now(Effect::Node(Condition::NoKubelet, strike.nodes.to_vec()), strike.lasts)]
    }
}
