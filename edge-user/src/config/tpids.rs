//! Checks of the TPIDs that a circuit's tags leave with: the tag exists, and other equipment takes
//! such a TPID for a tag.

use edge_common::packet::vlan::{TPID_C_TAG, TPID_S_TAG};

use super::{
    CoreTag, Link, Side,
    error::Errors,
    keys::Field,
    schema::{RawCircuit, RawPeering},
    tags,
};

/// Reports TPIDs of tags that don't exist, and those that an inner tag can't have. Both links have the same tags but for an
/// S-tag's VID.
pub(super) fn check(raw: &RawCircuit, errors: &Errors<'_>) {
    let lacks_s_tag = |side| matches!(tags::s_tag(raw, side, Link::Primary), Field::Absent);
    if let Some(tpid) = raw.s_tpid.given().filter(|_| lacks_s_tag(Side::Customer)) {
        let message = "`s_tpid` is for an S-tag towards the customer, and there is none; \
                       give an `s_tag`, or remove it";
        errors.add(tpid.span, message.into());
    }
    if let Some(tpid) = raw.core_s_tpid.given().filter(|_| lacks_s_tag(Side::Core)) {
        let message = "`core_s_tpid` is for an S-tag towards the core, and there is none; \
                       give a `core_s_tag` from 1 to 4094, or remove it";
        errors.add(tpid.span, message.into());
    }
    for peering in raw.peerings.iter().flatten() {
        check_peering(raw, peering, errors);
    }
}

fn check_peering(circuit: &RawCircuit, raw: &RawPeering, errors: &Errors<'_>) {
    check_inner(
        "c_tpid",
        &raw.c_tpid,
        &tags::s_tag(circuit, Side::Customer, Link::Primary),
        errors,
    );
    // A routed peering has no tag towards the core, and keys for one are reported elsewhere.
    if raw.routed.is_routed() {
        return;
    }
    let is_popped = raw.core_c_tag.given().is_some_and(|tag| tag.value == CoreTag::None);
    if !is_popped {
        check_inner(
            "core_c_tpid",
            &raw.core_c_tpid,
            &tags::s_tag(circuit, Side::Core, Link::Primary),
            errors,
        );
    } else if let Some(tpid) = raw.core_c_tpid.given() {
        let message = "`core_c_tpid` is for a C-tag towards the core, and there is none; \
                       give another `core_c_tag`, or remove it";
        errors.add(tpid.span, message.into());
    }
}

/// Checks a C-tag's TPID: behind an S-tag, only two values are taken for a tag.
fn check_inner(key: &str, tpid: &Field<u16>, s_tag: &Field<u16>, errors: &Errors<'_>) {
    let is_unknown = |tpid: u16| ![TPID_C_TAG, TPID_S_TAG].contains(&tpid);
    if let Some(tpid) = tpid.given().filter(|tpid| is_unknown(tpid.value))
        && s_tag.given().is_some()
    {
        let message = format!(
            "`{key}` is {:#06x}, which nobody takes for a tag behind an S-tag; give \"0x8100\" or \
             \"0x88a8\"",
            tpid.value
        );
        errors.add(tpid.span, message);
    }
}
