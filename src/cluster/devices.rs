//! Which devices pods have of their nodes.

use super::Cluster;
use super::gpu::DeviceSet;
use super::ids::{NodeId, PodId};

impl Cluster {
    /// Which devices the pod is to get of the node it is assumed on next. Without this, or with none, it
    /// gets the tightest that fit.
    pub fn choose_devices(&mut self, id: PodId, devices: DeviceSet) {
        if let Some(pod) = self.pods.get_mut(id) {
            pod.devices = devices;
        }
    }

    /// Takes (`sign` 1) or gives back (-1) what the pod asks of the devices of its node.
    pub(super) fn charge_devices(&mut self, id: PodId, node: NodeId, sign: i64) {
        let Some(pod) = self.pods.get_mut(id) else { return };
        let Some(request) = &self.specs[pod.spec.index()].gpu else { return };
        let Some(node) = self.nodes.get_mut(node.index()).and_then(Option::as_mut) else { return };
        if sign > 0 {
            if pod.devices.is_empty() {
                pod.devices = node.gpus.tightest(request).unwrap_or_default();
            }
            node.gpus.take(request, pod.devices);
        } else {
            node.gpus.give_back(request, std::mem::take(&mut pod.devices));
        }
    }
}
