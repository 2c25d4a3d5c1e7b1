//! The tags that each peering claims on each port.

use std::collections::{BTreeMap, BTreeSet};

use toml_span::{Span, Spanned};

use super::{
    CTags, CoreTag, Link, Side,
    error::Errors,
    intervals::Intervals,
    keys::Field,
    routed::{RawCoreLink, RawServiceNetwork, RawVnetLink},
    schema::{RawCircuit, RawPeering},
};

/// A port, by what its tags depend on.
#[derive(Clone, Copy)]
pub(super) struct TaggedPort<'a> {
    pub(super) name: &'a str,
    /// `None` where it isn't known.
    pub(super) side: Option<Side>,
    /// As [`Self::side`].
    pub(super) link: Option<Link>,
}

/// Reports every tag that two peerings claim on a port, once for each pair of places.
pub(super) fn check(
    circuits: &[RawCircuit],
    services: Option<&RawServiceNetwork>,
    ports: &[TaggedPort<'_>],
    errors: &Errors<'_>,
) {
    let mut ledger = ClaimedTags::new(errors);
    let is_core =
        |name: &str| ports.iter().any(|port| port.name == name && port.side == Some(Side::Core));
    for (number, raw) in circuits.iter().enumerate() {
        for (link, port) in
            raw.vnet_links.iter().flatten().filter_map(|link| vnet_claim(raw, number, link))
        {
            // A port that isn't there, or is a customer's, is reported elsewhere.
            if is_core(port) {
                ledger.claim(&link, port);
            }
        }
        for TaggedPort { name, side, link } in ports_of(raw, ports) {
            let Some((side, link)) = side.zip(link) else { continue };
            for claim in claims(raw, number, side, link) {
                ledger.claim(&claim, name);
            }
        }
    }
    let of_services = services.and_then(|raw| link_claim(&raw.link, None, usize::MAX));
    if let Some((link, port)) = of_services.filter(|(_, port)| is_core(port)) {
        ledger.claim(&link, port);
    }
}

/// A peering's claim on the ports of one side.
#[derive(Clone, Copy)]
struct TagClaim<'a> {
    /// The S-VID, and its owner.
    s_tag: Option<(u16, TagOwner<'a>)>,
    c_tags: Option<CTags>,
    /// The owner of the whole claim.
    owner: TagOwner<'a>,
}

/// A circuit and the key that a claim of it comes from.
#[derive(Clone, Copy)]
struct TagOwner<'a> {
    /// `None`: it is the service network.
    circuit: Option<&'a str>,
    number: usize,
    /// The key of the tag, or of the peering.
    at: Span,
    /// The circuit's key that sets the tag, where the tag is not the peering's own.
    shared_at: Option<Span>,
}

impl TagOwner<'_> {
    /// The place to name in a clash with `other`. Within one circuit, the shared key would be no
    /// help.
    fn place(&self, other: &Self) -> Span {
        let shared_at = self.shared_at.filter(|_| self.number != other.number);
        shared_at.unwrap_or(self.at)
    }
}

/// The known claims of a circuit's peerings on ports of `link` on `side`.
fn claims(raw: &RawCircuit, number: usize, side: Side, link: Link) -> Vec<TagClaim<'_>> {
    let s_tag = match s_tag(raw, side, link) {
        Field::Bad => return Vec::new(),
        Field::Absent => None,
        Field::Given(tag) => Some(tag),
    };
    let circuit = Some(raw.name.given().map_or("", |name| &*name.value));
    let owner = |at, shared_at| TagOwner { circuit, number, at, shared_at };
    let core_s_tag_at = on_core(&raw.core_s_tag, side).given().map(|tag| tag.span);
    let claim = |peering: &RawPeering| {
        let own = peering.c_tags.given()?;
        let core_c_tag = on_core(&peering.core_c_tag, side);
        let at = core_c_tag.given().map_or(own.span, |tag| tag.span);
        let (c_tags, shared_at) = match core_c_tag.value_or(CoreTag::Same)? {
            CoreTag::Same => (Some(own.value), core_s_tag_at),
            CoreTag::Vid(vid) => (Some(CTags::one(vid)), None),
            CoreTag::None => (None, core_s_tag_at.filter(|_| s_tag.is_some())),
        };
        let s_tag = s_tag.as_ref().map(|tag| (tag.value, owner(tag.span, None)));
        Some(TagClaim { s_tag, c_tags, owner: owner(at, shared_at) })
    };
    // Frames of a routed peering come from the core with the tags of VNet links.
    let peerings = raw.peerings.iter().flatten();
    let here = peerings.filter(|own| side == Side::Customer || !own.routed.is_routed());
    here.filter_map(claim).collect()
}

