//! The tags that frames leave with, against a model that keeps tags in a list.

use crate::{
    frames::{QINQ_TAGS, frame, ipv4},
    tables::{DOT1Q, QINQ, Run, claim_untagged, qos_row, sample},
};
use edge_common::{
    Reason,
    abi::{
        qos::AS_IT_CAME,
        rewrite::{LeavingTag, Retag, TagSource},
    },
};
use proptest::prelude::*;

/// TPIDs and TCIs.
type Tags<'a> = &'a [(u16, u16)];

const fn tag(tpid: u16, vid: u16, source: TagSource) -> LeavingTag {
    LeavingTag { tpid, vid, source }
}

/// The frame with tags `arriving` as it leaves, seen from its own end.
fn retagged(arriving: &[(u16, u16)], retag: Retag) -> Vec<u8> {
    let mut tables = sample(&qos_row(|arriving| arriving));
    claim_untagged(&mut tables);
    for attachment in [QINQ, DOT1Q] {
        tables.attachments[attachment as usize].retag = retag.to_bits();
    }
    let mut frame = frame(arriving, 0x0800, &ipv4(0, 26));
    let len_bytes = frame.len() as u64;
    assert_eq!(tables.run(&mut frame), Reason::Ok);
    let metered: u64 =
        tables.meters.iter().flat_map(|m| m.classes).map(|c| c.forwarded_bytes).sum();
    assert_eq!(metered, len_bytes, "what arrived is what is metered");
    frame
}

#[test]
fn tags_are_popped_pushed_and_translated() {
    let (outer, inner) = (TagSource::Outer, TagSource::Inner);
    let qinq = &[(0x88a8, 0x7064), (0x8100, 0xb00a)][..];
    let dot1q = &[(0x8100, 0xb015)][..];
    let cases: &[(&str, Tags<'_>, Retag, Tags<'_>)] = &[
        ("left alone", qinq, Retag::NONE, qinq),
        ("both kept", qinq, Retag::to(Some(tag(0, 0, outer)), Some(tag(0, 0, inner))), qinq),
        (
            "S translated",
            qinq,
            Retag::to(Some(tag(0, 200, outer)), Some(tag(0, 0, inner))),
            &[(0x88a8, 0x70c8), (0x8100, 0xb00a)],
        ),
        (
            "both translated, with TPIDs",
            qinq,
            Retag::to(Some(tag(0x8100, 200, outer)), Some(tag(0x88a8, 20, inner))),
            &[(0x8100, 0x70c8), (0x88a8, 0xb014)],
        ),
        ("S popped", qinq, Retag::to(Some(tag(0, 0, inner)), None), &[(0x8100, 0xb00a)]),
        ("C popped", qinq, Retag::to(Some(tag(0, 0, outer)), None), &[(0x88a8, 0x7064)]),
        ("both popped", qinq, Retag::to(None, None), &[]),
        (
            "S pushed, priority copied",
            dot1q,
            Retag::to(Some(tag(0x88a8, 7, outer)), Some(tag(0, 0, outer))),
            &[(0x88a8, 0xb007), (0x8100, 0xb015)],
        ),
        ("C translated", dot1q, Retag::to(Some(tag(0, 22, outer)), None), &[(0x8100, 0xb016)]),
        ("C popped off", dot1q, Retag::to(None, None), &[]),
        (
            "two tags on none",
            &[],
            Retag::to(Some(tag(0x88a8, 7, outer)), Some(tag(0x8100, 8, outer))),
            &[(0x88a8, 7), (0x8100, 8)],
        ),
        (
            "two tags for a priority tag, priority copied",
            &[(0x8100, 0xa000)],
            Retag::to(Some(tag(0x88a8, 7, outer)), Some(tag(0x8100, 8, outer))),
            &[(0x88a8, 0xa007), (0x8100, 0xa008)],
        ),
    ];
    for (name, arriving, retag, leaving) in cases {
        assert_eq!(retagged(arriving, *retag), frame(leaving, 0x0800, &ipv4(0, 26)), "{name}");
    }
}

#[test]
fn the_outer_tag_leaves_with_the_priority_of_the_class() {
    let mut row = qos_row(|arriving| arriving);
    row.pcp_marks[1] = 6;
    let marked = |retag, tos| {
        let mut tables = sample(&row);
        let attachment = &mut tables.attachments[QINQ as usize];
        attachment.flags = edge_common::abi::attachment::Attachment::MARKS_PCP;
        attachment.retag = Retag::to_bits(retag);
        let mut frame = frame(&[(0x88a8, 0x7064), (0x8100, 0xb00a)], 0x0800, &ipv4(tos, 26));
        assert_eq!(tables.run(&mut frame), Reason::Ok);
        frame
    };
    let left = |tags: &[(u16, u16)], tos| frame(tags, 0x0800, &ipv4(tos, 26));
    // Class 1 by DSCP 1, class 2 by DSCP 2. DEI stays.
    assert_eq!(marked(Retag::NONE, 4), left(&[(0x88a8, 0xd064), (0x8100, 0xb00a)], 4));
    assert_eq!(marked(Retag::NONE, 8), left(&[(0x88a8, 0x7064), (0x8100, 0xb00a)], 8));
    let inner_only = Retag::to(Some(tag(0, 0, TagSource::Inner)), None);
    assert_eq!(marked(inner_only, 4), left(&[(0x8100, 0xd00a)], 4));
    assert_eq!(marked(Retag::to(None, None), 4), left(&[], 4));
    assert_eq!(row.pcp_marks[0], AS_IT_CAME);
}

/// A tag to leave with, out of the tags that came (TPID, TCI).
fn model(leaving: LeavingTag, arrived: &[(u16, u16)]) -> (u16, u16) {
    let source = match leaving.source {
        TagSource::Outer => arrived.first(),
        TagSource::Inner => arrived.get(1),
    };
    let (tpid, tci) = source.copied().unwrap_or((0, 0));
    let tpid = if leaving.tpid == 0 { tpid } else { leaving.tpid };
    let vid = if leaving.vid == 0 { tci & 0x0fff } else { leaving.vid };
    (tpid, tci & 0xf000 | vid)
}

prop_compose! {
    fn leaving_tag()(
        tpid in prop::sample::select(vec![0u16, 0x8100, 0x88a8, 0x9100]),
        vid in 0u16..4095,
        from_inner: bool,
    ) -> LeavingTag {
        LeavingTag { tpid, vid, source: if from_inner { TagSource::Inner } else { TagSource::Outer } }
    }
}

proptest! {
    #[test]
    fn only_the_tags_change(
        outer in prop::option::of(leaving_tag()),
        inner in prop::option::of(leaving_tag()),
        priorities: [u8; 2],
        tags in 0usize..3,
    ) {
        let priority = |at: usize| u16::from(priorities[at] & 0xf) << 12;
        let arriving = match tags {
            0 => vec![],
            1 => vec![(0x8100, priority(0) + 21)],
            _ => vec![(QINQ_TAGS[0].0, priority(0) + 100), (QINQ_TAGS[1].0, priority(1) + 10)],
        };
        let both = outer.into_iter().chain(outer.and(inner));
        let leaving: Vec<_> = both.map(|leaving| model(leaving, &arriving)).collect();
        let expected = frame(&leaving, 0x0800, &ipv4(0, 26));
        prop_assert_eq!(retagged(&arriving, Retag::to(outer, inner)), expected);
    }
}
