//! How far a shard is done when its records are done in several lanes, each in an order of its own.

use super::positions::place;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The records that are not done, and those that are done behind them.
#[derive(Debug, Default)]
pub struct Progress(BTreeMap<Place, bool>);

/// A sequence number as the stream has it, ordered as [`place`] says.
#[derive(Debug)]
struct Place(String);

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        place(&self.0).cmp(&place(&other.0))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Place {}

impl Progress {
    /// This record has to be done, too.
    pub fn expect(&mut self, sequence: &str) {
        self.0.insert(Place(sequence.to_owned()), false);
    }

    /// These are done. The last record up to which everything is, if that is another one than before.
    pub fn done<'s>(&mut self, sequences: impl IntoIterator<Item = &'s str>) -> Option<String> {
        for sequence in sequences {
            self.0.insert(Place(sequence.to_owned()), true);
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
    fn what_is_done_behind_something_that_is_not_counts_once_that_is() {
        let mut progress = Progress::default();
        for sequence in ["8", "9", "0010", "12"] {
            progress.expect(sequence);
        }
        assert_eq!(progress.done(["9", "0010"]), None);
        // As it stands in the stream.
        assert_eq!(progress.done(["8"]).as_deref(), Some("0010"));
        // Nobody wanted this one.
        assert_eq!(progress.done(["11"]).as_deref(), Some("11"));
        assert_eq!(progress.done([]), None);
        assert_eq!(progress.done(["12"]).as_deref(), Some("12"));
    }

    proptest! {
        #[test]
        fn a_position_never_passes_what_is_not_done_and_ends_at_the_end(
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