/// The known claim of a VNet link, and its port.
fn vnet_claim<'a>(
    raw: &'a RawCircuit,
    number: usize,
    link: &'a RawVnetLink,
) -> Option<(TagClaim<'a>, &'a str)> {
    let circuit = raw.name.given().map_or("", |name| &*name.value);
    link_claim(&link.link, Some(circuit), number)
}

/// The known claim of a link, and its port.
fn link_claim<'a>(
    link: &'a RawCoreLink,
    circuit: Option<&'a str>,
    number: usize,
) -> Option<(TagClaim<'a>, &'a str)> {
    let port = link.port.given()?;
    let owner = |at| TagOwner { circuit, number, at, shared_at: None };
    let (s_tag, c_tag) = (link.s_tag.optional(), link.c_tag.optional());
    // Tags that are wrong are not known.
    let s_vid = s_tag.value_or(None)?;
    let c_vid = c_tag.value_or(None)?;
    let s_at = link.s_tag.given().map(|tag| tag.span);
    let at = link.c_tag.given().map(|tag| tag.span).or(s_at)?;
    let s_tag = s_vid.zip(s_at).map(|(vid, at)| (vid, owner(at)));
    let claim = TagClaim { s_tag, c_tags: c_vid.map(CTags::one), owner: owner(at) };
    Some((claim, &port.value))
}

/// A circuit's S-tag on ports of `link` on `side`, with the place that it comes from.
pub(super) fn s_tag(raw: &RawCircuit, side: Side, link: Link) -> Field<u16> {
    let own = match (link, &raw.secondary_s_tag) {
        (Link::Primary, _) | (Link::Secondary, Field::Absent) => &raw.s_tag,
        (Link::Secondary, secondary) => secondary,
    };
    let same = || own.and_then(|tag| Some(tag.value));
    match on_core(&raw.core_s_tag, side) {
        Field::Bad => Field::Bad,
        Field::Absent => same(),
        Field::Given(tag) => match tag.value {
            CoreTag::Same => same(),
            CoreTag::None => Field::Absent,
            CoreTag::Vid(vid) => Field::Given(Spanned::with_span(vid, tag.span)),
        },
    }
}

/// A key for the core as it holds on `side`: absent on the customer side.
fn on_core<T>(key: &Field<T>, side: Side) -> &Field<T> {
    match side {
        Side::Customer => &Field::Absent,
        Side::Core => key,
    }
}

/// The ports that a circuit is on, each once. Those that aren't there are reported elsewhere.
pub(super) fn ports_of<'a>(raw: &RawCircuit, ports: &[TaggedPort<'a>]) -> Vec<TaggedPort<'a>> {
    let listed: BTreeSet<_> = match &raw.ports {
        Field::Absent => return ports.to_vec(),
        Field::Bad => return Vec::new(),
        Field::Given(listed) => listed.value.iter().map(|port| port.value.as_str()).collect(),
    };
    ports.iter().filter(|port| listed.contains(port.name)).copied().collect()
}

