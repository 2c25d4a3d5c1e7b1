//! Overlaps of tags, against a count of every single VID.

use std::{collections::BTreeSet, path::Path};

use proptest::prelude::*;

use super::{Side, parse, source::circuits};

/// An S-tag, one towards the core, and peerings: C-tags and one towards the core.
type Tags = (Option<u16>, Option<u16>, Vec<(u16, u16, Option<u16>)>);

fn tags() -> impl Strategy<Value = Tags> {
    let some = |range| prop::option::weighted(0.6, range);
    let peering = (1..8u16, 0..3u16, prop::option::weighted(0.3, 0..5u16))
        .prop_map(|(first, more, core)| (first, first + more, core.filter(|_| more == 0)));
    (some(1..5u16), some(0..5u16), prop::collection::vec(peering, 1..3))
}

proptest! {
    /// The parser refuses exactly those files that claim a VID, a pair of VIDs or the untagged
    /// frames twice.
    #[test]
    fn overlaps_are_those_of_single_vids(all in prop::collection::vec(tags(), 1..4)) {
        let text: Vec<_> = all.iter().map(text).collect();
        let is_accepted = parse(&circuits(&text.join(" | ")), Path::new("f")).is_ok();
        let is_free = [Side::Customer, Side::Core].iter().all(|side| is_free(&all, *side));
        prop_assert_eq!(is_accepted, is_free);
    }
}

fn text((s_tag, core_s_tag, peerings): &Tags) -> String {
    let key = |key: &str, vid: Option<u16>| vid.map(|vid| format!("{key}={vid}"));
    let keys: Vec<_> =
        [key("s_tag", *s_tag), key("core_s_tag", *core_s_tag)].into_iter().flatten().collect();
    let peerings = peerings.iter().map(|(first, last, core)| {
        let core = key(" / core_c_tag", *core).unwrap_or_default();
        format!(" + c_tag='{first}-{last}'{core}")
    });
    keys.join(" / ") + &peerings.collect::<String>()
}

fn is_free(all: &[Tags], side: Side) -> bool {
    let (mut claimed, mut outer) = (BTreeSet::new(), BTreeSet::new());
    let mut is_free = true;
    for (s_tag, core_s_tag, peerings) in all {
        let core = |tag: &Option<u16>| tag.filter(|_| side == Side::Core);
        let s_vid = core(core_s_tag).or(*s_tag).filter(|vid| *vid != 0);
        for (first, last, core_c_tag) in peerings {
            let c_vids = core(core_c_tag).map_or(*first..=*last, |vid| vid..=vid);
            for c_vid in c_vids {
                let tags: Vec<_> = s_vid.into_iter().chain((c_vid != 0).then_some(c_vid)).collect();
                if let [s_vid, _] = tags.as_slice() {
                    outer.insert(vec![*s_vid]);
                }
                is_free &= claimed.insert(tags);
            }
        }
    }
    is_free && claimed.is_disjoint(&outer)
}
