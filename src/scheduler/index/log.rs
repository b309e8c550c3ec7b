//! A list of what happened, for those who keep answers of their own and bring them up to date later.

/// Entries in order, of which the oldest are dropped: whoever lags too far behind starts anew.
#[derive(Debug)]
pub struct Log<T> {
    entries: Vec<T>,
    dropped: u64,
}

/// When it holds twice as many entries, the older half is dropped.
const KEPT: usize = 8192;

impl<T> Default for Log<T> {
    fn default() -> Self {
        Log { entries: Vec::new(), dropped: 0 }
    }
}

impl<T> Log<T> {
    /// Adds an entry.
    pub fn push(&mut self, entry: T) {
        if self.entries.len() >= 2 * KEPT {
            self.entries.drain(..KEPT);
            self.dropped += KEPT as u64;
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
        let mut log = Log::default();
        log.push(0);
        let mark = log.end();
        (1..2 * KEPT).for_each(|entry| log.push(entry));
        assert_eq!(log.since(mark).map(<[usize]>::len), Some(2 * KEPT - 1));
        log.push(7);
        assert_eq!(log.since(mark), None);
        assert_eq!(log.since(log.end() - 1), Some(&[7][..]));
        assert_eq!(log.since(log.end()), Some(&[][..]));
    }
}
