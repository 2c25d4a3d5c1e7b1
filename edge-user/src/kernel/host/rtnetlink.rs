//! Questions to rtnetlink(7) about the interfaces of a network namespace.

use std::{
    io,
    sync::atomic::{AtomicU32, Ordering},
};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{RouteNetlinkMessage, link::LinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::kernel::error::{Context as _, KernelError, Result};

/// More than the kernel puts into one datagram (`netlink_dump` in `net/netlink/af_netlink.c`).
pub(in crate::kernel) const ANSWER_LEN_BYTES: usize = 1 << 16;

/// A connection to the kernel's side of a netlink protocol.
pub(in crate::kernel) fn connect(protocol: isize) -> Result<Socket> {
    let open = || -> io::Result<Socket> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(socket)
    };
    open().context("opening a netlink socket to ask about interfaces")
}

/// A connection that asks for interfaces of the network namespace that it was opened in.
pub(in crate::kernel) struct Rtnetlink {
    socket: Socket,
    /// The number of the last question, which its answer has, too.
    asked: AtomicU32,
}

impl Rtnetlink {
    /// Opens it.
    pub(in crate::kernel) fn open() -> Result<Self> {
        Ok(Self { socket: connect(NETLINK_ROUTE)?, asked: AtomicU32::new(0) })
    }

    /// Every interface.
    pub(in crate::kernel) fn links(&self) -> Result<Vec<LinkMessage>> {
        self.ask(LinkMessage::default(), NLM_F_DUMP)
    }

    /// The interface that the question names; `None`: there is none.
    pub(in crate::kernel) fn link(&self, question: LinkMessage) -> Result<Option<LinkMessage>> {
        match self.ask(question, NLM_F_ACK) {
            Err(error) if is_no_device(&error) => Ok(None),
            links => Ok(links?.pop()),
        }
    }

    fn ask(&self, question: LinkMessage, flags: u16) -> Result<Vec<LinkMessage>> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let payload = NetlinkPayload::InnerMessage(RouteNetlinkMessage::GetLink(question));
        let mut message = NetlinkMessage::new(header, payload);
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0).context("asking for an interface")?;
        self.answer(header.sequence_number)
    }

    /// Reads up to the acknowledgement, to the end of a dump, or to the error in their place.
    fn answer(&self, number: u32) -> Result<Vec<LinkMessage>> {
        let mut links = Vec::new();
        loop {
            let mut bytes = Vec::with_capacity(ANSWER_LEN_BYTES);
            self.socket.recv(&mut bytes, 0).context("hearing of an interface")?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                    .context("reading the description of an interface")?;
                let len_bytes = usize::try_from(message.header.length)?.next_multiple_of(4);
                rest = rest.get(len_bytes..).unwrap_or_default();
                if message.header.sequence_number != number {
                    // The rest of an answer that an earlier error has left.
                    continue;
                }
                if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) =
                    message.payload
                {
                    links.push(link);
                } else if let NetlinkPayload::Done(_) = message.payload {
                    return Ok(links);
                } else if let NetlinkPayload::Error(error) = message.payload {
                    if error.code.is_none() {
                        return Ok(links);
                    }
                    return Err(error.to_io()).context("asking for an interface");
                } else {
                    return Err(KernelError::damaged(format!(
                        "the kernel answers with {:?}",
                        message.payload
                    )));
                }
            }
        }
    }
}

fn is_no_device(error: &KernelError) -> bool {
    error.told().errno() == Some(libc::ENODEV)
}
