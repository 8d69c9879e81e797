//! How far a shard is done. Its records are processed in several lanes, so they are not done in their order.

use super::positions::order;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The records that are not done yet, and those after them that are. The value tells which.
#[derive(Debug, Default)]
pub struct Progress(BTreeMap<Sequence, bool>);

/// A sequence number, sorted by [`order`].
#[derive(Debug)]
struct Sequence(String);

impl Ord for Sequence {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.0).cmp(&order(&other.0))
    }
}

impl PartialOrd for Sequence {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sequence {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sequence {}

impl Progress {
    /// Adds a record that has to be done.
    pub fn expect(&mut self, sequence: &str) {
        self.0.insert(Sequence(sequence.to_owned()), false);
    }

    /// Marks records as done. Returns the last record up to which everything is done, if it has changed.
    pub fn done<'s>(&mut self, sequences: impl IntoIterator<Item = &'s str>) -> Option<String> {
        for sequence in sequences {
            self.0.insert(Sequence(sequence.to_owned()), true);
        }
        let mut last = None;
        while let Some(first) = self.0.first_entry().filter(|first| *first.get()) {
            last = Some(first.remove_entry().0.0);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_record_counts_only_when_all_before_it_are_done() {
        let mut progress = Progress::default();
        for sequence in ["8", "9", "0010", "12"] {
            progress.expect(sequence);
        }
        assert_eq!(progress.done(["9", "0010"]), None);
        // The number is returned as the stream wrote it.
        assert_eq!(progress.done(["8"]).as_deref(), Some("0010"));
        // This record did not match the filter, so it was not expected.
        assert_eq!(progress.done(["11"]).as_deref(), Some("11"));
        assert_eq!(progress.done([]), None);
        assert_eq!(progress.done(["12"]).as_deref(), Some("12"));
    }

    proptest! {
        #[test]
        fn a_position_never_passes_an_open_record_and_ends_at_the_end(
            order in Just((1..60_u32).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut progress = Progress::default();
            (1..60).for_each(|number: u32| progress.expect(&number.to_string()));
            let (mut done, mut position) = (Vec::new(), 0);
            for number in order {
                done.push(number);
                if let Some(last) = progress.done([number.to_string().as_str()]) {
                    position = last.parse().unwrap();
                }
                let expected = (1..60).take_while(|number| done.contains(number)).last().unwrap_or(0);
                prop_assert_eq!(position, expected);
            }
        }
    }
}
