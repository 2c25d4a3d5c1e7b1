//! Frames that were captured short: `tcpdump -s 96` and the like.

/// The length of a frame on the wire, and of its captured beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CapturedLen {
    /// Its length in bytes.
    pub(super) len_bytes: usize,
    /// The number of its bytes that were captured.
    pub(super) captured_bytes: usize,
}

impl CapturedLen {
    /// The frame of which `captured` is the beginning.
    pub(super) fn new(captured: &[u8], orig_len_bytes: u32) -> Self {
        let captured_bytes = captured.len();
        Self { len_bytes: captured_bytes.max(orig_len_bytes as usize), captured_bytes }
    }

    /// Whether bytes of it are missing.
    pub(super) fn is_cut(self) -> bool {
        self.captured_bytes < self.len_bytes
    }

    /// Gives the frame its length, with zeros for what is missing.
    pub(super) fn complete(self, frame: &mut Vec<u8>) {
        frame.resize(self.len_bytes, 0);
    }

    /// Takes the zeros away again, and returns the length in bytes that the frame left with. Pushed
    /// and popped tags are in front of the cut.
    pub(super) fn cut(self, frame: &mut Vec<u8>) -> usize {
        let left_bytes = frame.len();
        frame.truncate((self.captured_bytes + left_bytes).saturating_sub(self.len_bytes));
        left_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_cut_where_it_was_with_tags_more_or_less() {
        for (captured, len, change, left, cut_at) in [
            (96, 1514, 0_i32, 1514, 96),
            (96, 1514, 4, 1518, 100),
            (96, 1514, -8, 1506, 88),
            (1514, 1514, -4, 1510, 1510),
            (3, 64, -4, 60, 0),
            (0, 64, 0, 64, 0),
        ] {
            let captured: Vec<u8> = vec![7; captured];
            let arrived = CapturedLen::new(&captured, len);
            let mut frame = captured.clone();
            arrived.complete(&mut frame);
            assert_eq!(frame.len(), len as usize);
            assert!(
                frame.starts_with(&captured) && frame[captured.len()..].iter().all(|b| *b == 0)
            );
            frame.resize(frame.len().checked_add_signed(change as isize).unwrap(), 0);
            assert_eq!((arrived.cut(&mut frame), frame.len()), (left, cut_at), "{captured:?}");
        }
    }

    #[test]
    fn an_original_length_below_what_was_captured_is_none() {
        let arrived = CapturedLen::new(&[0; 60], 10);
        assert_eq!(arrived, CapturedLen { len_bytes: 60, captured_bytes: 60 });
        assert!(!arrived.is_cut());
    }
}
