//! The API client of one controller (controllers.md 12): a token bucket that all its writes and events
//! share in the order in which they ask, the time a write takes, and what client-go does to events before
//! they reach the API.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::cluster::{Message, Record, Subject};
use crate::engine::{Sampler, Seed, Span, Stream, Time, TokenBucket};

use super::settings::Settings;

/// A client. Cloning nothing, owned by one controller.
#[derive(Debug)]
pub struct Client {
    bucket: TokenBucket,
    api_write: Sampler,
    stream: Stream,
    correlator: Correlator,
    /// Events not yet sent. They are sent one after the other, each for a token.
    waiting: u32,
    /// When the first of them will have been sent; [`Time::MAX`] if there is none, or it never will.
    sent_at: Time,
}

impl Client {
    /// The client of the controller with this name.
    pub fn new(name: &str, settings: &Settings, seed: Seed) -> Self {
        Client {
            bucket: settings.client(),
            api_write: settings.api_write.clone(),
            stream: seed.stream("client", name.bytes().map(u64::from).sum()),
            correlator: Correlator::default(),
            waiting: 0,
            sent_at: Time::MAX,
        }
    }

    /// Reserves the next token: when the call can be made, now or later. [`Time::MAX`]: never.
    pub fn take(&mut self, now: Time) -> Time {
        self.bucket.take(now)
    }

    /// Takes a token if there is one now.
    pub fn try_take(&mut self, now: Time) -> bool {
        self.bucket.try_take(now)
    }

    /// When the next token can be taken.
    pub fn next(&self, now: Time) -> Time {
        self.bucket.next(now)
    }

    /// How long one write takes.
    pub fn write(&mut self) -> Span {
        self.api_write.sample(&mut self.stream)
    }

    /// What becomes of an event: `None` if the client drops it. Others wait to be sent.
    pub fn tell(&mut self, record: Record) -> Option<Record> {
        let told = self.correlator.correlate(record)?;
        self.waiting += 1;
        if self.waiting == 1 {
            self.send(told.at);
        }
        Some(told)
    }

    /// The first event that waits asks for its token.
    fn send(&mut self, now: Time) {
        self.sent_at = self.take(now).saturating_add(self.write());
    }

    /// Sends the events whose turn came before now; one whose turn comes at an instant goes after the calls of that
    /// instant. Nobody hears of that: only the order in which tokens are taken depends on it, so it is enough to do it
    /// before the client is used for something else.
    pub fn send_events(&mut self, now: Time) {
        while self.sent_at < now {
            self.waiting -= 1;
            let at = std::mem::replace(&mut self.sent_at, Time::MAX);
            if self.waiting > 0 {
                self.send(at);
            }
        }
    }
}

/// So many events of one object and type at once, then one each five minutes: others are dropped (as
/// recorded: 24 warnings and creations together, then the deletions of another type).
const SPAM_BURST: u64 = 25;
const SPAM_REFILL: Span = Span::from_secs(300);
/// From so many different messages about one object for one reason on, events are combined.
const SIMILAR: usize = 10;
/// After so long without one, similar events count anew.
const FORGET: Span = Span::from_secs(600);
/// So many objects and reasons are remembered.
const REMEMBERED: usize = 4096;

/// client-go's event correlator: similar events are combined first, then what is left is rationed per
/// object.
#[derive(Debug, Default)]
struct Correlator {
    similar: Recent<(Subject, &'static str), Similar>,
    rations: Recent<(Subject, bool), TokenBucket>,
}

#[derive(Clone, Debug, Default)]
struct Similar {
    messages: SmallVec<[Message; 1]>,
    last: Time,
}

impl Correlator {
    fn correlate(&mut self, mut record: Record) -> Option<Record> {
        let key = (record.subject, record.message.reason().text);
        let similar = self.similar.entry(key);
        if record.at.since(similar.last) > FORGET {
            similar.messages.clear();
        }
        similar.last = record.at;
        if !similar.messages.contains(&record.message) {
            similar.messages.push(record.message.clone());
        }
        if similar.messages.len() >= SIMILAR {
            similar.messages.pop();
            record.message = record.message.combined();
        }
        let ration = self.rations.entry((record.subject, record.message.reason().warning));
        if *ration == TokenBucket::default() {
            *ration = TokenBucket::new(SPAM_REFILL, SPAM_BURST);
        }
        ration.try_take(record.at).then_some(record)
    }
}

/// A map that forgets what was not asked for lately.
#[derive(Debug)]
struct Recent<K, V> {
    new: FxHashMap<K, V>,
    old: FxHashMap<K, V>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Recent { new: FxHashMap::default(), old: FxHashMap::default() }
    }
}

impl<K: std::hash::Hash + Eq + Copy, V: Default> Recent<K, V> {
    fn entry(&mut self, key: K) -> &mut V {
        if self.new.len() >= REMEMBERED && !self.new.contains_key(&key) {
            std::mem::swap(&mut self.new, &mut self.old);
            self.new.clear();
        }
        let old = &mut self.old;
        self.new.entry(key).or_insert_with(|| old.remove(&key).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{ObjectId, PodId};
    use crate::engine::Distribution;

    #[test]
    fn events_take_their_tokens_in_turn_between_calls() {
        // two tokens at once, then one in 100 ms; a write takes 10 ms
        let settings = Settings {
            kube_api_qps_milli: 10_000,
            kube_api_burst: 2,
            api_write: Distribution::Constant(Span::from_millis(10)).into(),
            ..Settings::default()
        };
        let mut client = Client::new("replicaset-controller", &settings, Seed(1));
        let ms = |ms| Time::ZERO + Span::from_millis(ms);
        let (subject, source) = (Subject::Object(ObjectId(0)), "replicaset-controller");
        for pod in 0..3 {
            let record = Record { at: ms(0), source, subject, message: Message::SuccessfulCreate(PodId(pod)) };
            assert!(client.tell(record).is_some());
        }
        // the first took a token at 0; the second asks at 10 and takes the burst's other one, after a call of that instant
        client.send_events(ms(10));
        assert_eq!(client.take(ms(10)), ms(10));
        // so the second has to wait until 100, where a token comes, and is sent at 110; the third then waits until 200
        client.send_events(ms(150));
        assert_eq!(client.take(ms(150)), ms(300));
    }

    #[test]
    fn the_tenth_similar_event_is_combined_and_the_twenty_sixth_dropped() {
        // as recorded: 9 events "Created pod", 16 combined ones, then none
        let mut correlator = Correlator::default();
        let mut told = |pod| {
            let (subject, message) = (Subject::Object(ObjectId(0)), Message::SuccessfulCreate(PodId(pod)));
            correlator.correlate(Record { at: Time::ZERO, source: "replicaset-controller", subject, message })
        };
        let combined = |record: &Record| matches!(record.message, Message::Combined(_));
        let told: Vec<Record> = (0..60).filter_map(&mut told).collect();
        assert_eq!(told.len(), 25);
        assert_eq!(told.iter().filter(|record| combined(record)).count(), 16);
        // warnings about the same object have a ration of their own
        let (subject, message) = (Subject::Object(ObjectId(0)), Message::FailedScheduling("no".into()));
        assert!(
            correlator
                .correlate(Record { at: Time::ZERO, source: "replicaset-controller", subject, message })
                .is_some()
        );
    }
}
