//! A list of what happened, for those who keep answers of their own and bring them up to date later.

/// Entries in order, of which the oldest are dropped: whoever lags too far behind starts anew.
#[derive(Debug)]
pub struct Log<T> {
    entries: Vec<T>,
    dropped: u64,
    /// When it holds twice as many, the older half is dropped.
    kept: usize,
}

/// Entries kept if not said otherwise.
const KEPT: usize = 8192;

impl<T> Default for Log<T> {
    fn default() -> Self {
        Log::keeping(KEPT)
    }
}

impl<T> Log<T> {
    /// An empty log that keeps at least so many entries.
    pub fn keeping(kept: usize) -> Self {
        Log { entries: Vec::new(), dropped: 0, kept }
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: T) {
        if self.entries.len() >= 2 * self.kept {
            self.entries.drain(..self.kept);
            self.dropped += self.kept as u64;
        }
        self.entries.push(entry);
    }

    /// Where it ends now, to be given to [`Log::since`] later.
    pub fn end(&self) -> u64 {
        self.dropped + self.entries.len() as u64
    }

    /// The entries since `mark`; `None` if some of them were dropped.
    pub fn since(&self, mark: u64) -> Option<&[T]> {
        self.entries.get(usize::try_from(mark.checked_sub(self.dropped)?).ok()?..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_lags_too_far_behind_is_told_so() {
        let mut log = Log::keeping(3);
        log.push(0);
        let mark = log.end();
        (1..6).for_each(|entry| log.push(entry));
        assert_eq!(log.since(mark), Some(&[1, 2, 3, 4, 5][..]));
        log.push(7);
        assert_eq!(log.since(mark), None);
        assert_eq!(log.since(log.end() - 1), Some(&[7][..]));
        assert_eq!(log.since(log.end()), Some(&[][..]));
    }
}
