//! The verifier's work on the programs: the instructions that it reads, and their translated size.
//! The figures differ by kernel, and `verifier-budget.json` changes on purpose only.

use aya::Ebpf;
use edge_common::{abi::port::Features, reason::UnmatchedPolicy};
use edge_tests::{
    fixture::{CONFIG, Fixture},
    guest::is_emulated,
};
use edge_user::{
    config::{
        XdpMode,
        sample::{Sample, SampleCircuit, SamplePort},
    },
    kernel::{
        PortProgram,
        object::{
            program::program,
            variant::{several_buffers, single_buffer},
        },
    },
    lab::root_or_skip,
    plan::{Police, PortPlan},
};

/// The most that the compiler may change a figure before someone should look.
const TOLERANCE_PERCENT: u64 = 5;
/// The verifier gives up after so many instructions (`BPF_COMPLEXITY_LIMIT_INSNS`).
const LIMIT: u64 = 1_000_000;
/// With this set to 1, all combinations of features are loaded on emulated machines, too, and not
/// only each by itself.
const ALL_FEATURES: &str = "EDGE_ALL_FEATURES";
/// The other figures of a budget's entry.
const FIGURES: [&str; 2] = ["verified_instructions", "translated_bytes"];

/// A port whose circuits use nothing that the path has code for only then.
fn plain() -> Sample {
    Sample::new("plain")
        .port(SamplePort::new("customer0", "customer").forward("core0"))
        .port(SamplePort::new("core0", "core"))
        .circuit(SampleCircuit::new("contoso", "1 Gbps").s_tag(100).peering("microsoft", 10))
}

#[test]
fn the_programs_are_within_their_budgets() {
    if !root_or_skip("the_programs_are_within_their_budgets") {
        return;
    }
    let budgets: serde_json::Value =
        serde_json::from_str(include_str!("verifier-budget.json")).expect("JSON");
    let mut all = Vec::new();
    for (config, uses) in [(&*plain().to_string(), ""), (CONFIG, " with everything")] {
        let fixture = Fixture::of(config, Police::Purchased);
        let port = fixture.plan.port("customer0").expect("a port");
        let mut loaded = load(port, &fixture);
        if loads_routed() {
            let features = port.features.with(Features::ROUTED);
            loaded.extend(load(&PortPlan { features, ..port.clone() }, &fixture));
        }
        for (program, found) in loaded {
            let name = format!("{program}{uses}");
            println!("@@ verified {name}|{}|{}", found[0], found[1]);
            all.push((name, found));
        }
    }
    let budget = budget_of_this_kernel(&budgets);
    for (name, found) in all {
        assert!(found[0] <= LIMIT / 2, "{name}: too near to the verifier's limit");
        let Some(budget) = budget else { continue };
        for (figure, found) in FIGURES.into_iter().zip(found) {
            within(&name, figure, found, &budget[&name][figure]);
        }
    }
}

/// A port has the code of what its circuits use, and each such program has to load.
#[test]
fn every_combination_of_features_loads() {
    if !root_or_skip("every_combination_of_features_loads") {
        return;
    }
    let fixture = Fixture::of(CONFIG, Police::Purchased);
    let port = fixture.plan.port("customer0").expect("a port");
    let is_all = is_long();
    let mut most = [0; 2];
    for features in 0..=Features::ALL.to_bits() {
        let is_routed = Features::from_bits(features).has(Features::ROUTED);
        if !is_all && features.count_ones() > 1 || is_routed && !loads_routed() {
            continue;
        }
        let port = PortPlan { features: Features::from_bits(features), ..port.clone() };
        let mut kinds = vec![port.clone()];
        // Other differences between ports are in few places, and in the same ones for each.
        if is_all && (features == 0 || features == Features::ALL.to_bits()) {
            kinds.push(PortPlan { unmatched: UnmatchedPolicy::Pass, ..port.clone() });
            kinds.push(PortPlan { egress: None, ..port.clone() });
            kinds.push(PortPlan { xdp_mode: XdpMode::Generic, ..port.clone() });
        }
        for port in kinds {
            for (program, found) in load(&port, &fixture) {
                assert!(found[0] <= LIMIT / 2, "{program} of {port:?}: {found:?}");
                most = most.max(found);
            }
            let replay = PortProgram::load_for_replay(&port, &fixture.capacity);
            let (_, refused) = replay.unwrap_or_else(|e| panic!("a replay of {port:?}: {e:#}"));
            assert!(refused.is_none(), "{refused:?}");
        }
    }
    println!("@@ verified #largest|{}|{}", most[0], most[1]);
}

