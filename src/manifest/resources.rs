//! Resource lists.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use crate::cluster::Resources;

use super::Reader;
use super::quantity::Quantity;

/// A `requests`, `limits`, `capacity` … map.
pub(crate) type List = BTreeMap<String, Text>;

/// More of a resource than this (thousandths of a cpu, bytes, devices) is refused: sums over a cluster
/// and a hundredfold in the scores must fit 64 bits.
pub(crate) const MOST: i64 = 1 << 50;

/// Reads one quantity; a wrong one is reported and counts as zero.
pub(crate) fn quantity(reader: &mut Reader<'_>, path: &str, text: &Text) -> Quantity {
    match Quantity::parse(&text.0) {
        Ok(quantity) if quantity.is_negative() => {
            reader.problem(path, format!("Invalid value: \"{}\": must be greater than or equal to 0", text.0));
            Quantity::default()
        }
        Ok(quantity) => quantity,
        Err(error) => {
            reader.problem(path, format!("`{}` is not a quantity: {error}", text.0));
            Quantity::default()
        }
    }
}

/// Reads a resource list in the scheduler's units: cpu in thousandths, the rest in whole units, each
/// rounded up. `pods` is left out.
pub(crate) fn resources(reader: &mut Reader<'_>, path: &str, list: &List) -> Resources {
    let mut resources = Resources::default();
    for (name, text) in list {
        let field = format!("{path}[{name}]");
        let amount = quantity(reader, &field, text);
        if is_too_much(name, amount) {
            reader.problem(field, format!("`{}` is more than the simulator can count", text.0));
            continue;
        }
        match name.as_str() {
            "cpu" => resources.cpu = amount.milli(),
            "memory" => resources.memory = amount.units(),
            "ephemeral-storage" => resources.ephemeral_storage = amount.units(),
            "pods" => (),
            _ => {
                let name = reader.names.intern(name);
                resources.set_scalar(name, amount.units());
            }
        }
    }
    resources
}

/// Whether there is more of a resource than can be counted.
pub(crate) fn is_too_much(name: &str, amount: Quantity) -> bool {
    let counted = if name == "cpu" { amount.milli() } else { amount.units() };
    counted > MOST
}

/// The requests with those missing copied from the limits, as the API server does at creation.
pub(crate) fn requests_from_limits(requests: Option<&List>, limits: Option<&List>) -> List {
    let mut list = limits.cloned().unwrap_or_default();
    list.extend(requests.into_iter().flatten().map(|(name, text)| (name.clone(), text.clone())));
    list
}
