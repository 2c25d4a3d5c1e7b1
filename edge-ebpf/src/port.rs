//! The port's constants. They are in `.rodata`, which the loader fills before the verifier reads
//! it, so that the port's program is without branches that the port can't take.

use aya_ebpf::Global;
use edge_common::{
    abi::{
        self,
        port::{Features, PortConfig},
    },
    env::Way,
    reason::UnmatchedPolicy,
};

/// Index of the port in `S_TABLES`, `PORT_COUNTERS` and `TX_PORTS`.
#[unsafe(no_mangle)]
static PORT: Global<u32> = Global::new(0);
/// Index in `TX_PORTS` of the port to forward to, or [`abi::EGRESS_STACK`].
#[unsafe(no_mangle)]
static EGRESS: Global<u32> = Global::new(abi::EGRESS_STACK);
/// Four accepted outer TPIDs, 16 bits each.
#[unsafe(no_mangle)]
static TPIDS: Global<u64> = Global::new(0);
/// 1: frames that belong to no circuit go to the stack; 0: they are dropped.
#[unsafe(no_mangle)]
static PASS_UNMATCHED: Global<u32> = Global::new(0);
/// [`Features`] that the port's circuits use.
#[unsafe(no_mangle)]
static FEATURES: Global<u32> = Global::new(0);
/// Index in `TX_PORTS` of the router's device.
#[unsafe(no_mangle)]
static ROUTER: Global<u32> = Global::new(abi::EGRESS_STACK);
/// 1: the program runs in the stack (generic XDP), where each frame is handed over by itself.
#[unsafe(no_mangle)]
static ONE_BY_ONE: Global<u32> = Global::new(0);
/// Ids of the two device maps, 32 bits each.
#[unsafe(no_mangle)]
static TX_MAP_IDS: Global<u64> = Global::new(0);
/// Offset of `ifindex` in the kernel's `struct net_device`, in bytes.
#[unsafe(no_mangle)]
static IFINDEX_OFFSET: Global<u32> = Global::new(0);
/// 1: a test run, which sets the time itself and reads the outcome.
#[unsafe(no_mangle)]
static REPLAY: Global<u32> = Global::new(0);

#[inline(always)]
pub(crate) fn index() -> u32 {
    PORT.load()
}

#[inline(always)]
pub(crate) fn egress() -> u32 {
    EGRESS.load()
}

#[inline(always)]
pub(crate) fn forwards_to_stack() -> bool {
    egress() == abi::EGRESS_STACK
}

/// Whether a frame that takes this way goes to the stack.
#[inline(always)]
pub(crate) fn is_stack(way: Way) -> bool {
    way == Way::Onwards && forwards_to_stack()
}

/// Index in `TX_PORTS` of the device that a frame leaves by.
#[inline(always)]
pub(crate) fn tx_port(way: Way) -> u32 {
    match way {
        Way::Onwards => egress(),
        Way::Port(index) => index,
        Way::Back => index(),
        Way::Router => ROUTER.load(),
    }
}

#[inline(always)]
pub(crate) fn hands_over_one_by_one() -> bool {
    ONE_BY_ONE.load() != 0
}

#[inline(always)]
pub(crate) fn is_tx_map(id: u32) -> bool {
    let ids = TX_MAP_IDS.load();
    id == ids as u32 || id == (ids >> 32) as u32
}

#[inline(always)]
pub(crate) fn ifindex_offset() -> u32 {
    IFINDEX_OFFSET.load()
}

#[inline(always)]
pub(crate) fn is_replay() -> bool {
    REPLAY.load() != 0
}

#[inline(always)]
pub(crate) fn config() -> PortConfig {
    let tpids = TPIDS.load();
    PortConfig {
        tpids: [tpids as u16, (tpids >> 16) as u16, (tpids >> 32) as u16, (tpids >> 48) as u16],
        unmatched: if PASS_UNMATCHED.load() != 0 {
            UnmatchedPolicy::Pass
        } else {
            UnmatchedPolicy::Drop
        },
        features: Features::from_bits(FEATURES.load()),
    }
}
