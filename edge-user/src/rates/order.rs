//! The order of circuits by their rates.

use std::cmp::Reverse;

use edge_api::CircuitRates;

/// The figure that circuits are sorted by. The highest is first, but for names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortBy {
    /// Forwarded bit/s of both directions.
    #[default]
    Rate,
    /// The used part of the purchased bandwidth.
    Used,
    /// Dropped frames.
    Drops,
    /// The highest rate over 1 ms.
    Peak,
    /// The name.
    Name,
}

impl SortBy {
    /// All of them, with the keys that choose them.
    pub const KEYS: [(char, Self); 5] = [
        ('r', Self::Rate),
        ('u', Self::Used),
        ('d', Self::Drops),
        ('m', Self::Peak),
        ('n', Self::Name),
    ];

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Used => "used",
            Self::Drops => "drops",
            Self::Peak => "peak",
            Self::Name => "name",
        }
    }

    fn figure(self, circuit: &CircuitRates) -> u64 {
        match self {
            Self::Rate => circuit.in_bps + circuit.out_bps,
            Self::Used => circuit.used_permille,
            Self::Drops => circuit.dropped_fps,
            Self::Peak => circuit.peak_1ms_bps,
            Self::Name => 0,
        }
    }
}

/// The places of the circuits whose names have this text in them, in this order. Circuits with the same figure are in
/// the order of their names.
#[must_use]
pub fn ordered(
    circuits: &[CircuitRates],
    sort_by: SortBy,
    is_inverted: bool,
    filter: &str,
) -> Vec<usize> {
    let filter = filter.to_lowercase();
    let is_wanted = |circuit: &CircuitRates| circuit.name.to_lowercase().contains(&filter);
    let mut places: Vec<usize> =
        (0..circuits.len()).filter(|place| is_wanted(&circuits[*place])).collect();
    places.sort_by(|a, b| {
        let (a, b) = (&circuits[*a], &circuits[*b]);
        let by_figure = Reverse(sort_by.figure(a)).cmp(&Reverse(sort_by.figure(b)));
        let order = by_figure.then_with(|| a.name.cmp(&b.name));
        if is_inverted { order.reverse() } else { order }
    });
    places
}
