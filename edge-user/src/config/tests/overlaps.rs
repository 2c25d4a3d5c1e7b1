//! Overlaps of tags, against a count of every single VID.

use std::{collections::BTreeSet, path::Path};

use proptest::prelude::*;

use super::{Link, Side, parse, source::circuits};

/// S-tags: the primary link's, which both have without another one, the secondary link's, and one towards the core. Then peerings:
/// C-tags and one towards the core.
type Tags = ([Option<u16>; 3], Vec<(u16, u16, Option<u16>)>);

/// A port of the secondary link on either side, beside those of the primary one.
const SECONDARY: &str = "\n[[port]]\nname='p2'\ninterface='eth2'\nside='customer'\nlink='secondary'\n\
                         [[port]]\nname='p3'\ninterface='eth3'\nside='core'\nlink='secondary'\n";

fn tags() -> impl Strategy<Value = Tags> {
    let some = |range| prop::option::weighted(0.6, range);
    let peering = (1..8u16, 0..3u16, prop::option::weighted(0.3, 0..5u16))
        .prop_map(|(first, more, core)| (first, first + more, core.filter(|_| more == 0)));
    let s_tags = (some(1..5u16), prop::option::weighted(0.4, 1..5u16), some(0..5u16));
    // There is none of the secondary link alone.
    let s_tags = s_tags.prop_map(|(own, secondary, core)| [own, own.and(secondary), core]);
    (s_tags, prop::collection::vec(peering, 1..3))
}

proptest! {
    /// The parser refuses exactly those files that claim a VID, a pair of VIDs or the untagged
    /// frames twice.
    #[test]
    fn overlaps_are_those_of_single_vids(all in prop::collection::vec(tags(), 1..4)) {
        let text: Vec<_> = all.iter().map(text).collect();
        let file = circuits(&text.join(" | ")) + SECONDARY;
        let is_accepted = parse(&file, Path::new("f")).is_ok();
        let is_free = [Side::Customer, Side::Core].iter().all(|side| {
            [Link::Primary, Link::Secondary].iter().all(|link| is_free(&all, *side, *link))
        });
        prop_assert_eq!(is_accepted, is_free);
    }
}

fn text((s_tags, peerings): &Tags) -> String {
    let key = |key: &str, vid: Option<u16>| vid.map(|vid| format!("{key}={vid}"));
    let names = ["s_tag", "secondary_s_tag", "core_s_tag"].iter().zip(s_tags);
    let keys: Vec<_> = names.filter_map(|(name, vid)| key(name, *vid)).collect();
    let peerings = peerings.iter().map(|(first, last, core)| {
        let core = key(" / core_c_tag", *core).unwrap_or_default();
        format!(" + c_tag='{first}-{last}'{core}")
    });
    keys.join(" / ") + &peerings.collect::<String>()
}

fn is_free(all: &[Tags], side: Side, link: Link) -> bool {
    let (mut claimed, mut outer) = (BTreeSet::new(), BTreeSet::new());
    let mut is_free = true;
    for ([s_tag, secondary, core_s_tag], peerings) in all {
        let core = |tag: &Option<u16>| tag.filter(|_| side == Side::Core);
        let of_link = secondary.filter(|_| link == Link::Secondary).or(*s_tag);
        let s_vid = core(core_s_tag).or(of_link).filter(|vid| *vid != 0);
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
