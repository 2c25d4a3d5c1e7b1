//! pcapng: sections of blocks.

use super::{
    CaptureError, CapturedFrame, ETHERNET, Resolution,
    fcs::Declared,
    fields::{FieldReader, Order},
    source::{CaptureFile, Record},
};

/// The type of a section header, which reads the same in both byte orders.
pub(super) const MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Length of a block's frame: type and length in front, and the length again at the end.
const BLOCK_FRAME_BYTES: u32 = 12;
const MAX_BLOCK_BYTES: u32 = 64 << 20;

pub(super) struct Ng {
    order: Order,
    interfaces: Vec<CapturedInterface>,
    /// The body of the block last read.
    body: Vec<u8>,
    has_frames: bool,
}

#[derive(Clone, Copy)]
struct CapturedInterface {
    link_type: u16,
    /// The most bytes captured of a frame; 0 is no limit.
    snap_len: u32,
    unit: TimeUnit,
    offset_s: i64,
    fcs: Declared,
}

/// The unit of a timestamp.
#[derive(Clone, Copy)]
enum TimeUnit {
    /// 10⁻ⁿ seconds.
    Decimal(u8),
    /// 2⁻ⁿ seconds.
    Binary(u8),
}

/// A packet block as it is in the file.
struct PacketBlock<'a> {
    interface: u32,
    /// `None` where the block has none.
    timestamp: Option<u64>,
    len: u32,
    orig_len_bytes: u32,
    /// The frame, then padding and options.
    rest: FieldReader<'a>,
}

impl Ng {
    /// Reads the header of the first section behind its [`MAGIC`].
    pub(super) fn new(source: &mut CaptureFile) -> Result<Self, CaptureError> {
        let mut ng = Self {
            order: Order::Little,
            interfaces: Vec::new(),
            body: Vec::new(),
            has_frames: false,
        };
        let mut header = MAGIC.to_vec();
        source.append_all(&mut header, 4, "the section header")?;
        ng.block(source, &header)?;
        ng.begin_section(source)?;
        Ok(ng)
    }

    pub(super) fn next(
        &mut self,
        source: &mut CaptureFile,
    ) -> Result<Option<CapturedFrame>, CaptureError> {
        let mut header = Vec::with_capacity(8);
        loop {
            header.clear();
            match source.append(&mut header, 8)? {
                0 => return self.end(source).map(|()| None),
                8 => {}
                _ => return Err(source.ends_within("the header of a block")),
            }
            match self.block(source, &header)? {
                SECTION_HEADER => self.begin_section(source)?,
                INTERFACE => {
                    let interface =
                        CapturedInterface::parse(FieldReader::new(self.order, &self.body))
                            .ok_or_else(|| source.damaged("an interface block is too short"))?;
                    self.interfaces.push(interface);
                }
                kind @ (OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET) => {
                    return self.frame(kind, source).map(Some);
                }
                _ => {}
            }
        }
    }

    pub(super) fn resolution(&self) -> Resolution {
        let is_micros =
            |interface: &CapturedInterface| matches!(interface.unit, TimeUnit::Decimal(..=6));
        if self.interfaces.iter().all(is_micros) { Resolution::Micros } else { Resolution::Nanos }
    }

