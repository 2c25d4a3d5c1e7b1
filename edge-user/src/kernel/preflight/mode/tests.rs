use super::*;

const BASIC: u64 = 1;
const REDIRECT: u64 = 2;
const NDO_XMIT: u64 = 4;
const RX_SG: u64 = 32;
const NDO_XMIT_SG: u64 = 64;
const VETH: u64 = BASIC | REDIRECT | RX_SG;

/// Features (`None`: no such family), MTU, whether the port forwards to another one, and what
/// the obstacle's sentence says, if there is one.
const CASES: [(Option<u64>, u32, bool, Option<&str>); 15] = [
    (Some(VETH), 9000, true, None),
    (Some(VETH), 1500, true, None),
    (Some(BASIC | REDIRECT), 3000, true, None),
    (Some(BASIC | REDIRECT), 3001, true, Some("an MTU of 3001")),
    (Some(BASIC | REDIRECT), 9000, false, Some("several buffers")),
    (Some(BASIC), 1500, true, Some("reach port \"core0\"")),
    (Some(BASIC), 1500, false, None),
    (Some(BASIC | RX_SG), 9000, false, None),
    (Some(0), 1500, true, Some("no native XDP")),
    (Some(0), 1500, false, Some("no native XDP")),
    (Some(REDIRECT | NDO_XMIT | RX_SG), 1500, true, Some("no native XDP")),
    (None, 1500, true, None),
    (None, 3000, true, None),
    (None, 3001, true, Some("before Linux 6.3")),
    // Frames for the stack are not redirected.
    (None, 9000, false, None),
];

#[test]
fn native_mode_is_refused_where_it_is_impossible_and_auto_avoids_it() {
    for (bits, mtu_bytes, forwards, obstacle) in CASES {
        let decide = |wanted| {
            let features = bits.map(XdpFeatures::from_bits);
            let egress = forwards.then_some(egress("veth"));
            let driver = Some("veth");
            decide(&Facts { interface: "eth1", wanted, mtu_bytes, driver, egress, features })
        };
        let case = format!("{bits:?}, {mtu_bytes}, {forwards}");
        assert_eq!(decide(XdpMode::Generic), Decision::AsConfigured, "{case}");
        match obstacle {
            None => {
                assert_eq!(decide(XdpMode::Native), Decision::AsConfigured, "{case}");
                assert_eq!(decide(XdpMode::Auto), Decision::AsConfigured, "{case}");
            }
            Some(obstacle) => {
                let (native, auto) = (decide(XdpMode::Native), decide(XdpMode::Auto));
                let refused = matches!(&native, Decision::Refuse(why) if why.contains(obstacle)
                    && why.contains("xdp_mode = \"generic\""));
                assert!(refused, "{case}: {native:?}");
                let avoided = matches!(&auto, Decision::Generic(why) if why.contains(obstacle)
                    && why.contains("in generic mode"));
                assert!(avoided, "{case}: {auto:?}");
            }
        }
    }
}

#[test]
fn drivers_that_do_otherwise_than_they_say_are_known() {
    let decide = |bits, mtu_bytes, driver, egress_driver| {
        let features = Some(XdpFeatures::from_bits(bits));
        let egress = Some(egress(egress_driver));
        let (interface, wanted, driver) = ("eth1", XdpMode::Native, Some(driver));
        decide(&Facts { interface, wanted, mtu_bytes, driver, egress, features })
    };
    for (decision, why) in [
        (decide(BASIC | REDIRECT, 1500, VIRTIO_NET, "veth"), "mergeable receive buffers"),
        (decide(VETH, 9000, "veth", BNXT), "cuts jumbo frames off"),
    ] {
        assert!(matches!(&decision, Decision::Refuse(text) if text.contains(why)), "{why}");
    }
    for decision in [
        decide(VETH, 9000, VIRTIO_NET, "veth"),
        decide(BASIC | REDIRECT, 1500, "igc", "veth"),
        decide(VETH, 3000, "veth", BNXT),
    ] {
        assert_eq!(decision, Decision::AsConfigured);
    }
}

