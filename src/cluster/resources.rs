//! Amounts of resources, in the integers the scheduler computes with.

use smallvec::SmallVec;

use super::names::Name;

/// An amount of every resource; the number of pods is counted elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// CPU in thousandths of a core.
    pub cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Local ephemeral storage in bytes.
    pub ephemeral_storage: i64,
    /// Extended resources and huge pages by name, each at most once, zero amounts kept.
    pub scalars: SmallVec<[(Name, i64); 1]>,
}

impl Resources {
    /// `cpu` thousandths of a core and `memory` bytes.
    pub fn new(cpu: i64, memory: i64) -> Self {
        Resources { cpu, memory, ..Resources::default() }
    }

    /// The amount of the extended resource `name`, 0 if absent.
    pub fn scalar(&self, name: Name) -> i64 {
        self.scalars.iter().find(|(key, _)| *key == name).map_or(0, |(_, amount)| *amount)
    }

    /// Sets the amount of the extended resource `name`.
    pub fn set_scalar(&mut self, name: Name, amount: i64) {
        match self.scalars.iter_mut().find(|(key, _)| *key == name) {
            Some((_, value)) => *value = amount,
            None => self.scalars.push((name, amount)),
        }
    }

    /// Adds `other`, resource by resource.
    pub fn add(&mut self, other: &Resources) {
        self.apply(other, 1);
    }

    /// Takes `other` away, resource by resource.
    pub fn subtract(&mut self, other: &Resources) {
        self.apply(other, -1);
    }

    /// Raises every resource to at least what `other` has.
    pub fn raise_to(&mut self, other: &Resources) {
        self.cpu = self.cpu.max(other.cpu);
        self.memory = self.memory.max(other.memory);
        self.ephemeral_storage = self.ephemeral_storage.max(other.ephemeral_storage);
        for &(name, amount) in &other.scalars {
            self.set_scalar(name, self.scalar(name).max(amount));
        }
    }

    /// Whether every amount is zero.
    pub fn is_zero(&self) -> bool {
        self.cpu == 0
            && self.memory == 0
            && self.ephemeral_storage == 0
            && self.scalars.iter().all(|(_, amount)| *amount == 0)
    }

    /// Whether both hold the same amounts, an absent resource counting as zero.
    pub fn same_as(&self, other: &Resources) -> bool {
        let mut difference = self.clone();
        difference.subtract(other);
        difference.is_zero()
    }

    fn apply(&mut self, other: &Resources, sign: i64) {
        self.cpu += sign * other.cpu;
        self.memory += sign * other.memory;
        self.ephemeral_storage += sign * other.ephemeral_storage;
        for &(name, amount) in &other.scalars {
            self.set_scalar(name, self.scalar(name) + sign * amount);
        }
    }
}
