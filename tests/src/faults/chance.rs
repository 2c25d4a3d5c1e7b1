//! Random choices that a seed repeats.

use fastrand::Rng;

/// Numbers by a seed.
#[derive(Clone, Debug)]
pub struct Chance(Rng);

impl Chance {
    /// The numbers of a seed, which are always the same.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Rng::with_seed(seed))
    }

    /// Puts them into another order, each order as likely as the others.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        self.0.shuffle(list);
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0.u64(..end.max(1))
    }

    /// Whether something of this many per cent happens.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        let place = usize::try_from(self.below(choices.len() as u64)).expect("an index");
        choices[place]
    }

    /// One of `choices`, each as often as its weight says.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn pick_weighted<T: Copy>(&mut self, choices: &[(u64, T)]) -> T {
        let mut left = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in choices {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *choice,
            }
        }
        unreachable!("less than the sum of the weights")
    }
}
