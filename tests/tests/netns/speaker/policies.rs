//! Policies: the routes that are taken, and their attributes.

use anyhow::{Result, ensure};
use edge_tests::speaker::{
    BirdPeer, SpeakerLab,
    plans::{
        OWN, PEER, PEER_V4, PEER_V6, PeerConfig, V4, V6, announcement, domain, edge, read, session,
    },
    wait,
};
use edge_user::routing::bird::{
    model::{
        community::BgpCommunity,
        policy::{ImportPolicy, PrivateAsns},
        session::BgpSession,
    },
    supervise::BirdSupervisor,
};

/// Prefixes of each kind. Martians are not among them: no BIRD tells them.
const TOLD: [&str; 9] = [
    "0.0.0.0/0",
    "10.1.0.0/16",
    "100.64.1.0/24",
    "198.51.100.0/25",
    "203.0.113.0/24",
    "::/0",
    "2001:db8:1::/48",
    "2001:4860::/32",
    "fd00:77::/48",
];

/// One session takes these prefixes of [`TOLD`], sorted, and refuses the others.
fn takes(
    lab: &SpeakerLab,
    supervisor: &mut BirdSupervisor,
    expected: &[&str],
    change: impl FnOnce(&mut BgpSession),
) -> Result<()> {
    let mut session = session(1, &[V4, V6]);
    change(&mut session);
    supervisor.apply(&edge(vec![domain(1_001, vec![session])]))?;
    let mut last = (Vec::new(), 0);
    let taken = wait(|| {
        let (mut taken, mut refused) = (Vec::new(), 0);
        for name in ["c1v4", "c1v6"] {
            let mut control = lab.control()?;
            let accepted = control.accepted(1_001, read(name))?;
            ensure!(accepted.iter().all(|route| route.communities.is_empty()), "{accepted:?}");
            taken.extend(accepted.iter().map(|route| route.prefix.to_string()));
            refused += control.refused(1_001, read(name))?.len();
        }
        taken.sort();
        last = (taken, refused);
        Ok((last.0 == expected && last.1 == TOLD.len() - expected.len()).then_some(()))
    });
    taken.map_err(|error| error.context(format!("{last:?}, and not {expected:?}")))
}

#[test]
fn each_kind_of_peering_takes_its_own_prefixes() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("each_kind_of_peering_takes_its_own_prefixes")? else {
        return Ok(());
    };
    let ns = lab.cable(1, &OWN, &PEER)?;
    let mut config = PeerConfig::new(65_001, &[PEER_V4, PEER_V6], &TOLD);
    config.export =
        "bgp_community.add((65000, 1)); bgp_large_community.add((1, 2, 3)); bgp_ext_community.add((rt, 1, 2));".to_owned();
    let _peer = BirdPeer::start(&ns, &config)?;
    let mut supervisor = lab.supervisor()?;
    let private = [
        "0.0.0.0/0",
        "10.1.0.0/16",
        "100.64.1.0/24",
        "198.51.100.0/25",
        "2001:4860::/32",
        "2001:db8:1::/48",
        "203.0.113.0/24",
        "::/0",
        "fd00:77::/48",
    ];
    takes(&lab, &mut supervisor, &private, |_| {})?;
    takes(&lab, &mut supervisor, &["198.51.100.0/25", "2001:db8:1::/48"], |session| {
        // A private prefix that is registered all the same stays private.
        let prefixes = ["198.51.100.0/24", "10.0.0.0/8", "2001:db8::/32"];
        session.import = ImportPolicy::registered(prefixes.map(read).to_vec());
    })?;
    takes(&lab, &mut supervisor, &[], |session| {
        session.import = ImportPolicy::registered(Vec::new());
    })
}

