use edge_tests::fixture::Fixture;
use edge_user::{
    dataplane::{
        PortProgram,
        program::{FRAGS_PROGRAM, PROGRAM, program},
    },
    plan::Police,
};
#[test]
fn zz() {
    for (name, circuit, class) in [
        ("fair+rules", "fairness=\"flow\"", "match={proto=\"tcp\"},"),
        ("fair+limits", "fairness=\"flow\"", "bandwidth=\"1 Mbps\","),
        ("fair+ecn", "fairness=\"flow\"\necn=\"mark\"", ""),
        ("all", "fairness=\"flow\"\necn=\"mark\"", "bandwidth=\"1 Mbps\",match={proto=\"tcp\"},"),
    ] {
        let text = format!(
            "[edge]\nname=\"x\"\n[[port]]\nname=\"customer0\"\ninterface=\"a\"\nside=\"customer\"\n[[circuit]]\nname=\"c\"\nbandwidth=\"1 Gbps\"\ns_tag=1\n{circuit}\npeering=[{{kind=\"private\",c_tag=1,qos=\"q\"}}]\n[qos.q]\nclasses=[{{name=\"a\",dscp=[\"default\"],{class} }}]\n"
        );
        let fixture = Fixture::of(&text, Police::Purchased);
        let port = fixture.plan.port("customer0").expect("a port");
        match PortProgram::load_for_bench(port, &fixture.capacity) {
            Ok(mut ebpf) => {
                for p in [PROGRAM, FRAGS_PROGRAM] {
                    let info = program(&mut ebpf, p).unwrap().info().unwrap();
                    println!(
                        "ZZ {name} {p} {:?} {:?}",
                        info.verified_instruction_count(),
                        info.size_translated()
                    );
                }
            }
            Err(e) => println!(
                "ZZ {name} {}",
                format!("{e:#}")
                    .chars()
                    .rev()
                    .take(300)
                    .collect::<String>()
                    .chars()
                    .rev()
                    .collect::<String>()
            ),
        }
    }
}
