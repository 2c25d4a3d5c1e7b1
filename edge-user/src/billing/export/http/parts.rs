//! Cutting a batch into bodies that a receiver takes, as receivers have limits of their own.

use std::ops::Range;

use uuid::Uuid;

use crate::billing::ledger::Batch;

/// Records in a body at most.
const MAX_RECORDS: usize = 5_000;
/// The longest body in bytes, unless a single record is longer. Proxies take this much by default
/// (nginx, `client_max_body_size`).
const MAX_BODY_LEN_BYTES: usize = 1024 * 1024;

/// The limits by which batches are cut, as far as they are known, and the records of the present
/// batch that the receiver has.
#[derive(Debug)]
pub(super) struct BatchParts {
    max_len_bytes: usize,
    max_records: usize,
    /// Length of the shortest body that was too long.
    refused_len_bytes: Option<usize>,
    /// A batch, and how many of its records the receiver has.
    taken: Option<(Uuid, u64, usize)>,
}

impl Default for BatchParts {
    fn default() -> Self {
        Self {
            max_len_bytes: MAX_BODY_LEN_BYTES,
            max_records: MAX_RECORDS,
            refused_len_bytes: None,
            taken: None,
        }
    }
}

/// Consecutive records of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BatchPart {
    /// The part's records, by their places in the batch.
    pub(super) records: Range<usize>,
    /// Where they are in its lines.
    pub(super) bytes: Range<usize>,
    /// A key that no other body has: a repeat of this part has the same.
    pub(super) key: String,
}

impl BatchParts {
    /// Limits of this length a body, and no limit of records.
    #[cfg(test)]
    pub(super) fn with_body_len(max_len_bytes: usize) -> Self {
        Self { max_len_bytes, max_records: usize::MAX, ..Self::default() }
    }

    /// The next part of `batch`, whose records are the lines of `text`; `None`: the receiver has
    /// all.
    pub(super) fn next(&self, batch: &Batch, text: &[u8]) -> Option<BatchPart> {
        let first = match self.taken {
            Some((ledger, number, count)) if (ledger, number) == (batch.ledger, batch.number) => {
                count
            }
            _ => 0,
        };
        let count = batch.records.len();
        if first > 0 && first >= count {
            return None;
        }
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let ends: Vec<usize> = std::iter::once(0).chain(ends.map(|(place, _)| place + 1)).collect();
        let from = *ends.get(first)?;
        let fitting = ends.iter().skip(first + 1).take(self.max_records);
        let fitting = fitting.take_while(|end| **end - from <= self.max_len_bytes).count();
        let last = (first + fitting.max(1)).min(count);
        let to = ends.get(last).copied().unwrap_or(text.len());
        let whole = format!("{}-{}", batch.ledger, batch.number);
        let key = match batch.records.get(first..last) {
            Some([begin, .., end]) if last - first < count => {
                format!("{whole}-{}-{}", begin.seq, end.seq)
            }
            Some([only]) if count > 1 => format!("{whole}-{}-{}", only.seq, only.seq),
            _ => whole,
        };
        Some(BatchPart { records: first..last, bytes: from..to, key })
    }

    /// Notes that the receiver has a part.
    pub(super) fn took(&mut self, batch: &Batch, part: &BatchPart) {
        self.taken = Some((batch.ledger, batch.number, part.records.end));
    }

    /// Notes that a part is too large for the receiver. Returns whether a smaller one is possible.
    pub(super) fn refused(&mut self, part: &BatchPart) -> bool {
        let len_bytes = part.bytes.len();
        let shortest = self.refused_len_bytes.unwrap_or(len_bytes).min(len_bytes);
        self.refused_len_bytes = Some(shortest);
        let can_be_cut = part.records.len() > 1;
        if can_be_cut {
            self.max_records = part.records.len() / 2;
        }
        can_be_cut
    }

    /// A warning for an operator.
    pub(super) fn notice(&self) -> Option<String> {
        let len_bytes = self.refused_len_bytes?;
        Some(format!(
            "the receiver refuses bodies of {len_bytes} bytes (413): batches go out in parts of at \
             most {} records",
            self.max_records
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::export::{encode::RecordFormat, tests::batch};

    fn cut(parts: &mut BatchParts, batch: &Batch) -> Vec<BatchPart> {
        let text = RecordFormat::Jsonl.encode(batch).unwrap();
        let mut all = Vec::new();
        while let Some(part) = parts.next(batch, &text) {
            let lines = text[part.bytes.clone()].split_inclusive(|byte| *byte == b'\n').count();
            assert_eq!(lines, part.records.len());
            assert!(part.bytes.len() <= MAX_BODY_LEN_BYTES);
            parts.took(batch, &part);
            all.push(part);
        }
        assert_eq!(all.first().map(|part| part.bytes.start), Some(0));
        assert_eq!(all.last().map(|part| part.bytes.end), Some(text.len()));
        assert!(all.windows(2).all(|pair| {
            pair[0].records.end == pair[1].records.start && pair[0].bytes.end == pair[1].bytes.start
        }));
        all
    }

    #[test]
    fn a_batch_that_fits_is_one_part_with_its_own_key() {
        for size in [0, 1, 3, 1_000] {
            let batch = batch(7, size);
            let whole = format!("{}-7", batch.ledger);
            let text = RecordFormat::Jsonl.encode(&batch).unwrap();
            let part = BatchParts::default().next(&batch, &text).unwrap();
            assert_eq!((part.records, part.bytes), (0..batch.records.len(), 0..text.len()));
            assert_eq!(part.key, whole);
        }
    }

    #[test]
    fn a_long_batch_is_cut_by_bytes() {
        let all = cut(&mut BatchParts::default(), &batch(1, 5_000));
        assert!(all.len() >= 2 && all.len() <= 4, "{}", all.len());
        assert!(
            all[..all.len() - 1].iter().all(|part| part.bytes.len() > MAX_BODY_LEN_BYTES - 1_000)
        );
        let keys: std::collections::BTreeSet<_> = all.iter().map(|part| &part.key).collect();
        assert_eq!(keys.len(), all.len());
        assert!(all[0].key.ends_with(&format!("-1-1-{}", all[0].records.end)), "{}", all[0].key);
    }

    #[test]
    fn a_refused_part_is_halved_down_to_one_record() {
        let (mut parts, batch) = (BatchParts::default(), batch(2, 9));
        let text = RecordFormat::Jsonl.encode(&batch).unwrap();
        assert_eq!(parts.notice(), None);
        for size in [9, 4, 2, 1] {
            let part = parts.next(&batch, &text).unwrap();
            assert_eq!(part.records, 0..size);
            assert_eq!(parts.refused(&part), size > 1);
        }
        assert!(parts.notice().unwrap().ends_with("at most 1 records"));
        let all = cut(&mut parts, &batch);
        assert_eq!(all.len(), 9);
        assert!(all[4].key.ends_with("-2-14-14"), "{}", all[4].key);
    }

    #[test]
    fn what_the_receiver_has_is_not_sent_again() {
        let (mut parts, first, second) = (BatchParts::default(), batch(1, 4), batch(2, 4));
        let texts = [&first, &second].map(|batch| RecordFormat::Jsonl.encode(batch).unwrap());
        let whole = parts.next(&first, &texts[0]).unwrap();
        assert!(parts.refused(&whole));
        let half = parts.next(&first, &texts[0]).unwrap();
        parts.took(&first, &half);
        assert_eq!(parts.next(&first, &texts[0]).unwrap().records, 2..4);
        // Another batch begins at its beginning.
        assert_eq!(parts.next(&second, &texts[1]).unwrap().records, 0..2);
    }
}
