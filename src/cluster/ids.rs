//! Typed ids: small, dense, `Copy`, never reused within a run.

macro_rules! id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The position in tables indexed by this id.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

id!(NodeId, "A node. A node deleted and added again under its old name is another node.");
id!(PodId, "A pod, numbered in the order of creation.");
id!(SpecId, "An interned pod template.");
id!(ObjectId, "An object that owns pods or other objects: a Deployment, a ReplicaSet ….");
