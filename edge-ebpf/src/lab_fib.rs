//! Look-ups in forwarding tables, many in a run: a test run repeats one frame, which would have each look-up find its
//! lines in the processor's first cache.

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::Array,
    macros::{btf_map, xdp},
    programs::XdpContext,
};
use edge_common::{
    abi::{
        fib::{FibLine, RouteValue, Tree},
        lab::{LOOK_UPS, RandomLookUps},
    },
    fib::{self, Lines},
};

/// The lines of [`TREES`].
#[btf_map]
static LINES: Array<FibLine, 1> = Array::new();
/// Trees by their tables' numbers.
#[btf_map]
static TREES: Array<Tree, 1> = Array::new();
/// The tables of look-ups.
#[btf_map]
static RANDOM: Array<RandomLookUps, 1> = Array::new();

struct LookUpTables;

impl Lines for LookUpTables {
    #[inline(always)]
    fn line(&self, index: u32) -> Option<&FibLine> {
        LINES.get(index)
    }

    #[inline(always)]
    fn tree(&self, index: u32) -> Option<&Tree> {
        TREES.get(index)
    }
}

/// Looks up [`LOOK_UPS`] addresses, each in any of the tables.
#[xdp]
fn find_at_random(_ctx: XdpContext) -> u32 {
    at_random(|tree, address| find(tree, address))
}

/// Does all that [`find_at_random`] does but the look-ups.
#[xdp]
fn find_nothing(_ctx: XdpContext) -> u32 {
    at_random(|tree, address| tree ^ address)
}

#[inline(always)]
fn at_random(found: impl Fn(u32, u32) -> u32) -> u32 {
    let Some(random) = RANDOM.get_ptr_mut(0) else { return xdp_action::XDP_ABORTED };
    // SAFETY: a live, aligned map value, of which no other reference is around: one program runs at a time.
    let random = unsafe { &mut *random };
    // A copy, of which the compiler has the state in a register.
    let mut own = *random;
    for _ in 0..LOOK_UPS {
        let (tree, address) = own.draw();
        own.found(found(tree, address));
    }
    *random = own;
    xdp_action::XDP_DROP
}

/// The value of an address, as [`fib::find`] has it; 0: there is no such tree.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn find(tree: u32, address: u32) -> u32 {
    let value = TREES.get(tree).and_then(|tree| fib::find(&LookUpTables, tree, address));
    value.map_or(0, RouteValue::to_bits)
}
