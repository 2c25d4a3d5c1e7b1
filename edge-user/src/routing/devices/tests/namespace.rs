//! The namespace is removed or replaced by somebody else.

use anyhow::{Context as _, Result};

use super::{NAME, check, check_idle, devices, in_a_place, open, set};
use crate::routing::devices::{NamespaceChange, RoutingNamespace, error::DevicesError};

/// The error that an operator sees.
fn complaint(namespace: &RoutingNamespace) -> Result<String> {
    let error = namespace.look().err().context("an error")?;
    assert!(matches!(error, DevicesError::Gone(_)), "{error:?}");
    Ok(error.to_string())
}

#[test]
fn a_name_that_was_removed_is_given_again_and_devices_go_on() -> Result<()> {
    in_a_place("a_name_that_was_removed_is_given_again_and_devices_go_on", |place| {
        let mut namespace = open()?;
        let made = namespace.reconcile(&devices(1..=3))?;
        check(&made)?;
        namespace.look()?;
        place.run(&format!("ip netns del {NAME}"))?;
        let text = complaint(&namespace)?;
        assert!(text.contains("it has lost its name"), "{text}");
        let done = namespace.reconcile(&devices(1..=3))?;
        check_idle(&done)?;
        assert_eq!(done.namespace, NamespaceChange::NamedAgain);
        assert_eq!(done.ifindexes, made.ifindexes);
        place.ip("link show r3")?;
        namespace.look()?;
        Ok(())
    })
}

#[test]
fn a_namespace_that_has_taken_the_name_gets_all_devices() -> Result<()> {
    in_a_place("a_namespace_that_has_taken_the_name_gets_all_devices", |place| {
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices(1..=3))?)?;
        namespace.set_carrier(&set([2]), false)?;
        place.run(&format!("ip netns del {NAME}"))?;
        place.run(&format!("ip netns add {NAME}"))?;
        let text = complaint(&namespace)?;
        assert!(text.contains("another namespace has its name"), "{text}");
        let done = namespace.reconcile(&devices(1..=3))?;
        check(&done)?;
        assert_eq!(done.namespace, NamespaceChange::Replaced);
        assert_eq!(done.made, set(1..=3));
        assert!(place.has_carrier("r1")? && !place.has_carrier("r2")? && place.has_carrier("r3")?);
        assert_eq!(place.run("ip -o link show type veth")?.lines().count(), 1);
        namespace.look()?;
        check_idle(&namespace.reconcile(&devices(1..=3))?)
    })
}

#[test]
fn a_pair_that_was_removed_is_made_anew_with_all_devices() -> Result<()> {
    in_a_place("a_pair_that_was_removed_is_made_anew_with_all_devices", |place| {
        let mut namespace = open()?;
        check(&namespace.reconcile(&devices(1..=3))?)?;
        place.run("ip link del pe")?;
        let text = complaint(&namespace)?;
        assert!(text.contains("pe was removed, and all sessions with it"), "{text}");
        // A port that loses its carrier meanwhile is remembered.
        let cut = namespace.set_carrier(&set([3]), false)?;
        assert_eq!(cut.failed.len(), 1, "{cut:?}");
        let done = namespace.reconcile(&devices(1..=3))?;
        check(&done)?;
        assert_eq!(done.namespace, NamespaceChange::PairMadeAnew);
        assert_eq!(done.made, set(1..=3));
        assert!(place.has_carrier("r2")? && !place.has_carrier("r3")?);
        namespace.look()?;
        check_idle(&namespace.reconcile(&devices(1..=3))?)
    })
}

#[test]
fn a_namespace_that_was_removed_while_edge_was_away_is_made_anew() -> Result<()> {
    in_a_place("a_namespace_that_was_removed_while_edge_was_away_is_made_anew", |place| {
        // With the pair still there, as something else holds the old namespace, and without.
        for is_held in [true, false] {
            let mut namespace = open()?;
            check(&namespace.reconcile(&devices(1..=3))?)?;
            let held = is_held
                .then(|| namespace.inner.0.run(|| Ok(std::net::UdpSocket::bind("127.0.0.1:0")?)));
            let held = held.transpose()?;
            drop(namespace);
            place.run(&format!("ip netns del {NAME}"))?;
            let mut namespace = open()?;
            let done = namespace.reconcile(&devices(1..=3))?;
            check(&done)?;
            assert_eq!(done.made, set(1..=3));
            assert_eq!(place.run("ip -o link show type veth")?.lines().count(), 1);
            drop(held);
            namespace.look()?;
        }
        Ok(())
    })
}
