//! Service, PodDisruptionBudget, PriorityClass, RuntimeClass.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::node::v1 as node;
use k8s_openapi::api::policy::v1 as policy;
use k8s_openapi::api::scheduling::v1 as scheduling;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::cluster::object::IntOrPercent;
use crate::cluster::volumes::{BudgetStatus, PodDisruptionBudget};
use crate::cluster::{Names, Resources, Selector};

use super::pod::PriorityClass;
use super::resources::resources;
use super::selector::{labels, read_selector};
use super::{Problems, Reader};

/// The selector of a Service; `None` if it has none and so selects no pods.
pub fn service_selector(names: &mut Names, service: &core::Service) -> Option<Selector> {
    let selector = service.spec.as_ref()?.selector.as_ref().filter(|selector| !selector.is_empty())?;
    Some(Selector::from_labels(&labels(names, Some(selector))))
}

/// Converts a PodDisruptionBudget.
///
/// # Errors
/// If its selector or its numbers cannot be read.
pub fn disruption_budget(
    names: &mut Names,
    budget: &policy::PodDisruptionBudget,
) -> Result<PodDisruptionBudget, Problems> {
    let mut reader = Reader::new(names);
    let spec = budget.spec.clone().unwrap_or_default();
    if spec.min_available.is_some() && spec.max_unavailable.is_some() {
        reader.problem("spec", "minAvailable and maxUnavailable cannot be both set");
    }
    let status = budget.status.as_ref();
    let result = PodDisruptionBudget {
        selector: spec.selector.as_ref().map(|selector| read_selector(&mut reader, "spec.selector", selector)),
        min_available: int_or_percent(&mut reader, "spec.minAvailable", spec.min_available.as_ref()),
        max_unavailable: int_or_percent(&mut reader, "spec.maxUnavailable", spec.max_unavailable.as_ref()),
        always_evict_unhealthy: match spec.unhealthy_pod_eviction_policy.as_deref() {
            None | Some("IfHealthyBudget") => false,
            Some("AlwaysAllow") => true,
            Some(other) => {
                let message =
                    format!("Unsupported value: \"{other}\": supported values: \"AlwaysAllow\", \"IfHealthyBudget\"");
                reader.problem("spec.unhealthyPodEvictionPolicy", message);
                false
            }
        },
        status: BudgetStatus {
            disruptions_allowed: i64::from(status.and_then(|status| status.disruptions_allowed).unwrap_or(0)),
            ..BudgetStatus::default()
        },
    };
    reader.finish(result)
}

fn int_or_percent(reader: &mut Reader<'_>, path: &str, value: Option<&IntOrString>) -> Option<IntOrPercent> {
    match value? {
        IntOrString::Int(number) if *number >= 0 => Some(IntOrPercent::Int(number.unsigned_abs())),
        IntOrString::Int(number) => {
            reader.problem(path, format!("Invalid value: {number}: must be greater than or equal to 0"));
            None
        }
        IntOrString::String(text) => {
            let percent = text.strip_suffix('%').and_then(|digits| digits.parse().ok());
            match percent {
                None => reader.problem(path, format!("`{text}` is neither a number nor a percentage")),
                Some(101..) => {
                    reader.problem(path, format!("Invalid value: \"{text}\": must not be greater than 100%"));
                }
                Some(_) => (),
            }
            percent.map(IntOrPercent::Percent)
        }
    }
}

/// Converts a PriorityClass.
pub fn priority_class(class: &scheduling::PriorityClass) -> PriorityClass {
    PriorityClass {
        name: class.metadata.name.clone().unwrap_or_default(),
        value: class.value.unwrap_or(0),
        global_default: class.global_default.unwrap_or(false),
        never_preempts: class.preemption_policy.as_deref() == Some("Never"),
    }
}

/// The overhead of a RuntimeClass: what each of its pods needs besides its containers.
///
/// # Errors
/// If a quantity cannot be read.
pub fn runtime_overhead(names: &mut Names, class: &node::RuntimeClass) -> Result<Resources, Problems> {
    let mut reader = Reader::new(names);
    let fixed = class.overhead.as_ref().and_then(|overhead| overhead.pod_fixed.clone()).unwrap_or_default();
    let overhead = resources(&mut reader, "overhead.podFixed", &fixed);
    reader.finish(overhead)
}
