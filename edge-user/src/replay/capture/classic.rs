//! pcap: one header, then records.

use super::{
    CaptureError, CapturedFrame, Resolution,
    fcs::Declared,
    fields::{FieldReader, Order},
    source::{CaptureFile, Record},
};

/// Bytes behind the magic number in the header of the file.
const HEADER_REST_BYTES: u32 = 20;
const RECORD_HEADER_BYTES: u32 = 16;
/// Alexey Kuznetzov's libpcap, of Red Hat in the nineties: interface, protocol and packet type
/// follow the usual fields.
const MODIFIED_RECORD_HEADER_BYTES: u32 = 24;

pub(super) struct Classic {
    order: Order,
    resolution: Resolution,
    record_header_bytes: u32,
    fcs: Declared,
    header: Vec<u8>,
}

impl Classic {
    /// Reads the header of the file behind `magic`; `None`: the magic number is of another format.
    pub(super) fn open(
        magic: &[u8],
        source: &mut CaptureFile,
    ) -> Result<Option<Self>, CaptureError> {
        use Order::{Big, Little};
        use Resolution::{Micros, Nanos};

        let (order, resolution, record_header_bytes) = match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => (Little, Micros, RECORD_HEADER_BYTES),
            [0xa1, 0xb2, 0xc3, 0xd4] => (Big, Micros, RECORD_HEADER_BYTES),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Little, Nanos, RECORD_HEADER_BYTES),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Big, Nanos, RECORD_HEADER_BYTES),
            [0x34, 0xcd, 0xb2, 0xa1] => (Little, Micros, MODIFIED_RECORD_HEADER_BYTES),
            [0xa1, 0xb2, 0xcd, 0x34] => (Big, Micros, MODIFIED_RECORD_HEADER_BYTES),
            _ => return Ok(None),
        };
        let mut header = Vec::new();
        source.append_all(&mut header, HEADER_REST_BYTES, "its header")?;
        let field = link_type(&mut FieldReader::new(order, &header))
            .ok_or_else(|| source.ends_within("its header"))?;
        // The bits above tell the length of the frame check sequence.
        source.check_link_type((field & 0xffff) as u16)?;
        let fcs = Declared::of_link_type(field);
        Ok(Some(Self { order, resolution, record_header_bytes, fcs, header }))
    }

    pub(super) fn next(
        &mut self,
        source: &mut CaptureFile,
    ) -> Result<Option<CapturedFrame>, CaptureError> {
        self.header.clear();
        let got = source.append(&mut self.header, self.record_header_bytes)?;
        if got == 0 {
            return Ok(None);
        }
        let ends_early = |source: &CaptureFile| source.ends_within("the header of the record");
        if got < self.record_header_bytes as usize {
            return Err(ends_early(source));
        }
        let mut fields = FieldReader::new(self.order, &self.header);
        let (Some(seconds), Some(fraction), Some(len), Some(orig_len_bytes)) =
            (fields.u32(), fields.u32(), fields.u32(), fields.u32())
        else {
            return Err(ends_early(source));
        };
        source.check_frame_len(len)?;
        let mut data = Vec::with_capacity(len as usize);
        source.append_all(&mut data, len, "the frame")?;
        let fraction_ns = match self.resolution {
            Resolution::Micros => u64::from(fraction) * 1_000,
            Resolution::Nanos => u64::from(fraction),
        };
        let time_ns = Some(i128::from(u64::from(seconds) * 1_000_000_000 + fraction_ns));
        source.frame(Record { time_ns, data, orig_len_bytes, fcs: self.fcs }).map(Some)
    }

    pub(super) fn resolution(&self) -> Resolution {
        self.resolution
    }
}

/// The link type in the header of a file. `fields` begins behind the magic number.
fn link_type(fields: &mut FieldReader<'_>) -> Option<u32> {
    const BEFORE_LINK_TYPE_BYTES: usize = 16;

    fields.bytes(BEFORE_LINK_TYPE_BYTES)?;
    fields.u32()
}
