//! Checks of `cluster.inventory:`: keys that go with its format, a scale within reason.

use crate::scenario::diagnostics::Problems;
use crate::scenario::schema::inventory::{Inventory, InventoryFormat};

/// Checks the inventory.
pub(super) fn check(written: &Inventory, problems: &mut Problems) {
    let keys = [
        ("machine-cpu", written.machine_cpu.as_ref().map(|it| it.location)),
        ("machine-memory", written.machine_memory.as_ref().map(|it| it.location)),
        ("bad-rows", written.bad_rows.as_ref().map(|it| it.location)),
        ("from", written.from.as_ref().map(|it| it.location)),
        ("time-scale", written.time_scale.as_ref().map(|it| it.location)),
    ];
    if written.format == InventoryFormat::Openb {
        for (key, location) in keys {
            if let Some(location) = location {
                let problem = problems.report(location, format!("a list of format `openb` has no `{key}`"));
                problem.expected(format!("it goes with `format: {}`", InventoryFormat::Google2011.word()));
            }
        }
    }
    if let Some(scale) = &written.time_scale {
        super::arrivals::within(scale, 1e-6, 1e6, problems);
    }
    for size in [&written.machine_cpu, &written.machine_memory].into_iter().flatten() {
        if size.value.units() <= 0 {
            problems.report(size.location, "a machine of nothing").expected("expected more than 0");
        }
    }
}
