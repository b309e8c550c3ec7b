//! What is needed to make results again: the command, the scenario's files, and what else was read.

/// Where results come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Provenance {
    /// The command and its options, without what does not show in the results (folders, jobs, how much is
    /// printed). Scenarios are given by the names of their files.
    pub arguments: Vec<String>,
    /// The scenarios.
    pub scenarios: Vec<StoredScenario>,
    /// Files of data that were read.
    pub inputs: Vec<Input>,
}

/// The files of one scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredScenario {
    /// The name of its file.
    pub name: String,
    /// Path, relative to the scenario's folder, and text of each file, the scenario's own first.
    pub files: Vec<(String, String)>,
}

/// A file of data: a trace, say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// As the scenario names it.
    pub path: String,
    /// Hash of its bytes.
    pub hash: u64,
    /// Rows of a trace that could not be read and were skipped by choice.
    pub skipped: u64,
    /// The first of them: its line and what is wrong with it.
    pub first_skipped: String,
}

/// 64-bit FNV-1a: tells files apart; no protection against malice.
pub fn hash(bytes: &[u8]) -> u64 {
    hash_on(0xcbf2_9ce4_8422_2325, bytes)
}

/// Going on from the hash of what came before.
pub fn hash_on(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Input {
    /// What was skipped, in words; `None`: nothing.
    pub fn skipped_in_words(&self) -> Option<String> {
        let Input { path, skipped, first_skipped, .. } = self;
        (*skipped > 0).then(|| format!("{path}: {skipped} rows skipped; the first: {first_skipped}"))
    }
}

impl StoredScenario {
    /// Hash over the names and texts of its files.
    pub fn hash(&self) -> u64 {
        self.files.iter().fold(hash(b""), |sum, (name, text)| {
            let sum = hash_on(hash_on(sum, name.as_bytes()), b"\n");
            hash_on(hash_on(sum, text.as_bytes()), b"\n")
        })
    }
}

impl Provenance {
    /// One hash over all scenarios: that of the scenario if there is only one.
    pub fn hash(&self) -> u64 {
        match self.scenarios.as_slice() {
            [one] => one.hash(),
            many => many.iter().fold(hash(b""), |sum, scenario| hash_on(sum, &scenario.hash().to_le_bytes())),
        }
    }
}
