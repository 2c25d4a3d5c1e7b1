//! Questions to rtnetlink(7) about the interfaces of a namespace.

use std::{cell::Cell, io, ops::Range};

use netlink_packet_core::{
    ErrorMessage, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST,
    NetlinkHeader, NetlinkMessage, NetlinkPayload, NlasIterator,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use crate::routing::devices::error::{Context as _, DevicesError, Result};

/// More than the kernel puts into one datagram (`netlink_dump` in `net/netlink/af_netlink.c`).
const ANSWER_LEN_BYTES: usize = 1 << 16;
/// Tries to read what others keep changing.
const TRIES: u32 = 20;
/// `struct nlmsghdr`: what an error repeats of its request (`NETLINK_CAP_ACK`).
const REQUEST_HEADER_LEN_BYTES: usize = 16;
/// `NLMSGERR_ATTR_MSG` of linux/netlink.h.
const ERROR_TEXT: u16 = 1;

/// A connection to rtnetlink in the network namespace that it was opened in.
pub(super) struct DeviceSocket {
    socket: Socket,
    /// The number of the last request, which its answer has, too.
    asked: Cell<u32>,
}

/// An answer's message, or the end of an answer.
pub(super) enum LinkAnswer {
    /// A thing that was asked for.
    Part(RouteNetlinkMessage),
    /// All of it came, or the change is made.
    End,
    /// The kernel refuses.
    Refusal(DevicesError),
}

impl DeviceSocket {
    /// Opens it in the namespace of the calling thread.
    pub(super) fn open() -> Result<Self> {
        let open = || -> io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            socket.set_cap_ack(true)?;
            socket.set_ext_ack(true)?;
            // The kernel then refuses a filter that it doesn't know, where it would ignore it.
            socket.set_netlink_get_strict_chk(true)?;
            Ok(socket)
        };
        let socket = open().context("opening a netlink socket to set interfaces up")?;
        Ok(Self { socket, asked: Cell::new(0) })
    }

    /// All that a question is answered with, as it was at one moment.
    pub(super) fn dump(&self, question: &RouteNetlinkMessage) -> Result<Vec<RouteNetlinkMessage>> {
        for _ in 0..TRIES {
            if let Some(whole) = self.dump_once(question.clone())? {
                return Ok(whole);
            }
        }
        Err(DevicesError::damaged(format!(
            "interfaces of the namespace changed each of {TRIES} times that edge read them; another \
             program keeps changing them: `ip monitor` in the namespace shows what"
        )))
    }

    /// The answer to a question about one thing; `None`: there is no such thing.
    pub(super) fn ask(&self, question: RouteNetlinkMessage) -> Result<Option<RouteNetlinkMessage>> {
        let numbers = self.send(&[(question, NLM_F_ACK)])?;
        let mut found = None;
        loop {
            for (_, _, answer) in self.hear(&numbers)? {
                match answer {
                    LinkAnswer::Part(message) => found = Some(message),
                    LinkAnswer::End => return Ok(found),
                    LinkAnswer::Refusal(error) if is_no_device(&error) => return Ok(None),
                    LinkAnswer::Refusal(error) => return Err(error),
                }
            }
        }
    }

    /// `None`: something changed meanwhile, and the answer may have it twice or not at all.
    fn dump_once(&self, question: RouteNetlinkMessage) -> Result<Option<Vec<RouteNetlinkMessage>>> {
        let numbers = self.send(&[(question, NLM_F_DUMP)])?;
        let mut found = Vec::new();
        let mut is_whole = true;
        loop {
            for (_, flags, answer) in self.hear(&numbers)? {
                is_whole &= flags & NLM_F_DUMP_INTR == 0;
                match answer {
                    LinkAnswer::Part(message) => found.push(message),
                    LinkAnswer::End => return Ok(is_whole.then_some(found)),
                    LinkAnswer::Refusal(error) => return Err(error),
                }
            }
        }
    }

    /// Sends requests in one datagram, each with its flags. Returns their numbers.
    pub(super) fn send(&self, requests: &[(RouteNetlinkMessage, u16)]) -> Result<Range<u32>> {
        let first = self.asked.get() + 1;
        let mut bytes = Vec::new();
        for (message, flags) in requests {
            let mut header = NetlinkHeader::default();
            header.flags = NLM_F_REQUEST | flags;
            header.sequence_number = self.asked.get() + 1;
            self.asked.set(header.sequence_number);
            let payload = NetlinkPayload::InnerMessage(message.clone());
            let mut message = NetlinkMessage::new(header, payload);
            message.finalize();
            let start = bytes.len();
            bytes.resize(start + message.buffer_len(), 0);
            message.serialize(&mut bytes[start..]);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        self.socket.send(&bytes, 0).context("asking the kernel about interfaces")?;
        Ok(first..self.asked.get() + 1)
    }

    /// The next datagram's answers to requests with these numbers: number, flags and answer.
    pub(super) fn hear(&self, numbers: &Range<u32>) -> Result<Vec<(u32, u16, LinkAnswer)>> {
        let mut bytes = Vec::with_capacity(ANSWER_LEN_BYTES);
        loop {
            match self.socket.recv(&mut bytes, 0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => bytes.clear(),
                heard => {
                    heard.context("hearing of interfaces")?;
                    break;
                }
            }
        }
        let mut answers = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                .context("reading what the kernel says of interfaces")?;
            let len_bytes = usize::try_from(message.header.length).unwrap_or(usize::MAX);
            rest = rest.get(len_bytes.next_multiple_of(4)..).unwrap_or_default();
            let NetlinkHeader { sequence_number, flags, .. } = message.header;
            // Another number is the rest of an answer that an earlier error has left.
            if numbers.contains(&sequence_number) {
                answers.push((sequence_number, flags, answer(message.payload, flags)?));
            }
        }
        Ok(answers)
    }
}

fn answer(payload: NetlinkPayload<RouteNetlinkMessage>, flags: u16) -> Result<LinkAnswer> {
    if let NetlinkPayload::InnerMessage(message) = payload {
        Ok(LinkAnswer::Part(message))
    } else if let NetlinkPayload::Done(_) = payload {
        Ok(LinkAnswer::End)
    } else if let NetlinkPayload::Error(error) = payload {
        if error.code.is_none() {
            Ok(LinkAnswer::End)
        } else {
            Ok(LinkAnswer::Refusal(refusal(&error, flags)))
        }
    } else {
        Err(DevicesError::damaged(format!("the kernel answers with {payload:?}")))
    }
}

/// The system's error, with the kernel's own words where it gives any.
fn refusal(error: &ErrorMessage, flags: u16) -> DevicesError {
    let attributes = error.header.get(REQUEST_HEADER_LEN_BYTES..).unwrap_or_default();
    let attributes = if flags & NLM_F_ACK_TLVS == 0 { &[] } else { attributes };
    let text = NlasIterator::new(attributes)
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == ERROR_TEXT)
        .map(|attribute| String::from_utf8_lossy(attribute.value()).into_owned());
    let error = DevicesError::from(error.to_io());
    match text.as_deref().map(|text| text.trim_end_matches('\0')) {
        Some(text) if !text.is_empty() => error.after(format!("the kernel says \"{text}\"")),
        _ => error,
    }
}

/// Whether there is no such interface.
pub(super) fn is_no_device(error: &DevicesError) -> bool {
    error.told().errno() == Some(libc::ENODEV)
}
