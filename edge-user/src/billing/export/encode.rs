//! The encoding of a batch. The same batch always has the same bytes.

use std::io;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::error::{DeliveryError, FailureKind};
use crate::billing::ledger::{Batch, ExportRecord, UsageRecord, Watermark};

/// The format in which records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordFormat {
    /// One JSON object a line.
    Jsonl,
    /// Comma-separated values, below a line of the columns' names.
    Csv,
}

impl RecordFormat {
    /// The extension of file names.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// `batch` in this format.
    pub(super) fn encode(self, batch: &Batch) -> io::Result<Vec<u8>> {
        match self {
            Self::Jsonl => jsonl(batch),
            Self::Csv => csv(batch),
        }
    }
}

/// A batch, for its delivery.
pub(super) fn batch(format: RecordFormat, batch: &Batch) -> Result<Vec<u8>, DeliveryError> {
    format.encode(batch).map_err(|error| {
        let message = format!("batch {} can't be written: {error:#}", batch.number);
        DeliveryError::new(FailureKind::Defect, message)
    })
}

/// A watermark: a JSON object on a line, in all formats.
pub(super) fn watermark(watermark: &Watermark) -> Result<Vec<u8>, DeliveryError> {
    let mut text = serde_json::to_vec(watermark).map_err(|error| {
        let message = format!("the watermark can't be written: {error}");
        DeliveryError::new(FailureKind::Defect, message)
    })?;
    text.push(b'\n');
    Ok(text)
}

fn jsonl(batch: &Batch) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for record in &batch.records {
        serde_json::to_writer(&mut text, record)?;
        text.push(b'\n');
    }
    Ok(text)
}

fn csv(batch: &Batch) -> io::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for record in &batch.records {
        writer.serialize(Columns::from(record))?;
    }
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

/// A record's columns, in this order: the `csv` crate does not write flattened structures.
#[derive(Serialize)]
struct Columns<'a> {
    id: &'a str,
    ledger: Uuid,
    seq: u64,
    edge: &'a str,
    circuit: &'a str,
    service_key: Option<&'a str>,
    peering: &'a str,
    link: &'a str,
    direction: &'a str,
    class: &'a str,
    billing: &'a str,
    accounting: &'a str,
    start: Timestamp,
    end: Timestamp,
    frames: u64,
    bytes: u64,
    billed_bytes: u64,
    estimated: bool,
}

impl<'a> From<&'a ExportRecord> for Columns<'a> {
    fn from(record: &'a ExportRecord) -> Self {
        // A new field of a record is a compile error here, so that no column is forgotten.
        let ExportRecord { id, ledger, seq, usage } = record;
        let UsageRecord {
            edge,
            circuit,
            service_key,
            peering,
            link,
            direction,
            class,
            billing,
            accounting,
            start,
            end,
            frames,
            bytes,
            billed_bytes,
            estimated,
        } = usage;
        Self {
            id,
            ledger: *ledger,
            seq: *seq,
            edge,
            circuit,
            service_key: service_key.as_deref(),
            peering,
            link,
            direction,
            class,
            billing,
            accounting,
            start: *start,
            end: *end,
            frames: *frames,
            bytes: *bytes,
            billed_bytes: *billed_bytes,
            estimated: *estimated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::billing::export::tests::{LEDGER, batch};

    #[test]
    fn a_record_is_a_flat_line_of_json() {
        let mut batch = batch(1, 2);
        batch.records[1].usage.service_key = None;
        let text = String::from_utf8(RecordFormat::Jsonl.encode(&batch).unwrap()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            format!(
                "{{\"id\":\"{LEDGER}-1\",\"ledger\":\"{LEDGER}\",\"seq\":1,\"edge\":\"ams\",\
                 \"circuit\":\"contoso, \\\"1\\\"\",\"service_key\":\"k-1\",\
                 \"peering\":\"private\",\"link\":\"primary\",\"direction\":\"outbound\",\
                 \"class\":\"default\",\"billing\":\"metered\",\"accounting\":\"l2\",\
                 \"start\":\"2026-01-01T00:05:00Z\",\"end\":\"2026-01-01T00:10:00Z\",\
                 \"frames\":1,\"bytes\":1500,\"billed_bytes\":1500,\"estimated\":false}}"
            )
        );
        for (line, record) in lines.iter().zip(&batch.records) {
            assert_eq!(serde_json::from_str::<ExportRecord>(line).unwrap(), *record);
        }
        assert!(text.ends_with('\n') && lines.len() == 2, "{text}");
    }

    #[test]
    fn columns_are_the_fields_in_their_order() {
        let mut batch = batch(1, 2);
        batch.records[1].usage.service_key = None;
        let text = String::from_utf8(RecordFormat::Csv.encode(&batch).unwrap()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[..2],
            [
                "id,ledger,seq,edge,circuit,service_key,peering,link,direction,class,billing,\
                 accounting,start,end,frames,bytes,billed_bytes,estimated"
                    .to_owned(),
                format!(
                    "{LEDGER}-1,{LEDGER},1,ams,\"contoso, \"\"1\"\"\",k-1,private,primary,\
                     outbound,default,metered,l2,2026-01-01T00:05:00Z,2026-01-01T00:10:00Z,\
                     1,1500,1500,false"
                ),
            ]
        );
        assert!(lines[2].contains("\"contoso, \"\"2\"\"\",,private"), "{text}");

        // As in JSON.
        let json = serde_json::to_string(&batch.records[0]).unwrap();
        let places: Vec<_> =
            lines[0].split(',').map(|column| json.find(&format!("\"{column}\":"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
        assert_eq!(json.matches("\":").count(), places.len());
    }
}
