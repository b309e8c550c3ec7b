//! The discrete-event engine: virtual time, the event queue, random streams, distributions and
//! time integrals. It is generic over the event type and knows nothing of clusters.
//!
//! Start reading at [`queue::EventQueue`].

pub mod distribution;
pub mod integral;
pub mod queue;
pub mod random;
pub mod replay;
pub mod sampler;
pub mod time;
pub mod token_bucket;

pub use distribution::Distribution;
pub use integral::Integral;
pub use queue::{Class, EventQueue};
pub use random::{Seed, Stream};
pub use replay::{AfterEnd, Replay};
pub use sampler::Sampler;
pub use time::{Span, Time};
pub use token_bucket::TokenBucket;
