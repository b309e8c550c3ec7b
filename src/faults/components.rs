//! `scheduler-down`, `scheduler-slow`, `controller-manager-down`, `api-server-down`: parts of the control
//! plane out of order (controllers.md 12). What runs on the nodes, runs on.

use std::rc::Rc;

use super::{About, Effect, Entry, Part, Plan, Step, Strike};

/// One kind of fault of the control plane.
macro_rules! component {
    ($(#[doc = $doc:literal])* $Name:ident, $ENTRY:ident, $name:literal, $about:literal, $part:expr) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Name;

        /// The line in the registry.
        pub(super) const $ENTRY: Entry =
            Entry { name: $name, about: $about, hits: About::ControlPlane, chaos: |_| Rc::new($Name) };

        impl Plan for $Name {
            fn name(&self) -> &'static str {
                $name
            }

            fn needs_victims(&self) -> bool {
                false
            }

            fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
                vec![Step::now(Effect::ControlPlane($part), strike.lasts)]
            }
        }
    };
}

component!(
    /// No pod is scheduled.
    SchedulerDown,
    SCHEDULER_DOWN,
    "scheduler-down",
    "the scheduler is gone: pods wait",
    Part::Scheduler
);
component!(
    /// Nothing is reconciled, noticed or evicted; the memory of all controllers is lost.
    ControllerManagerDown,
    CONTROLLER_MANAGER_DOWN,
    "controller-manager-down",
    "the controller manager is gone: nothing is replaced, noticed or evicted, and its memory is lost",
    Part::ControllerManager
);
component!(
    /// Nothing is decided or heard. The controller manager loses its lease and starts anew afterwards.
    ApiServerDown,
    API_SERVER_DOWN,
    "api-server-down",
    "the API server is gone: nothing is written or heard; running pods run on",
    Part::ApiServer
);

/// The scheduler takes a multiple of its time.
#[derive(Clone, Copy, Debug)]
pub struct SchedulerSlow {
    /// Thousandths of the time that a cycle and a write take.
    pub milli: u32,
}

/// The line in the registry.
pub(super) const SCHEDULER_SLOW: Entry = Entry {
    name: "scheduler-slow",
    about: "the scheduler's cycles and writes take a multiple of their time",
    hits: About::ControlPlane,
    chaos: |making| Rc::new(SchedulerSlow { milli: 2_000 + making.stream.below(98_000) as u32 }),
};

impl Plan for SchedulerSlow {
    fn name(&self) -> &'static str {
        SCHEDULER_SLOW.name
    }

    fn needs_victims(&self) -> bool {
        false
    }

    fn steps(&self, strike: &mut Strike<'_>) -> Vec<Step> {
        vec![Step::now(Effect::ControlPlane(Part::SlowScheduler(self.milli)), strike.lasts)]
    }
}
