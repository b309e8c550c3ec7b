//! How pods and other objects are called: generated names and UIDs, all from the seed.

use super::Cluster;
use super::ids::PodId;
use super::pod::PodName;

impl Cluster {
    /// The pod's name.
    pub fn pod_name(&self, id: PodId) -> String {
        match self.pod(id).map(|pod| pod.name) {
            Some(PodName::Given(name)) => self.names.text(name).to_string(),
            Some(PodName::Ordinal(base, ordinal)) => format!("{}-{ordinal}", self.names.text(base)),
            Some(PodName::Generated(base)) => format!("{}-{}", self.names.text(base), self.name_suffix(id)),
            Some(PodName::Indexed(base, index)) => {
                format!("{}-{index}-{}", self.names.text(base), self.name_suffix(id))
            }
            None => "<none>".to_string(),
        }
    }

    /// Five characters from Kubernetes' alphabet for generated names (controllers.md 1).
    fn name_suffix(&self, id: PodId) -> String {
        suffix(self.seed.value("pod-name", u64::from(id.0)))
    }

    /// The pod's namespace.
    pub fn pod_namespace(&self, id: PodId) -> &str {
        self.pod(id).map_or("<none>", |pod| self.names.text(self.spec(pod.spec).namespace))
    }

    /// The pod's UID as a number; the order of numbers is the order of the UIDs as strings.
    pub fn pod_uid(&self, id: PodId) -> u128 {
        if let Some(given) = self.uids.0.as_ref().and_then(|given| given(id)) {
            return given;
        }
        let high = self.seed.value("pod-uid-high", u64::from(id.0));
        let low = self.seed.value("pod-uid-low", u64::from(id.0));
        as_uid((u128::from(high) << 64) | u128::from(low))
    }

    /// The pod's UID as Kubernetes writes it.
    pub fn pod_uid_text(&self, id: PodId) -> String {
        uid_text(self.pod_uid(id))
    }
}

/// Version 4, variant 1, as in RFC 4122.
pub(super) fn as_uid(random: u128) -> u128 {
    (random & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62)
}

/// A UID as Kubernetes writes it.
pub(super) fn uid_text(uid: u128) -> String {
    let hex = format!("{uid:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Five characters from Kubernetes' alphabet for generated names.
pub(super) fn suffix(mut value: u64) -> String {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let letters = (0..5).map(|_| {
        let letter = ALPHABET[(value % 27) as usize];
        value /= 27;
        char::from(letter)
    });
    letters.collect()
}
