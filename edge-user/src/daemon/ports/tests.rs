use super::*;

fn device(ifindex: u32, name: &str, is_up: bool) -> Device {
    let altnames = vec!["uplink".to_owned()];
    let (name, has_carrier, programs) = (name.to_owned(), true, Vec::new());
    Device { ifindex, name, altnames, is_up, has_carrier, programs, ..Device::default() }
}

fn running(own: Device, named: Option<Device>) -> PortState {
    let mode = Some(AttachedMode::Generic);
    let seen = SeenInterface { named, own: Some(own.clone()), mode, ..SeenInterface::default() };
    state("eth1", &seen, LinkSeen::Own, Assigned::Device(own))
}

#[test]
fn a_program_that_runs_has_a_fault_where_its_interface_is_down_or_renamed() {
    let sound = running(device(5, "eth1", true), Some(device(5, "eth1", true)));
    assert_eq!(sound.mode, Some(AttachedMode::Generic));
    assert_eq!((sound.interface.as_str(), sound.fault), ("eth1", None));
    let down = running(device(5, "eth1", false), Some(device(5, "eth1", false)));
    let fault = "eth1 is down, so no frame passes; `ip link set eth1 up`";
    assert_eq!((down.fault.as_deref(), down.has_carrier), (Some(fault), false));
    let unplugged = Device { has_carrier: false, ..device(5, "eth1", true) };
    let unplugged = running(unplugged.clone(), Some(unplugged));
    assert!(unplugged.fault.is_some_and(|fault| fault.starts_with("eth1 has no carrier")));
    let both = running(device(5, "x", false), None).fault.unwrap();
    assert!(both.contains("x is down") && both.contains("eth1 is called x now"), "{both}");
    let renamed = running(device(5, "x", true), None);
    assert_eq!(renamed.interface, "x");
    assert!(renamed.fault.is_some_and(|fault| fault.contains("called x now")));
    let other = running(device(5, "x", true), Some(device(9, "eth1", true)));
    assert!(other.fault.is_some_and(|fault| fault.contains("until a reload")));
    assert_eq!(other.to_attach, None);
}

#[test]
fn an_interface_by_another_of_its_names_is_no_fault() {
    let own = device(5, "eth7", true);
    let seen = SeenInterface {
        named: Some(own.clone()),
        own: Some(own.clone()),
        mode: Some(AttachedMode::Native),
        ..SeenInterface::default()
    };
    let state = state("uplink", &seen, LinkSeen::Own, Assigned::Device(own));
    assert_eq!((state.interface.as_str(), state.fault), ("uplink", None));
}

#[test]
fn each_fault_without_a_program_has_words_of_its_own() {
    let own = device(5, "eth1", true);
    let there = SeenInterface { own: Some(own.clone()), ..SeenInterface::default() };
    let gone = SeenInterface::default();
    let device = |device: &Device| Assigned::Device(device.clone());
    for (seen, link, assigned, words) in [
        (&there, LinkSeen::Own, device(&own), "taken the program off eth1"),
        (&there, LinkSeen::Replaced, device(&own), "another program"),
        (&gone, LinkSeen::Own, device(&own), "another interface than before"),
        (&gone, LinkSeen::None, device(&own), "no program is attached"),
        (&gone, LinkSeen::Own, Assigned::Gone, "there is no interface eth1"),
        (&gone, LinkSeen::None, Assigned::TakenBy("p2".to_owned()), "is port \"p2\"'s"),
    ] {
        let can_be_attached = matches!(assigned, Assigned::Device(_));
        let state = state("eth1", seen, link, assigned);
        assert_eq!(state.mode, None);
        assert_eq!(state.to_attach.is_some(), can_be_attached, "{words}");
        assert!(state.fault.as_ref().is_some_and(|fault| fault.contains(words)), "{state:?}");
    }
}

#[test]
fn a_failed_attempt_is_part_of_the_fault_it_leaves() {
    let states = |to_attach| {
        let fault = Some("it is off".to_owned());
        PortStates::from([("p1".to_owned(), PortState { fault, to_attach, ..Default::default() })])
    };
    let why = BTreeMap::from([("p1".to_owned(), "busy".to_owned())]);
    let failed = Failed { states: PortStates::new(), why };
    for (to_attach, fault) in [
        (Some(device(5, "eth1", true)), "it is off, and attaching it failed: busy"),
        (None, "it is off"),
    ] {
        let mut states = states(to_attach);
        failed.explain(&mut states);
        assert_eq!(states["p1"].fault.as_deref(), Some(fault));
    }
}
