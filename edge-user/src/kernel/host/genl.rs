//! Questions to the kernel's families of generic netlink, one at a time.

use std::convert::Infallible;

use netlink_packet_core::{
    DefaultNla, Emitable as _, NLM_F_ACK, NLM_F_REQUEST, NetlinkDeserializable, NetlinkHeader,
    NetlinkMessage, NetlinkPayload, NetlinkSerializable, NlasIterator,
};
use netlink_sys::{Socket, protocols::NETLINK_GENERIC};

use crate::kernel::{
    error::{Context as _, KernelError, Result},
    host::rtnetlink::connect,
};

/// The family that knows the others, and how it is asked (linux/genetlink.h).
const CONTROLLER: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
/// `NLA_F_NESTED` of linux/netlink.h.
const NESTED: u16 = 1 << 15;
/// `struct genlmsghdr`: command, version, and two bytes of nothing.
const HEADER_LEN_BYTES: usize = 4;
/// `struct nlattr`: length and kind.
const ATTRIBUTE_HEADER_LEN_BYTES: usize = 4;
/// The version of every family that is asked here.
const VERSION: u8 = 1;
/// Room for any answer here. An answer that is cut short is an error.
const ANSWER_LEN_BYTES: usize = 1 << 15;

/// A family of generic netlink.
pub(in crate::kernel) struct GenlFamily {
    name: &'static str,
    id: u16,
    socket: Socket,
}

impl GenlFamily {
    /// Opens the family `name`, or gives `None` where the kernel has no such family.
    pub(in crate::kernel) fn open(name: &'static str) -> Result<Option<Self>> {
        let controller = Self { name: "nlctrl", id: CONTROLLER, socket: connect(NETLINK_GENERIC)? };
        let mut terminated = name.as_bytes().to_vec();
        terminated.push(0);
        let question = [DefaultNla::new(CTRL_ATTR_FAMILY_NAME, terminated)];
        let answer = match controller.ask(CTRL_CMD_GETFAMILY, &question) {
            Err(error) if is_missing(&error) => return Ok(None),
            answer => answer.with_context(|| format!("looking for the netlink family {name}"))?,
        };
        let id = answer.find(CTRL_ATTR_FAMILY_ID)?.context("a netlink family without a number")?;
        let id = u16::from_ne_bytes(id.try_into().context("the number of a netlink family")?);
        Ok(Some(Self { name, id, ..controller }))
    }

    /// Sends a command with attributes, and returns the attributes of the answer: none where the
    /// kernel only acknowledges.
    pub(in crate::kernel) fn ask(
        &self,
        command: u8,
        attributes: &[DefaultNla],
    ) -> Result<Attributes> {
        let mut payload = vec![command, VERSION, 0, 0];
        payload.resize(HEADER_LEN_BYTES + attributes.buffer_len(), 0);
        attributes.emit(&mut payload[HEADER_LEN_BYTES..]);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_ACK;
        let payload = NetlinkPayload::InnerMessage(Message { family: self.id, payload });
        let mut message = NetlinkMessage::new(header, payload);
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0).with_context(|| format!("asking {}", self.name))?;
        self.answer()
    }

    /// Reads up to the acknowledgement, or to the error in its place.
    fn answer(&self) -> Result<Attributes> {
        let mut answer = Attributes(Vec::new());
        loop {
            let mut bytes = Vec::with_capacity(ANSWER_LEN_BYTES);
            self.socket.recv(&mut bytes, 0).with_context(|| format!("hearing {}", self.name))?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let message = NetlinkMessage::<Message>::deserialize(rest)
                    .with_context(|| format!("reading what {} says", self.name))?;
                let len_bytes = usize::try_from(message.header.length)?.next_multiple_of(4);
                rest = rest.get(len_bytes..).unwrap_or_default();
                if let NetlinkPayload::Error(error) = message.payload {
                    return if error.code.is_none() {
                        Ok(answer)
                    } else {
                        Err(error.to_io().into())
                    };
                }
                let NetlinkPayload::InnerMessage(Message { payload, .. }) = message.payload else {
                    return Err(KernelError::damaged(format!(
                        "{} answers with {:?}",
                        self.name, message.payload
                    )));
                };
                let attributes = payload.get(HEADER_LEN_BYTES..).context("a message cut short")?;
                answer = Attributes(attributes.to_vec());
            }
        }
    }
}

/// Attributes of a message, in the kernel's layout.
#[derive(Clone, Debug)]
pub(in crate::kernel) struct Attributes(Vec<u8>);

impl Attributes {
    /// The attributes that an attribute's value consists of.
    pub(in crate::kernel) fn nested_in(value: &[u8]) -> Self {
        Self(value.to_vec())
    }

    /// The value of the first attribute of this kind.
    pub(in crate::kernel) fn find(&self, kind: u16) -> Result<Option<&[u8]>> {
        for attribute in self.iter() {
            let (found, value) = attribute?;
            if found == kind {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Kind and value of each.
    pub(in crate::kernel) fn iter(&self) -> impl Iterator<Item = Result<(u16, &[u8])>> {
        NlasIterator::new(&self.0).map(|attribute| {
            let attribute = attribute
                .map_err(|error| KernelError::damaged(format!("a netlink attribute: {error}")))?;
            let (kind, len_bytes) = (attribute.kind(), attribute.value_length());
            let value = attribute.into_inner().get(ATTRIBUTE_HEADER_LEN_BYTES..);
            let value = value.and_then(|value| value.get(..len_bytes));
            Ok((kind, value.context("a netlink attribute cut short")?))
        })
    }
}

/// An attribute that consists of others.
pub(in crate::kernel) fn nest(kind: u16, attributes: &[DefaultNla]) -> DefaultNla {
    let mut value = vec![0; attributes.buffer_len()];
    attributes.emit(&mut value);
    DefaultNla::new(kind | NESTED, value)
}

/// An attribute with a number in the machine's byte order.
pub(in crate::kernel) fn number(kind: u16, value: u32) -> DefaultNla {
    DefaultNla::new(kind, value.to_ne_bytes().to_vec())
}

fn is_missing(error: &KernelError) -> bool {
    error.told().errno() == Some(libc::ENOENT)
}

/// A message of a family, its own header included.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    family: u16,
    payload: Vec<u8>,
}

impl NetlinkSerializable for Message {
    fn message_type(&self) -> u16 {
        self.family
    }

    fn buffer_len(&self) -> usize {
        self.payload.len()
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.payload);
    }
}

impl NetlinkDeserializable for Message {
    type Error = Infallible;

    fn deserialize(header: &NetlinkHeader, payload: &[u8]) -> Result<Self, Infallible> {
        Ok(Self { family: header.message_type, payload: payload.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_that_the_kernel_has_not_is_none() -> Result<()> {
        assert!(GenlFamily::open("edge-none")?.is_none());
        let controller = GenlFamily::open("nlctrl")?.context("the kernel knows this one")?;
        assert_eq!(controller.id, CONTROLLER);
        Ok(())
    }
}
