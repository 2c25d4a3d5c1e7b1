//! Questions to rtnetlink(7), one at a time, in a network namespace.

use std::io;

use netlink_packet_core::{
    Emitable as _, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkHeader,
    NetlinkSerializable,
};
use netlink_packet_route::{RouteNetlinkMessage, link::LinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::routing::feed::{
    datagram::{DATAGRAM_LEN_BYTES, RawMessage, messages},
    error::{Context as _, FeedError, Result},
    namespace::Namespace,
};

/// The index of `lo` in every network namespace (`LOOPBACK_IFINDEX` of `include/net/flow.h`).
const LOOPBACK_IFINDEX: u32 = 1;

/// A question without its header.
pub(super) struct Question {
    message_type: u16,
    payload: Vec<u8>,
}

impl Question {
    /// A question that the crate for rtnetlink has no type for.
    pub(super) fn raw(message_type: u16, payload: Vec<u8>) -> Self {
        Self { message_type, payload }
    }
}

impl From<RouteNetlinkMessage> for Question {
    fn from(message: RouteNetlinkMessage) -> Self {
        let mut payload = vec![0; NetlinkSerializable::buffer_len(&message)];
        message.serialize(&mut payload);
        Self { message_type: message.message_type(), payload }
    }
}

/// A connection to the kernel that asks, and waits for each answer.
pub(super) struct RouteSocket {
    socket: Socket,
    /// The number of the last question, which its answer has, too.
    asked: u32,
    answer: Vec<u8>,
}

impl RouteSocket {
    /// Opens it in `namespace`, where it stays.
    pub(super) fn open(namespace: &Namespace) -> Result<Self> {
        let open = || -> Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            // The kernel looks at the filters of a dump (Linux 4.20, commit 89d35528d17d); without it, a dump has
            // the routes of all tables.
            socket.set_netlink_get_strict_chk(true)?;
            Ok(socket)
        };
        let socket = namespace.run(open).context("opening a netlink socket to ask for routes")?;
        Ok(Self { socket, asked: 0, answer: Vec::with_capacity(DATAGRAM_LEN_BYTES) })
    }

    /// Asks for a list, and calls `each` with every message of the answer and the number of its datagram, from 0
    /// on. The kernel makes each datagram at one moment, and the table may change between two of them.
    pub(super) fn dump(
        &mut self,
        question: &Question,
        mut each: impl FnMut(&RawMessage<'_>, usize) -> Result<()>,
    ) -> Result<()> {
        self.send(question, NLM_F_DUMP)?;
        // The kernel takes no other question before all of this answer is read.
        let mut found = Ok(());
        let end = self.hear(|message, datagram| {
            if found.is_ok() {
                found = each(message, datagram);
            }
        })?;
        end.and(found)
    }

    /// Asks for a change, and waits until the kernel has made it.
    pub(super) fn change(&mut self, question: &Question, flags: u16) -> Result<()> {
        self.send(question, NLM_F_ACK | flags)?;
        self.hear(|_, _| {})?
    }

    /// Asks for one thing, and calls `each` with it.
    pub(super) fn get(
        &mut self,
        question: &Question,
        mut each: impl FnMut(&RawMessage<'_>),
    ) -> Result<()> {
        self.send(question, NLM_F_ACK)?;
        self.hear(|message, _| each(message))?
    }

    /// Returns after the changes that are under way.
    ///
    /// The kernel tells of an interface that goes down, of an address and of a next-hop object that goes before it
    /// takes away their routes (`dev_close_many` in `net/core/dev.c`, `__inet_del_ifa` in `net/ipv4/devinet.c`,
    /// `remove_nexthop` in `net/ipv4/nexthop.c`), and a dump of routes doesn't wait for it (Linux 6.9, commit
    /// 4ce5dc9316de). It does all that under the lock that a question for an interface takes.
    pub(super) fn wait_for_changes(&mut self) -> Result<()> {
        let mut question = LinkMessage::default();
        question.header.index = LOOPBACK_IFINDEX;
        self.get(&RouteNetlinkMessage::GetLink(question).into(), |_| {})
            .context("waiting for changes to interfaces")
    }

    fn send(&mut self, question: &Question, flags: u16) -> Result<()> {
        self.asked = self.asked.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.asked;
        header.message_type = question.message_type;
        let header_len_bytes = header.buffer_len();
        header.length = u32::try_from(header_len_bytes + question.payload.len())?;
        let mut bytes = vec![0; header_len_bytes];
        header.emit(&mut bytes);
        bytes.extend(&question.payload);
        self.socket.send(&bytes, 0).context("asking the kernel by netlink")?;
        Ok(())
    }

    /// Reads up to the acknowledgement, to the end of a dump, or to the error in their place, which is the inner
    /// result.
    fn hear(&mut self, mut each: impl FnMut(&RawMessage<'_>, usize)) -> Result<Result<()>> {
        let mut datagram = 0;
        loop {
            self.answer.clear();
            let len_bytes = self
                .socket
                .recv(&mut self.answer, libc::MSG_TRUNC)
                .context("hearing the kernel's answer by netlink")?;
            if len_bytes > self.answer.len() {
                return Err(FeedError::damaged(format!(
                    "the kernel answers with {len_bytes} bytes at once, and there is room for {}",
                    self.answer.len()
                )));
            }
            let mut has_any = false;
            for message in messages(&self.answer) {
                let message = message?;
                if message.sequence != self.asked {
                    // The rest of an answer that an earlier error has left.
                    continue;
                }
                if [NLMSG_DONE, NLMSG_ERROR].contains(&message.message_type) {
                    return Ok(outcome(&message));
                }
                has_any = true;
                each(&message, datagram);
            }
            datagram += usize::from(has_any);
        }
    }
}

/// The result that the last message of an answer tells.
fn outcome(message: &RawMessage<'_>) -> Result<()> {
    // The end of a dump has had no number in old kernels.
    let code = if message.payload.is_empty() { 0 } else { message.word(0)?.cast_signed() };
    if code == 0 {
        return Ok(());
    }
    Err(io::Error::from_raw_os_error(code.saturating_neg()).into())
}
