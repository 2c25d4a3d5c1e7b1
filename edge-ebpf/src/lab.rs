//! The far ends of the lab: tags for hosts that can't make any, and counts of frames on the wire.
//! It reads frames with code of its own, so that an error in the edge's code can't hide in its
//! counts.
#![no_std]
#![no_main]
#![expect(
    clippy::inline_always,
    clippy::cast_possible_truncation,
    clippy::needless_pass_by_value,
    reason = "as in the port's program"
)]

mod lab_fib;
mod lab_wire;
mod object;

use aya_ebpf::{
    EbpfContext as _,
    bindings::{BPF_NOEXIST, TC_ACT_OK, TC_ACT_SHOT, xdp_action},
    btf_maps::{DevMapHash, HashMap, PerCpuHashMap, ProgramArray},
    helpers::generated::{
        bpf_get_prandom_u32, bpf_redirect, bpf_skb_vlan_pop, bpf_skb_vlan_push,
        bpf_xdp_get_buff_len,
    },
    macros::{btf_map, classifier, xdp},
    programs::{TcContext, XdpContext},
};
use edge_common::abi::lab::{LabTag, RAW_MARK, TagStack, TrunkAccess, WireCount, WireKey};

use lab_wire::{
    ETHERTYPE, IPV4, IPV6, InnerProtocol, MOST_TAGS, SkbBytes, TAG_BYTES, XdpBytes, parse,
};

type Counts = PerCpuHashMap<WireKey, WireCount, 4096>;

/// Destination address (IPv4 as `::ffff:a.b.c.d`) to the tags of frames to it.
#[btf_map]
static TAGS: HashMap<[u8; 16], TagStack, 1024> = HashMap::new();
/// Frames that this end sent.
#[btf_map]
static OFFERED: Counts = Counts::new();
/// Frames that reached this end.
#[btf_map]
static RECEIVED: Counts = Counts::new();
/// Ingress interface to egress interface.
#[btf_map]
static BOUNCE: DevMapHash<16> = DevMapHash::new();
/// Interface of a host behind a trunk to its tags there.
#[btf_map]
static ACCESS: HashMap<u32, TrunkAccess, 4096> = HashMap::new();
/// Tags on a trunk, without priorities, to the interface of the host behind them.
#[btf_map]
static BEHIND: HashMap<TagStack, u32, 4096> = HashMap::new();
/// Programs of two ports.
#[btf_map]
static EITHER: ProgramArray<2> = ProgramArray::new();

/// Egress of a far end: tags and counts. A frame without tags to go by is dropped, so that the
/// stack's own chatter (MLD, ARP, router solicitations) stays off the wire.
#[classifier]
fn push(ctx: TcContext) -> i32 {
    if tag_and_count(&ctx).is_some() { TC_ACT_OK } else { TC_ACT_SHOT }
}

/// Ingress of a far end: removes up to two tags. The stack has moved the outer one to the
/// frame's metadata by now; removing it moves the next one there.
#[classifier]
fn pop(ctx: TcContext) -> i32 {
    for _ in 0..MOST_TAGS {
        if metadata_tag(&ctx).is_none() {
            break;
        }
        // SAFETY: the helper wants the program's own context, and this is that.
        if unsafe { bpf_skb_vlan_pop(ctx.skb.skb) } != 0 {
            return TC_ACT_SHOT;
        }
    }
    TC_ACT_OK
}

/// Ingress of an interface with a host behind it: its frames leave by the trunk, with the host's tags.
#[classifier]
fn to_trunk(ctx: TcContext) -> i32 {
    // SAFETY: the context is valid for as long as the program runs.
    let ingress = unsafe { (*ctx.skb.skb).ifindex };
    // SAFETY: the value is copied at once; a change meanwhile mixes old and new tags at worst.
    let Some(access) = (unsafe { ACCESS.get(ingress) }).copied() else { return TC_ACT_SHOT };
    let TrunkAccess { tags, trunk } = access;
    if push_tag(&ctx, tags.inner).is_none() || push_tag(&ctx, tags.outer).is_none() {
        return TC_ACT_SHOT;
    }
    count_offered(&ctx);
    // SAFETY: the helper takes numbers alone.
    unsafe { bpf_redirect(trunk, 0) as i32 }
}