#[test]
fn private_as_numbers_are_kept_removed_or_refused() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("private_as_numbers_are_kept_removed_or_refused")? else {
        return Ok(());
    };
    let ns = lab.cable(1, &OWN[..1], &PEER[..1])?;
    let mut config =
        PeerConfig::new(65_001, &[PEER_V4], &["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]);
    config.export =
        "if net = 10.2.0.0/16 then { bgp_path.prepend(64999); bgp_path.prepend(3356); } \
                     if net = 10.3.0.0/16 then { bgp_path.prepend(65001); }"
            .to_owned();
    let _peer = BirdPeer::start(&ns, &config)?;
    let mut supervisor = lab.supervisor()?;
    for (private_asns, expected) in [
        (PrivateAsns::Keep, ["65001", "65001 3356 64999", "65001 65001"].as_slice()),
        (PrivateAsns::Remove, ["", "3356", ""].as_slice()),
        (PrivateAsns::Refuse, ["65001", "65001 65001"].as_slice()),
    ] {
        let mut session = session(1, &[V4]);
        session.import.private_asns = private_asns;
        supervisor.apply(&edge(vec![domain(1_001, vec![session])]))?;
        lab.up("c1v4")?;
        let mut last = Vec::new();
        let found = wait(|| {
            let mut routes = lab.control()?.accepted(1_001, read("c1v4"))?;
            routes.sort_by_key(|route| route.prefix);
            last = routes.into_iter().map(|route| route.as_path.unwrap_or_default()).collect();
            Ok((last == expected).then_some(()))
        });
        found.map_err(|error| error.context(format!("{private_asns:?}: {last:?}")))?;
    }
    Ok(())
}

#[test]
fn a_peer_is_told_by_community_with_prepending_and_while_it_drains() -> Result<()> {
    let test = "a_peer_is_told_by_community_with_prepending_and_while_it_drains";
    let Some(mut lab) = SpeakerLab::new(test)? else {
        return Ok(());
    };
    let ns = lab.cable(1, &OWN[..1], &PEER[..1])?;
    let peer = BirdPeer::start(&ns, &PeerConfig::new(65_001, &[PEER_V4], &["10.11.0.0/16"]))?;
    let mut supervisor = lab.supervisor()?;
    let plan = |change: &dyn Fn(&mut BgpSession)| {
        let mut session = session(1, &[V4]);
        change(&mut session);
        let mut domain = domain(1_001, vec![session]);
        domain.announcements = vec![announcement("10.3.0.0/16"), announcement("10.4.0.0/16")];
        domain.announcements[1].communities = vec![BgpCommunity(12076, 5010)];
        edge(vec![domain])
    };
    let has = |prefix: &'static str, wanted: &'static [&'static str]| {
        let mut last = Vec::new();
        let found = wait(|| {
            last = peer.route(prefix)?;
            Ok(wanted.iter().all(|line| last.iter().any(|it| it == line)).then_some(()))
        });
        found.map_err(|error| error.context(format!("{prefix}: {last:?}")))
    };
    supervisor.apply(&plan(&|_| {}))?;
    let before = lab.up("c1v4")?;
    has("10.3.0.0/16", &["BGP.as_path: 12076", "BGP.community: (12076,51004)"])?;
    has("10.4.0.0/16", &["BGP.as_path: 12076", "BGP.community: (12076,5010)"])?;

    supervisor.apply(&plan(&|it| it.export.only = Some(vec![BgpCommunity(12076, 5010)])))?;
    wait(|| Ok((peer.learned("ipv4")? == ["10.4.0.0/16"]).then_some(())))?;
    supervisor.apply(&plan(&|it| it.export.only = Some(Vec::new())))?;
    wait(|| Ok(peer.learned("ipv4")?.is_empty().then_some(())))?;

    supervisor.apply(&plan(&|it| it.export.prepends = 2))?;
    has("10.3.0.0/16", &["BGP.as_path: 12076 12076 12076"])?;

    supervisor.apply(&plan(&|it| it.import.local_preference = Some(250)))?;
    let preference = |wanted: u32| {
        wait(|| {
            let routes = lab.control()?.accepted(1_001, read("c1v4"))?;
            Ok(routes.iter().all(|it| it.local_preference == Some(wanted)).then_some(()))
        })
    };
    preference(250)?;
    supervisor.apply(&plan(&|it| it.export.is_draining = true))?;
    has("10.3.0.0/16", &["BGP.community: (12076,51004) (65535,0)"])?;
    preference(0)?;
    // None of these changes has ended the session.
    ensure!(lab.up("c1v4")?.is_same_run(&before));
    Ok(())
}