/// Ports run these while somebody traces.
#[test]
fn the_programs_with_a_trace_load() {
    if !root_or_skip("the_programs_with_a_trace_load") {
        return;
    }
    let fixture = Fixture::of(CONFIG, Police::Purchased);
    let port = fixture.plan.port("customer0").expect("a port");
    let all = if loads_routed() { Features::ALL } else { port.features };
    for features in [Features::NONE, all] {
        let port = PortPlan { features, ..port.clone() };
        let ebpf = PortProgram::load_traced_for_bench(&port, &fixture.capacity);
        let mut ebpf = ebpf.unwrap_or_else(|error| panic!("{port:?}: {error:#}"));
        for (program, found) in figures(&mut ebpf, features) {
            println!("{program} with a trace: {found:?}");
            assert!(found[0] <= LIMIT / 2, "{program} of {port:?}: {found:?}");
        }
    }
}

fn is_long() -> bool {
    !is_emulated() || std::env::var_os(ALL_FEATURES).is_some_and(|value| value == "1")
}

/// Whether there is time for the programs of routed ports, of which an emulated machine's verifier takes minutes.
fn loads_routed() -> bool {
    if !is_long() {
        println!(
            "SKIPPED: programs of routed ports, on an emulated machine ({ALL_FEATURES}=1 loads them)"
        );
    }
    is_long()
}

/// Loads both programs of a port, and the router's, and returns the verifier's [`FIGURES`] for them.
fn load(port: &PortPlan, fixture: &Fixture) -> Vec<(&'static str, [u64; 2])> {
    let mut ebpf = PortProgram::load_for_bench(port, &fixture.capacity).expect("it loads");
    figures(&mut ebpf, port.features)
}

fn figures(ebpf: &mut Ebpf, features: Features) -> Vec<(&'static str, [u64; 2])> {
    let figures = |name| {
        let info = program(ebpf, name).expect("the program").info().expect("its info");
        let instructions = info.verified_instruction_count().expect("Linux 5.16 tells");
        let translated = info.size_translated().expect("the kernel tells");
        (name, [instructions.into(), translated.into()])
    };
    [single_buffer(features), several_buffers(features)].into_iter().map(figures).collect()
}

/// The budget of the kernel's release or of its series; `None`: it was never measured.
fn budget_of_this_kernel(budgets: &serde_json::Value) -> Option<&serde_json::Value> {
    let uname = nix::sys::utsname::uname().expect("uname");
    let (release, machine) = (uname.release().to_string_lossy(), uname.machine().to_string_lossy());
    let version = release.split(['-', '+']).next().unwrap_or_default();
    let series = version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    let keys = [format!("{version} {machine}"), format!("{series} {machine}")];
    let budget = keys.iter().find_map(|key| budgets.get(key));
    if budget.is_none() {
        println!("SKIPPED: the budget: there is none for {}", keys.join(" or "));
    }
    budget
}

fn within(program: &str, figure: &str, found: u64, budget: &serde_json::Value) {
    let budget = budget.as_u64().expect("a number");
    assert!(
        found * 100 <= budget * (100 + TOLERANCE_PERCENT),
        "{program}: {figure} went from {budget} to {found}; if that is worth it, say so in \
         tests/tests/kernel/verifier-budget.json",
    );
    assert!(
        found * (100 + TOLERANCE_PERCENT) >= budget * 100,
        "{program}: {figure} went from {budget} down to {found}: lower \
         tests/tests/kernel/verifier-budget.json",
    );
}
