//! What the kernel makes of the programs: instructions verified, and size. The figures are
//! changed on purpose only, in `verifier-budget.json`: what compilers that build it have in common.

use edge_tests::fixture::{CONFIG, Fixture};
use edge_user::{
    dataplane::{
        PortProgram,
        program::{FRAGS_PROGRAM, PROGRAM, program},
    },
    lab::root_or_skip,
    plan::Police,
};

/// A port whose circuits use nothing that the path has code for only then.
const PLAIN: &str = r#"
[edge]
name = "plain"
[[port]]
name = "customer0"
interface = "customer0"
side = "customer"
forward = "core0"
[[port]]
name = "core0"
interface = "core0"
side = "core"
[[circuit]]
name = "contoso"
bandwidth = "1 Gbps"
s_tag = 100
  [[circuit.peering]]
  kind = "microsoft"
  c_tag = 10
"#;
/// How much the compiler may vary before someone should look.
const TOLERANCE_PERCENT: u64 = 5;

#[test]
fn the_programs_are_within_their_budgets() {
    if !root_or_skip("the_programs_are_within_their_budgets") {
        return;
    }
    let budgets: serde_json::Value =
        serde_json::from_str(include_str!("verifier-budget.json")).expect("JSON");
    for (config, uses) in [(PLAIN, ""), (CONFIG, " with everything")] {
        let fixture = Fixture::of(config, Police::Purchased);
        let port = fixture.plan.port("customer0").expect("a port");
        let mut ebpf = PortProgram::load_for_bench(port, &fixture.capacity).expect("it loads");
        for name in [PROGRAM, FRAGS_PROGRAM] {
            let info = program(&mut ebpf, name).expect("the program").info().expect("its info");
            let found = [
                ("verified_instructions", info.verified_instruction_count().map(u64::from)),
                ("translated_bytes", info.size_translated().map(u64::from)),
            ];
            for (figure, found) in found {
                let name = format!("{name}{uses}");
                within(&name, figure, found.expect("the kernel tells"), &budgets[&name][figure]);
            }
        }
    }
}

fn within(program: &str, figure: &str, found: u64, budget: &serde_json::Value) {
    let budget = budget.as_u64().expect("a number");
    println!("{program}: {figure} {found}, budget {budget}");
    assert!(
        found * 100 <= budget * (100 + TOLERANCE_PERCENT),
        "{program}: {figure} went from {budget} to {found}; if that is worth it, say so in \
         tests/tests/verifier-budget.json",
    );
    assert!(
        found * (100 + TOLERANCE_PERCENT) >= budget * 100,
        "{program}: {figure} went from {budget} down to {found}: lower \
         tests/tests/verifier-budget.json",
    );
}