/// The first claims to tags, by port.
struct ClaimedTags<'a> {
    /// Owners of VIDs by port: with an S-VID, those of the tag behind it; without one, those of a
    /// frame's only tag.
    vids: BTreeMap<(&'a str, Option<u16>), Intervals<TagOwner<'a>>>,
    /// S-VIDs of frames with two tags, by port. Several circuits can use one.
    s_vids: BTreeMap<(&'a str, u16), TagOwner<'a>>,
    /// Frames without a tag, by port.
    untagged: BTreeMap<&'a str, TagOwner<'a>>,
    /// Pairs of places that are reported: they are the same on every port.
    reported: BTreeSet<(usize, usize)>,
    errors: &'a Errors<'a>,
}

impl<'a> ClaimedTags<'a> {
    fn new(errors: &'a Errors<'a>) -> Self {
        Self {
            vids: BTreeMap::new(),
            s_vids: BTreeMap::new(),
            untagged: BTreeMap::new(),
            reported: BTreeSet::new(),
            errors,
        }
    }

    fn claim(&mut self, claim: &TagClaim<'a>, port: &'a str) {
        let owner = claim.owner;
        match (claim.s_tag, claim.c_tags) {
            (Some((s_vid, s_owner)), Some(c_tags)) => {
                self.claim_s_vid(port, s_vid, s_owner);
                for (taken, first) in self.claim_vids(port, Some(s_vid), c_tags, owner) {
                    let tags = shown("C-tag", taken);
                    let what =
                        format!("S-tag {s_vid} with {tags} taken on port {port:?}; choose another");
                    self.report(owner, &what, first);
                }
            }
            (Some((s_vid, _)), None) => self.claim_alone(port, "S-tag", CTags::one(s_vid), owner),
            (None, Some(c_tags)) => self.claim_alone(port, "C-tag", c_tags, owner),
            (None, None) => {
                let first = *self.untagged.entry(port).or_insert(owner);
                if first.at != owner.at {
                    let what = format!(
                        "the untagged frames of port {port:?} are taken; leave one peering a tag"
                    );
                    self.report(owner, &what, first);
                }
            }
        }
    }

    /// Claims the outer of two tags.
    fn claim_s_vid(&mut self, port: &'a str, s_vid: u16, owner: TagOwner<'a>) {
        let alone = self.vids.entry((port, None)).or_default().overlaps(CTags::one(s_vid));
        for (_, first) in alone {
            let what = format!(
                "S-tag {s_vid} is the only tag of other frames on port {port:?}; choose another"
            );
            self.report(owner, &what, first);
        }
        self.s_vids.entry((port, s_vid)).or_insert(owner);
    }

    /// Claims tags that are the only one of their frames.
    fn claim_alone(&mut self, port: &'a str, tag: &str, vids: CTags, owner: TagOwner<'a>) {
        let outer = self.s_vids.range((port, vids.first)..=(port, vids.last));
        let outer: Vec<_> = outer.map(|((_, vid), first)| (*vid, *first)).collect();
        for (vid, first) in outer {
            let what = format!(
                "{tag} {vid}, alone, is the S-tag of other frames on port {port:?}; choose another"
            );
            self.report(owner, &what, first);
        }
        for (taken, first) in self.claim_vids(port, None, vids, owner) {
            let what = format!("{} taken on port {port:?}; choose another", shown(tag, taken));
            self.report(owner, &what, first);
        }
    }

    fn claim_vids(
        &mut self,
        port: &'a str,
        s_vid: Option<u16>,
        vids: CTags,
        owner: TagOwner<'a>,
    ) -> Vec<(CTags, TagOwner<'a>)> {
        self.vids.entry((port, s_vid)).or_default().claim(vids, owner)
    }

    fn report(&mut self, owner: TagOwner<'a>, what: &str, first: TagOwner<'a>) {
        let (at, first_at) = (owner.place(&first), first.place(&owner));
        if self.reported.insert((at.start, first_at.start)) {
            let name = |name: &str| format!("circuit {name:?}");
            let owner = first.circuit.map_or_else(|| "[service_network]".to_owned(), name);
            self.errors.add_claimed(at, what, first_at, &owner);
        }
    }
}

/// "C-tag 10 is" or "C-tags 100-199 are".
fn shown(tag: &str, vids: CTags) -> String {
    let CTags { first, last } = vids;
    if vids.is_one() { format!("{tag} {first} is") } else { format!("{tag}s {first}-{last} are") }
}
