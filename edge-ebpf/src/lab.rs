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

use aya_ebpf::{
    EbpfContext as _,
    bindings::{BPF_NOEXIST, TC_ACT_OK, TC_ACT_SHOT, xdp_action},
    btf_maps::{DevMapHash, HashMap, PerCpuHashMap, ProgramArray},
    helpers::generated::{
        bpf_get_prandom_u32, bpf_skb_vlan_pop, bpf_skb_vlan_push, bpf_xdp_get_buff_len,
    },
    macros::{btf_map, classifier, xdp},
    programs::{TcContext, XdpContext},
};
use edge_common::abi::lab::{LabTag, NOT_IP, RAW_MARK, TagStack, WireCount, WireKey};

const ETHERTYPE: usize = 12;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TAG_BYTES: u64 = 4;
const MOST_TAGS: usize = 2;

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
    let outer = metadata_tag(ctx);
    let (key, packet) = parse(&SkbBytes(ctx), outer);
    let in_metadata = if outer.is_some() { TAG_BYTES } else { 0 };
    let count = on_the_wire(ctx, &packet, u64::from(ctx.len()), in_metadata);
    bump(&OFFERED, &key, count);
    Some(())
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

/// The big-endian half words of a frame.
trait HalfWords {
    /// The half word at `offset`, or [`BEYOND`] where the frame ends before. This is not an
    /// `Option`: the compiler would read the value of a `None` before it looks whether there is
    /// one, and older verifiers refuse to read a register that was never written.
    fn at(&self, offset: usize) -> u32;
}

/// No half word.
const BEYOND: u32 = u32::MAX;

struct SkbBytes<'a>(&'a TcContext);

impl HalfWords for SkbBytes<'_> {
    #[inline(always)]
    fn at(&self, offset: usize) -> u32 {
        self.0.load(offset).map_or(BEYOND, |bytes| u16::from_be_bytes(bytes).into())
    }
}

struct XdpBytes<'a>(&'a XdpContext);

impl HalfWords for XdpBytes<'_> {
    #[inline(always)]
    fn at(&self, offset: usize) -> u32 {
        let start = self.0.data() + offset;
        if start + 2 > self.0.data_end() {
            return BEYOND;
        }
        // SAFETY: the bytes end at or before `data_end`; a byte array has no alignment.
        u16::from_be_bytes(unsafe { (start as *const [u8; 2]).read() }).into()
    }
}

/// The protocol under a frame's tags.
struct InnerProtocol {
    ethertype: u16,
    offset: usize,
}

#[inline(always)]
fn parse(frame: &impl HalfWords, metadata: Option<u16>) -> (WireKey, InnerProtocol) {
    let mut key = WireKey { traffic_class: NOT_IP, ..WireKey::default() };
    let mut tags = 0;
    let mut offset = ETHERTYPE;
    if let Some(tci) = metadata {
        key.c_vid = tci & 0x0fff;
        tags = 1;
    }
    for _ in 0..MOST_TAGS {
        if tags == MOST_TAGS || !matches!(frame.at(offset), 0x8100 | 0x88a8 | 0x9100) {
            break;
        }
        let tci = frame.at(offset + 2);
        if tci == BEYOND {
            break;
        }
        (key.s_vid, key.c_vid) = (key.c_vid, tci as u16 & 0x0fff);
        tags += 1;
        offset += TAG_BYTES as usize;
    }
    let packet = InnerProtocol { ethertype: frame.at(offset) as u16, offset: offset + 2 };
    key.traffic_class = match (packet.ethertype, frame.at(packet.offset)) {
        (_, BEYOND) => NOT_IP,
        (IPV4, first) => first as u16 & 0xff,
        (IPV6, first) => (first as u16 >> 4) & 0xff,
        _ => NOT_IP,
    };
    (key, packet)
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

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // No reachable panic: the verifier refuses the object if it gets one.
    loop {}
}

/// Helpers that are open to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
