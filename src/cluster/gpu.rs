//! GPUs: whole devices and shares of one.
//!
//! A node has devices of one model, each with [`DEVICE`] thousandths to give. A pod asks for `count`
//! devices with `milli` thousandths of each: a share of one (`milli` below 1000, `count` 1) or several whole
//! ones. Kubernetes knows whole devices only (`nvidia.com/gpu: 2`, an extended resource); shares, accepted
//! models and the choice of devices are those of GPU-sharing schedulers (reference: fgd.md 2 to 4). Which
//! devices a pod gets is decided with its node, kept in the pod, and given back when the pod ends.

use smallvec::SmallVec;

use super::names::Name;

/// What a device has to give, in thousandths.
pub const DEVICE: u32 = 1000;

/// The GPUs a node is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GpuInventory {
    /// The model of all of them.
    pub model: Name,
    /// How many, at most 64.
    pub count: u32,
}

/// What a pod asks of GPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuRequest {
    /// How many devices, at least 1.
    pub count: u32,
    /// Thousandths of each, 1 to [`DEVICE`]; less than a whole only of one device.
    pub milli: u32,
    /// Accepted models; empty: any.
    pub models: SmallVec<[Name; 2]>,
}

impl GpuRequest {
    /// Thousandths of all devices together.
    pub fn total(&self) -> i64 {
        i64::from(self.count) * i64::from(self.milli)
    }

    /// Whether it is a share of one device.
    pub fn is_share(&self) -> bool {
        self.milli < DEVICE
    }

    /// Whether a device of this model will do.
    pub fn accepts(&self, model: Option<Name>) -> bool {
        self.models.is_empty() || model.is_some_and(|model| self.models.contains(&model))
    }

    /// Its class: 0 shares, then 1, 2, 4, 8 devices or more.
    pub fn class(&self) -> usize {
        match (self.is_share(), self.count) {
            (true, _) => 0,
            (false, 0..=1) => 1,
            (false, 2..=3) => 2,
            (false, 4..=7) => 3,
            (false, _) => 4,
        }
    }
}

/// Number of classes of requests, see [`GpuRequest::class`].
pub const CLASSES: usize = 5;

/// Some devices of a node, by position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceSet(pub u64);

impl DeviceSet {
    /// One device.
    pub fn one(device: usize) -> Self {
        DeviceSet(1 << device)
    }

    /// Whether it holds none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many it holds.
    pub fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Adds a device.
    pub fn insert(&mut self, device: usize) {
        self.0 |= 1 << device;
    }

    /// Positions in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |device| self.0 & (1 << device) != 0)
    }
}

/// The devices of a node and what is free of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gpus {
    /// The model; `None` without devices.
    pub model: Option<Name>,
    /// Free thousandths by device.
    free: SmallVec<[u16; 8]>,
    /// Pods on the node by class of request.
    classes: [u16; CLASSES],
}

impl Gpus {
    /// All devices free.
    ///
    /// # Panics
    /// With more than 64 devices.
    pub fn new(inventory: Option<GpuInventory>) -> Self {
        let Some(GpuInventory { model, count }) = inventory else { return Gpus::default() };
        assert!(count <= 64, "a node of {count} GPUs: at most 64 are supported");
        let free = std::iter::repeat_n(DEVICE as u16, count as usize).collect();
        Gpus { model: Some(model), free, classes: [0; CLASSES] }
    }

    /// Number of devices.
    pub fn len(&self) -> usize {
        self.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.free.is_empty()
    }

    /// Free thousandths, device by device.
    pub fn free(&self) -> &[u16] {
        &self.free
    }

    /// Free thousandths of all devices together.
    pub fn total_free(&self) -> i64 {
        self.free.iter().map(|free| i64::from(*free)).sum()
    }

    /// Pods by class of request.
    pub fn classes(&self) -> &[u16; CLASSES] {
        &self.classes
    }

    /// Whether `request` fits: accepted model, and enough devices with enough free each.
    pub fn fits(&self, request: &GpuRequest) -> bool {
        request.accepts(self.model) && self.fitting(request.milli).count() >= request.count as usize
    }

    /// Positions of devices with at least `milli` free.
    pub fn fitting(&self, milli: u32) -> impl Iterator<Item = usize> + '_ {
        self.free.iter().enumerate().filter(move |(_, free)| u32::from(**free) >= milli).map(|(device, _)| device)
    }

    /// The devices with the least free that still fit, lower positions first; `None` if there are too few.
    pub fn tightest(&self, request: &GpuRequest) -> Option<DeviceSet> {
        let mut fitting: SmallVec<[usize; 8]> = self.fitting(request.milli).collect();
        if fitting.len() < request.count as usize {
            return None;
        }
        fitting.sort_by_key(|device| self.free[*device]); // stable: equal ones stay in order of position
        let mut devices = DeviceSet::default();
        fitting.iter().take(request.count as usize).for_each(|device| devices.insert(*device));
        Some(devices)
    }

    /// Takes what `request` asks of each of `devices`.
    ///
    /// # Panics
    /// If one has less free.
    pub fn take(&mut self, request: &GpuRequest, devices: DeviceSet) {
        for device in devices.iter() {
            self.free[device] -= request.milli as u16;
        }
        self.classes[request.class()] += 1;
    }

    /// Gives it back.
    pub fn give_back(&mut self, request: &GpuRequest, devices: DeviceSet) {
        for device in devices.iter() {
            self.free[device] += request.milli as u16;
            assert!(u32::from(self.free[device]) <= DEVICE, "device {device} got back more than it gave");
        }
        self.classes[request.class()] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(count: u32, milli: u32) -> GpuRequest {
        GpuRequest { count, milli, models: SmallVec::new() }
    }

    fn four() -> Gpus {
        Gpus::new(Some(GpuInventory { model: Name(1), count: 4 }))
    }

    #[test]
    fn the_tightest_device_that_fits_is_taken_and_given_back() {
        let mut gpus = four();
        gpus.take(&request(1, 300), DeviceSet::one(2));
        gpus.take(&request(1, 600), DeviceSet::one(3));
        assert_eq!(gpus.free(), [1000, 1000, 700, 400]);
        assert_eq!(gpus.tightest(&request(1, 400)), Some(DeviceSet::one(3)));
        assert_eq!(gpus.tightest(&request(1, 500)), Some(DeviceSet::one(2)));
        assert_eq!(gpus.tightest(&request(2, 1000)), Some(DeviceSet(0b11)));
        assert_eq!(gpus.tightest(&request(3, 1000)), None);
        assert_eq!((gpus.total_free(), gpus.classes()), (3100, &[2, 0, 0, 0, 0]));
        gpus.give_back(&request(1, 600), DeviceSet::one(3));
        assert_eq!(gpus.free(), [1000, 1000, 700, 1000]);
    }

    #[test]
    fn only_accepted_models_fit() {
        let gpus = four();
        let mut wanted = request(1, 1000);
        assert!(gpus.fits(&wanted));
        wanted.models.push(Name(2));
        assert!(!gpus.fits(&wanted));
        wanted.models.push(Name(1));
        assert!(gpus.fits(&wanted));
        assert!(!Gpus::default().fits(&request(1, 1)));
    }
}