/// Ingress of a trunk: a frame leaves by the interface of the host behind its tags, without them.
#[classifier]
fn from_trunk(ctx: TcContext) -> i32 {
    let tags = TagStack { outer: take_tag(&ctx), inner: take_tag(&ctx) };
    // SAFETY: the value is copied at once, and is a number.
    match unsafe { BEHIND.get(tags) }.copied() {
        // SAFETY: the helper takes numbers alone.
        Some(interface) => unsafe { bpf_redirect(interface, 0) as i32 },
        None => TC_ACT_SHOT,
    }
}

/// Counts the frames that reach a far end, tags in, before the stack sees them. As an XDP program,
/// it also gives the interface NAPI, without which veth takes no redirected frame.
#[xdp(frags)]
fn count(ctx: XdpContext) -> u32 {
    // SAFETY: the helper wants the program's own context, and this is that.
    let len_bytes = unsafe { bpf_xdp_get_buff_len(ctx.as_ptr().cast()) };
    let (key, _) = parse(&XdpBytes(&ctx), None);
    bump(&RECEIVED, &key, WireCount { frames: 1, bytes: len_bytes });
    xdp_action::XDP_PASS
}

/// A wire in place of the edge: a frame leaves by the interface that the map pairs with its
/// ingress.
#[xdp(frags)]
fn bounce(ctx: XdpContext) -> u32 {
    // SAFETY: the context is valid for as long as the program runs.
    let ingress = unsafe { (*ctx.ctx).ingress_ifindex };
    BOUNCE.redirect(ingress, u64::from(xdp_action::XDP_DROP)).unwrap_or_else(|action| action)
}

/// Has the program of either port take a frame, by chance, so that the frames of a poll leave by two
/// devices.
#[xdp]
fn either(ctx: XdpContext) -> u32 {
    // SAFETY: the helper takes nothing.
    let number = unsafe { bpf_get_prandom_u32() };
    // SAFETY: nothing here is left to drop.
    unsafe { EITHER.tail_call(&ctx, number & 1) };
    xdp_action::XDP_ABORTED
}

fn tag_and_count(ctx: &TcContext) -> Option<()> {
    // SAFETY: the context is valid for as long as the program runs.
    let mark = unsafe { (*ctx.skb.skb).mark };
    if mark != RAW_MARK {
        let destination = destination(ctx)?;
        // SAFETY: the value is copied at once; a change meanwhile mixes old and new tags at worst.
        let tags = *unsafe { TAGS.get(destination) }?;
        // A push adds the tag outside the tags that are there.
        push_tag(ctx, tags.inner)?;
        push_tag(ctx, tags.outer)?;
    }
    count_offered(ctx);
    Some(())
}

fn count_offered(ctx: &TcContext) {
    let outer = metadata_tag(ctx);
    let (key, packet) = parse(&SkbBytes(ctx), outer);
    let in_metadata = if outer.is_some() { TAG_BYTES } else { 0 };
    let count = on_the_wire(ctx, &packet, u64::from(ctx.len()), in_metadata);
    bump(&OFFERED, &key, count);
}

/// Removes the tag that the stack keeps beside the frame, in whose place it puts the next one. Without one, TPID 0.
#[inline(always)]
fn take_tag(ctx: &TcContext) -> LabTag {
    let Some(tci) = metadata_tag(ctx) else { return LabTag { tpid: 0, tci: 0 } };
    // SAFETY: the context is valid for as long as the program runs.
    let tpid = unsafe { (*ctx.skb.skb).vlan_proto };
    // SAFETY: the helper wants the program's own context, and this is that.
    let _refused = unsafe { bpf_skb_vlan_pop(ctx.skb.skb) };
    LabTag { tpid: u16::from_be(tpid as u16), tci: tci & 0x0fff }
}