    /// Reads what follows the first eight bytes of a block into `body` and returns the block's
    /// type.
    fn block(&mut self, source: &mut CaptureFile, header: &[u8]) -> Result<u32, CaptureError> {
        self.body.clear();
        let mut got = 0;
        if header.starts_with(&MAGIC) {
            // Even the block's length is in the byte order that the section header begins with.
            source.append_all(&mut self.body, 4, "a section header")?;
            got = 4;
            self.order = match self.body[..] {
                [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
                [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
                _ => return Err(source.damaged("a section header has no byte order")),
            };
        }
        let mut fields = FieldReader::new(self.order, header);
        let (Some(kind), Some(len)) = (fields.u32(), fields.u32()) else {
            return Err(source.ends_within("the header of a block"));
        };
        if len < BLOCK_FRAME_BYTES + got || len > MAX_BLOCK_BYTES || !len.is_multiple_of(4) {
            return Err(source.damaged(format!("a block claims a length of {len} bytes")));
        }
        source.append_all(&mut self.body, len - BLOCK_FRAME_BYTES - got, "a block")?;
        let mut trailer = Vec::with_capacity(4);
        source.append_all(&mut trailer, 4, "a block")?;
        if FieldReader::new(self.order, &trailer).u32() != Some(len) {
            return Err(source.damaged("the lengths before and after a block differ"));
        }
        Ok(kind)
    }

    /// Begins the section whose header is in `body`.
    fn begin_section(&mut self, source: &CaptureFile) -> Result<(), CaptureError> {
        const MAJOR_VERSION: u16 = 1;

        let mut fields = FieldReader::new(self.order, self.body.get(4..).unwrap_or_default());
        match fields.u16() {
            Some(MAJOR_VERSION) => {}
            Some(other) => {
                return Err(source.damaged(format!("a section has the unknown version {other}")));
            }
            None => return Err(source.damaged("a section header is too short")),
        }
        self.interfaces.clear();
        Ok(())
    }

    /// The frame of the packet block in `body`.
    fn frame(
        &mut self,
        kind: u32,
        source: &mut CaptureFile,
    ) -> Result<CapturedFrame, CaptureError> {
        let fields = FieldReader::new(self.order, &self.body);
        let mut packet = match kind {
            SIMPLE_PACKET => PacketBlock::simple(fields),
            kind => PacketBlock::timed(kind, fields),
        }
        .ok_or_else(|| source.damaged("a packet block is too short"))?;
        let index = packet.interface;
        let interface = usize::try_from(index).ok().and_then(|index| self.interfaces.get(index));
        let interface = interface
            .ok_or_else(|| source.damaged(format!("it is of interface {index}, unknown so far")))?;
        source.check_link_type(interface.link_type)?;

        if kind == SIMPLE_PACKET && interface.snap_len != 0 {
            packet.len = packet.len.min(interface.snap_len);
        }
        source.check_frame_len(packet.len)?;
        let data = packet
            .rest
            .bytes(packet.len as usize)
            .ok_or_else(|| source.damaged("the frame is longer than its block"))?;
        self.has_frames = true;
        let flags = if kind == SIMPLE_PACKET { None } else { packet.flags() };
        source.frame(Record {
            time_ns: packet.timestamp.map(|timestamp| interface.nanoseconds(timestamp)),
            data: data.to_vec(),
            orig_len_bytes: packet.orig_len_bytes,
            fcs: flags.and_then(Declared::of_packet).unwrap_or(interface.fcs),
        })
    }

    /// Checks a file without frames: its interfaces must be Ethernet.
    fn end(&self, source: &CaptureFile) -> Result<(), CaptureError> {
        let is_ethernet = |interface: &CapturedInterface| interface.link_type == ETHERNET;
        match self.interfaces.first() {
            Some(first) if !self.has_frames && !self.interfaces.iter().any(is_ethernet) => {
                source.check_link_type(first.link_type)
            }
            _ => Ok(()),
        }
    }
}

impl CapturedInterface {
    fn parse(mut body: FieldReader<'_>) -> Option<Self> {
        const END: u16 = 0;
        const UNIT: u16 = 9;
        const FCS_LEN: u16 = 13;
        const OFFSET: u16 = 14;

        let link_type = body.u16()?;
        body.u16()?;
        let snap_len = body.u32()?;
        let (unit, fcs) = (TimeUnit::Decimal(6), Declared::None);
        let mut interface = Self { link_type, snap_len, unit, offset_s: 0, fcs };
        while !body.is_empty() {
            let (code, len) = (body.u16()?, body.u16()?);
            if code == END {
                break;
            }
            let mut value = body.fields(usize::from(len).next_multiple_of(4))?;
            match (code, len) {
                (UNIT, 1) => interface.unit = TimeUnit::new(value.u8()?),
                (FCS_LEN, 1) => interface.fcs = Declared::of_interface(value.u8()?),
                (OFFSET, 8) => interface.offset_s = value.i64()?,
                _ => {}
            }
        }
        Some(interface)
    }

    /// `timestamp` in nanoseconds since the epoch.
    fn nanoseconds(&self, timestamp: u64) -> i128 {
        const SECOND_NS: i128 = 1_000_000_000;

        let since_offset = i128::from(timestamp) * SECOND_NS;
        let since_offset_ns = match self.unit {
            // With a unit that overflows here, the largest timestamp is less than a nanosecond.
            TimeUnit::Decimal(power) => {
                10_i128.checked_pow(power.into()).map_or(0, |units| since_offset / units)
            }
            TimeUnit::Binary(power) => since_offset >> power,
        };
        since_offset_ns + i128::from(self.offset_s) * SECOND_NS
    }
}

impl TimeUnit {
    fn new(option: u8) -> Self {
        const IS_BINARY: u8 = 0x80;

        let power = option & !IS_BINARY;
        if option & IS_BINARY == 0 { Self::Decimal(power) } else { Self::Binary(power) }
    }
}

impl<'a> PacketBlock<'a> {
    /// Reads a simple packet block, which has only the length on the wire.
    fn simple(mut rest: FieldReader<'a>) -> Option<Self> {
        let orig_len_bytes = rest.u32()?;
        let len = orig_len_bytes;
        Some(Self { interface: 0, timestamp: None, len, orig_len_bytes, rest })
    }

    fn timed(kind: u32, mut rest: FieldReader<'a>) -> Option<Self> {
        let interface = if kind == OBSOLETE_PACKET {
            let (interface, _drops) = (rest.u16()?, rest.u16()?);
            u32::from(interface)
        } else {
            rest.u32()?
        };
        let timestamp = Some(u64::from(rest.u32()?) << 32 | u64::from(rest.u32()?));
        let (len, orig_len_bytes) = (rest.u32()?, rest.u32()?);
        Some(Self { interface, timestamp, len, orig_len_bytes, rest })
    }
    /// The flags among the options, which follow the frame; `None`: there are no flags, or the
    /// options are damaged.
    fn flags(&mut self) -> Option<u32> {
        const END: u16 = 0;
        const FLAGS: u16 = 2;

        let padding = self.len.next_multiple_of(4) - self.len;
        self.rest.bytes(padding as usize)?;
        loop {
            let (code, len) = (self.rest.u16()?, self.rest.u16()?);
            let mut value = self.rest.fields(usize::from(len).next_multiple_of(4))?;
            match (code, len) {
                (END, _) => return None,
                (FLAGS, 4) => return value.u32(),
                _ => {}
            }
        }
    }
}
