//! Messages in a datagram of netlink(7).

use netlink_packet_core::{NetlinkBuffer, NlaBuffer, NlasIterator};

use crate::routing::feed::error::{Context as _, FeedError, Result};

/// More than the kernel puts into one datagram: 32 KiB of a dump (`netlink_dump` in `net/netlink/af_netlink.c`).
pub(super) const DATAGRAM_LEN_BYTES: usize = 1 << 16;
/// `struct nlmsghdr` of linux/netlink.h.
const NETLINK_HEADER_LEN_BYTES: usize = 16;

/// A message whose contents are not looked at yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawMessage<'a> {
    pub(super) message_type: u16,
    pub(super) sequence: u32,
    pub(super) payload: &'a [u8],
}

impl<'a> RawMessage<'a> {
    /// The number of 32 bits at this place of the payload.
    pub(super) fn word(&self, offset: usize) -> Result<u32> {
        let bytes = self.payload.get(offset..offset + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_ne_bytes).context("a netlink message cut short")
    }

    /// The attributes that follow a header of so many bytes.
    pub(super) fn attributes(
        &self,
        header_len_bytes: usize,
    ) -> Result<impl Iterator<Item = Result<NlaBuffer<&'a [u8]>>>> {
        let bytes = self.payload.get(header_len_bytes..).context("a netlink message cut short")?;
        Ok(NlasIterator::new(bytes).map(|attribute| attribute.map_err(FeedError::from)))
    }
}

/// The messages, in their order. An error is the last item.
pub(super) fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<RawMessage<'_>>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = first(rest);
        let len_bytes = message.as_ref().map_or(rest.len(), |message| {
            (NETLINK_HEADER_LEN_BYTES + message.payload.len()).next_multiple_of(4)
        });
        rest = rest.get(len_bytes..).unwrap_or_default();
        Some(message)
    })
}

fn first(bytes: &[u8]) -> Result<RawMessage<'_>> {
    let buffer = NetlinkBuffer::new_checked(bytes).context("reading a netlink message")?;
    Ok(RawMessage {
        message_type: buffer.message_type(),
        sequence: buffer.sequence_number(),
        payload: buffer.payload(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(message_type: u16, payload: &[u8]) -> Vec<u8> {
        let len_bytes = u32::try_from(NETLINK_HEADER_LEN_BYTES + payload.len()).unwrap();
        let mut bytes = len_bytes.to_ne_bytes().to_vec();
        bytes.extend(message_type.to_ne_bytes());
        bytes.extend([0; 2]);
        bytes.extend(7u32.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn messages_of_any_length_follow_each_other() {
        let datagram =
            [message(24, &[1, 2, 3, 4, 5]), message(3, &[]), message(2, &[9; 8])].concat();
        let read: Vec<RawMessage<'_>> = messages(&datagram).map(Result::unwrap).collect();
        let kinds: Vec<_> = read.iter().map(|it| (it.message_type, it.payload.len())).collect();
        assert_eq!(kinds, [(24, 5), (3, 0), (2, 8)]);
        assert!(read.iter().all(|it| it.sequence == 7));
        assert_eq!(read[2].word(4).unwrap(), 0x0909_0909);
        assert!(read[0].word(4).is_err() && read[1].attributes(12).is_err());
    }

    #[test]
    fn a_message_cut_short_is_an_error_and_the_last() {
        let whole = [message(24, &[1; 12]), message(24, &[2; 12])].concat();
        for len_bytes in 29..whole.len() {
            let read: Vec<_> = messages(&whole[..len_bytes]).collect();
            assert_eq!(read.len(), 2, "{len_bytes}");
            assert!(read[0].is_ok() && read[1].is_err(), "{len_bytes}");
        }
    }
}