/// The frame as it will be on the wire. TCP makes large frames even for a device without
/// segmentation offload, and the stack cuts them up after this program.
fn on_the_wire(
    ctx: &TcContext,
    packet: &InnerProtocol,
    len_bytes: u64,
    in_metadata: u64,
) -> WireCount {
    // SAFETY: the context is valid for as long as the program runs.
    let segment_bytes = u64::from(unsafe { (*ctx.skb.skb).gso_size });
    let whole = WireCount { frames: 1, bytes: len_bytes + in_metadata };
    let Some(headers) = header_bytes(ctx, packet) else {
        return whole;
    };
    let payload = len_bytes.saturating_sub(headers);
    if segment_bytes == 0 || payload <= segment_bytes {
        return whole;
    }
    let frames = payload.div_ceil(segment_bytes);
    WireCount { frames, bytes: payload + frames * (headers + in_metadata) }
}

/// Length of the headers that go before each part of a TCP segment, less the tag in metadata.
fn header_bytes(ctx: &TcContext, packet: &InnerProtocol) -> Option<u64> {
    const TCP: u8 = 6;
    let (protocol, ip_bytes): (u8, usize) = match packet.ethertype {
        IPV4 => {
            let [version_and_words]: [u8; 1] = ctx.load(packet.offset).ok()?;
            (ctx.load(packet.offset + 9).ok()?, usize::from(version_and_words & 0xf) * 4)
        }
        IPV6 => (ctx.load(packet.offset + 6).ok()?, 40),
        _ => return None,
    };
    let transport = packet.offset + ip_bytes;
    let words: u8 = ctx.load(transport + 12).ok()?;
    (protocol == TCP).then(|| transport as u64 + u64::from(words >> 4) * 4)
}

fn destination(ctx: &TcContext) -> Option<[u8; 16]> {
    match u16::from_be_bytes(ctx.load(ETHERTYPE).ok()?) {
        IPV4 => {
            let [a, b, c, d]: [u8; 4] = ctx.load(ETHERTYPE + 2 + 16).ok()?;
            Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d])
        }
        IPV6 => ctx.load(ETHERTYPE + 2 + 24).ok(),
        _ => None,
    }
}

fn push_tag(ctx: &TcContext, tag: LabTag) -> Option<()> {
    if tag.tpid == 0 {
        return Some(());
    }
    // SAFETY: the helper wants the program's own context, and this is that.
    let pushed = unsafe { bpf_skb_vlan_push(ctx.skb.skb, tag.tpid.to_be(), tag.tci) };
    (pushed == 0).then_some(())
}

/// The TCI of the tag that the stack keeps beside the frame.
#[inline(always)]
fn metadata_tag(ctx: &TcContext) -> Option<u16> {
    let skb = ctx.skb.skb;
    // SAFETY: the context is valid for as long as the program runs.
    if unsafe { (*skb).vlan_present } == 0 {
        return None;
    }
    // SAFETY: as above.
    let tci = unsafe { (*skb).vlan_tci };
    Some(tci as u16)
}

#[inline(always)]
fn bump(counts: &Counts, key: &WireKey, more: WireCount) {
    let count = counts.get_ptr_mut(key).or_else(|| {
        // Another CPU may have made the entry first, which is as good.
        let _ = counts.insert(key, WireCount::default(), u64::from(BPF_NOEXIST));
        counts.get_ptr_mut(key)
    });
    if let Some(count) = count {
        // SAFETY: this CPU's value, which nothing else writes while the program runs.
        let count = unsafe { &mut *count };
        count.frames += more.frames;
        count.bytes += more.bytes;
    }
}
