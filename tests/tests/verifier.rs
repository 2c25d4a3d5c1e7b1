//! What the kernel makes of the program: instructions verified, and size. The figures are
//! changed on purpose only, in `verifier-budget.json`.

use edge_tests::fixture::Fixture;
use edge_user::{
    dataplane::{
        PortProgram,
        program::{PROGRAM, program},
    },
    lab::root_or_skip,
};

/// How much the compiler may vary before someone should look.
const TOLERANCE_PERCENT: u64 = 5;

#[test]
fn the_program_is_within_its_budget() {
    if !root_or_skip("the_program_is_within_its_budget") {
        return;
    }
    let budget: serde_json::Value =
        serde_json::from_str(include_str!("verifier-budget.json")).expect("JSON");
    let fixture = Fixture::new("drop");
    let port = fixture.plan.port("customer0").expect("a port");
    let mut ebpf = PortProgram::load_for_bench(port, &fixture.capacity).expect("it loads");
    let info = program(&mut ebpf, PROGRAM).expect("the program").info().expect("its info");
    let found = [
        ("verified_instructions", info.verified_instruction_count().map(u64::from)),
        ("translated_bytes", info.size_translated().map(u64::from)),
    ];
    for (name, found) in found {
        let found = found.expect("the kernel tells");
        let budget = budget[name].as_u64().expect("a number");
        println!("{name}: {found}, budget {budget}");
        assert!(
            found * 100 <= budget * (100 + TOLERANCE_PERCENT),
            "{name} went from {budget} to {found}; if that is worth it, say so in \
             tests/tests/verifier-budget.json",
        );
        assert!(
            found * (100 + TOLERANCE_PERCENT) >= budget * 100,
            "{name} went from {budget} down to {found}: lower tests/tests/verifier-budget.json",
        );
    }
}
