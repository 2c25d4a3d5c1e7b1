//! Ports that a circuit's frames leave by.

use std::path::Path;

use super::{check, parse};

/// Two customer ports, a core port and a spare one, each with what it forwards to, and circuits
/// with what the file says of each.
fn hub(forwards: [&str; 4], circuits: &[&str]) -> String {
    let ports = [("custA", "customer"), ("custB", "customer"), ("core", "core"), ("core2", "core")];
    let ports = ports.iter().zip(forwards).map(|((name, side), forward)| {
        format!(
            "[[port]]\nname='{name}'\ninterface='{name}'\nside='{side}'\n\
             forward='{forward}' #{name}\n"
        )
    });
    let circuits = (1..).zip(circuits).map(|(number, circuit)| {
        format!(
            "[[circuit]]\nname='c{number}'\nbandwidth=1000000\ns_tag={number}00\n{circuit}\n\
             [[circuit.peering]]\nkind='private'\nc_tag=10\n"
        )
    });
    std::iter::once("[edge]\nname='e'\n".to_owned()).chain(ports).chain(circuits).collect()
}

fn line(source: &str, text: &str) -> usize {
    source.lines().position(|line| line == text).expect("the line") + 1
}

/// All frames of the core port leave by `custA`.
const HUB: [&str; 4] = ["core", "core", "custA", "stack"];

#[test]
fn a_circuit_is_on_the_port_that_its_frames_leave_by() {
    for (forwards, ports, egress, forward_of) in [
        (HUB, "['custB', 'core']", "custA", "core"),
        // The other way, and on one side.
        (HUB, "['custA']", "core", "custA"),
        (["custB", "core", "core2", "stack"], "['custA', 'core']", "custB", "custA"),
        (["stack", "stack", "core2", "custA"], "['core', 'custA']", "core2", "core"),
    ] {
        let line_of_ports = format!("ports={ports}");
        let source = hub(forwards, &["ports=['custA', 'custB', 'core', 'core2']", &line_of_ports]);
        let place = format!("leave by port \"{egress}\" (`forward` at f:");
        let at = line(&source, &line_of_ports);
        let found = parse(&source, Path::new("f")).expect_err("its frames are lost");
        assert!(found.errors().iter().all(|error| error.position.is_some_and(|p| p.line == at)));
        let text = found.to_string();
        assert!(text.contains(&place) && text.contains("circuit \"c2\" is on port"), "{text}");
        let forward = forwards[["custA", "custB", "core", "core2"]
            .iter()
            .position(|p| *p == forward_of)
            .expect("a port")];
        let forward_line = line(&source, &format!("forward='{forward}' #{forward_of}"));
        assert!(text.contains(&format!("f:{forward_line}:9")), "{text}");
    }
}

#[test]
fn frames_of_the_fault_s_hub_have_nowhere_to_go() {
    let source = hub(HUB, &["ports=['custA', 'core']", "ports=['custB', 'core']"]);
    check(
        &source,
        &[(
            line(&source, "ports=['custB', 'core']"),
            "circuit \"c2\" is on port \"core\", whose frames leave by port \"custA\"",
        )],
    );
}

#[test]
fn circuits_on_ports_that_forward_to_each_other_are_correct() {
    for (forwards, ports) in [
        (HUB, ""),
        (HUB, "ports=['custA', 'core']"),
        (HUB, "ports=['custA', 'custB', 'core']"),
        (HUB, "ports=['core2']"),
        // One way, and the other by the stack.
        (["core", "stack", "stack", "stack"], "ports=['custA', 'core']"),
        (["stack", "stack", "stack", "stack"], "ports=['custA']"),
        // From one of a customer's ports to another one, and between core ports.
        (["custB", "custA", "stack", "stack"], "ports=['custA', 'custB']"),
        (["stack", "stack", "core2", "core"], "ports=['core', 'core2']"),
        // A frame that leaves by a port does not come in there.
        (["custB", "core", "stack", "stack"], "ports=['custA', 'custB', 'core']"),
    ] {
        check(&hub(forwards, &[ports]), &[]);
    }
}

#[test]
fn tags_that_frames_leave_with_are_checked_where_they_leave() {
    // Two circuits whose S-tags are one towards the core, on ports of their own.
    let source = hub(HUB, &["core_s_tag=7", "core_s_tag=7"]);
    check(
        &source,
        &[(line(&source, "core_s_tag=7") + 8, "S-tag 7 with C-tag 10 is taken on port \"core\"")],
    );
}

#[test]
fn a_tpid_that_makes_frames_anothers_untagged_ones_is_refused() {
    let untagged = "core_s_tag=0\n#untagged";
    let source = |customer_tpids: &str, first: &str| {
        let source = hub(["core", "core", "custA", "stack"], &[first, untagged]);
        let source = source.replacen("#custA", &format!("#custA\ntpids=[{customer_tpids}]"), 1);
        // The second circuit's frames have no tag towards the core.
        let (first, second) = source.split_at(source.find("#untagged").expect("a mark"));
        first.to_owned() + &second.replacen("c_tag=10", "c_tag=10\ncore_c_tag=0", 1)
    };
    let kind_of = |source: &str| line(source, "[[circuit.peering]]");
    let words = "frames of circuit \"c1\" can leave by port \"core\" with TPID 0x9100";
    // As they came, as the file says, and neither.
    let as_it_came = source("'0x8100', '0x9100'", "");
    check(&as_it_came, &[(kind_of(&as_it_came), words)]);
    let by_the_file = source("'0x8100'", "core_s_tpid='0x9100'");
    check(&by_the_file, &[(kind_of(&by_the_file), words)]);
    check(&source("'0x8100', '0x9100'", "core_s_tpid='0x88a8'"), &[]);
    check(&source("'0x8100'", ""), &[]);
    // Nobody has the untagged frames there.
    let alone = hub(HUB, &["core_s_tpid='0x9100'"]);
    let warnings = parse(&alone, Path::new("f")).expect("correct").warnings();
    assert!(
        warnings.iter().any(|w| w.contains("a frame that comes back with it is untagged")),
        "{warnings:?}"
    );
    let came = hub(HUB, &[""]).replacen("#custA", "#custA\ntpids=['0x8100', '0x9100']", 1);
    let warnings = parse(&came, Path::new("f")).expect("correct").warnings();
    assert!(
        warnings.iter().any(|w| w.contains("from port \"custA\" can leave with TPID 0x9100")),
        "{warnings:?}"
    );
}

#[test]
fn circuits_that_the_stack_can_not_tell_apart_are_warned_of() {
    let forwards = ["stack", "stack", "stack", "stack"];
    let on_a = |core: &str| format!("ports=['custA']\ncore_s_tag={core}");
    let warnings = |source: &str| parse(source, Path::new("f")).expect("correct").warnings();
    let told = warnings(&hub(forwards, &[&on_a("7"), &on_a("7")]));
    assert!(
        told.iter().any(|w| w.contains("circuits \"c1\" and \"c2\" leave port \"custA\" for the")),
        "{told:?}"
    );
    let told = warnings(&hub(forwards, &[&on_a("7"), &on_a("8")]));
    assert!(!told.iter().any(|w| w.contains("stack")), "{told:?}");
}