/// A port that takes frames.
fn egress(driver: &str) -> EgressPort<'_> {
    let features = Some(XdpFeatures::from_bits(VETH | NDO_XMIT | NDO_XMIT_SG));
    EgressPort { port: "core0", driver: Some(driver), wanted: XdpMode::Auto, features }
}

#[test]
fn native_mode_is_none_where_the_egress_takes_nothing() {
    let (interface, mtu_bytes, driver) = ("eth1", 1500, Some("veth"));
    let features = Some(XdpFeatures::from_bits(VETH));
    for (bits, egress_mode, takes_none) in [
        (Some(0), XdpMode::Auto, true),
        (Some(REDIRECT), XdpMode::Native, true),
        (Some(0), XdpMode::Generic, true),
        (Some(BASIC), XdpMode::Generic, true),
        // It may take them when its program is attached.
        (Some(BASIC), XdpMode::Auto, false),
        (Some(BASIC), XdpMode::Native, false),
        (Some(NDO_XMIT), XdpMode::Auto, false),
        (Some(BASIC | NDO_XMIT), XdpMode::Generic, false),
        (None, XdpMode::Auto, false),
    ] {
        let features_there = bits.map(XdpFeatures::from_bits);
        let egress =
            Some(EgressPort { wanted: egress_mode, features: features_there, ..egress("veth") });
        let decide =
            |wanted| decide(&Facts { interface, wanted, mtu_bytes, driver, egress, features });
        let case = format!("{bits:?} {egress_mode:?}");
        assert_eq!(decide(XdpMode::Generic), Decision::AsConfigured, "{case}");
        let (native, auto) = (decide(XdpMode::Native), decide(XdpMode::Auto));
        if takes_none {
            let says = |why: &str| why.contains("\"core0\" takes no frames from native XDP");
            assert!(matches!(&native, Decision::Refuse(why) if says(why)), "{case}: {native:?}");
            assert!(matches!(&auto, Decision::Generic(why) if says(why)), "{case}: {auto:?}");
        } else {
            assert_eq!((native, auto), (Decision::AsConfigured, Decision::AsConfigured), "{case}");
        }
    }
}

#[test]
fn a_bond_is_native_or_refused() {
    let decide = |wanted, mtu_bytes, bits| {
        let (interface, driver) = ("bond0", Some(BONDING));
        let features = Some(XdpFeatures::from_bits(bits));
        decide(&Facts { interface, wanted, mtu_bytes, driver, egress: None, features })
    };
    for wanted in [XdpMode::Auto, XdpMode::Native] {
        assert_eq!(decide(wanted, 1500, VETH), Decision::Native);
        for (mtu_bytes, bits) in [(1500, 0), (9000, BASIC | REDIRECT)] {
            let decision = decide(wanted, mtu_bytes, bits);
            assert!(matches!(&decision, Decision::Refuse(_)), "{wanted:?}: {decision:?}");
        }
    }
    let decision = decide(XdpMode::Generic, 1500, VETH);
    assert!(matches!(&decision, Decision::Refuse(why) if why.contains("is a bond")));
}

#[test]
fn an_egress_that_takes_no_frames_is_told_of() {
    let refusals = |bits, mtu_bytes| refusals("eth2", XdpFeatures::from_bits(bits), mtu_bytes);
    assert_eq!(refusals(VETH | NDO_XMIT | NDO_XMIT_SG, 9000), None);
    assert_eq!(refusals(VETH | NDO_XMIT, 3000), None);
    for (bits, mtu_bytes, remedy) in
        [(VETH, 1500, "gro on"), (VETH, 9000, "gro on"), (VETH | NDO_XMIT, 9000, "MTU")]
    {
        let told = refusals(bits, mtu_bytes).unwrap_or_default();
        assert!(told.contains("`egress-refused`") && told.contains(remedy), "{told}");
    }
}
