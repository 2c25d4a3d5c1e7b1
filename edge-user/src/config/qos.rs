//! `QoS` profiles: the file's own and those built in.

use std::collections::BTreeMap;

use edge_common::abi::{class::MAX_CLASSES, qos::MAX_RULES};
use toml_span::{Span, Spanned};

use super::{
    QosClass, QosProfile,
    error::Errors,
    keys::Field,
    names,
    schema::{RawClass, RawProfile},
    values::DscpEntry,
};

/// The profile of a peering that names none.
pub(super) const DEFAULT_PROFILE: &str = "expressroute";
/// As [`DEFAULT_PROFILE`], with CS3 (SIP signalling), as published in 2015.
const PROFILE_2015: &str = "expressroute-2015";

/// The profiles by name; `None`: the profile has errors.
pub(super) type Profiles = BTreeMap<String, Option<QosProfile>>;

/// Every profile that peerings can name.
pub(super) fn profiles(own: &[RawProfile], errors: &Errors<'_>) -> Profiles {
    let mut profiles = Profiles::new();
    for raw in own {
        let before = errors.count();
        names::name("qos", &raw.name, errors);
        let name = raw.name.value.clone();
        if [DEFAULT_PROFILE, PROFILE_2015].contains(&name.as_str()) {
            let message = format!("the profile {name:?} is built in; choose another name");
            errors.add(raw.name.span, message);
        }
        let read = profile(raw, errors);
        profiles.insert(name, read.filter(|_| errors.count() == before));
    }
    profiles.insert(DEFAULT_PROFILE.into(), Some(expressroute(&[34, 18])));
    profiles.insert(PROFILE_2015.into(), Some(expressroute(&[34, 18, 24])));
    profiles
}

fn expressroute(interactive: &[u8]) -> QosProfile {
    let class = |name: &str, dscp: &[u8], burst_share_permille| QosClass {
        name: name.into(),
        dscp: dscp.into(),
        is_default: false,
        mark: None,
        pcp: Vec::new(),
        pcp_mark: None,
        matches: Vec::new(),
        bandwidth_bps: None,
        burst_share_permille,
    };
    QosProfile {
        classes: vec![
            class("voice", &[46], 1000),
            class("interactive", interactive, 800),
            QosClass { is_default: true, ..class("default", &[10, 0], 600) },
        ],
    }
}

fn profile(raw: &RawProfile, errors: &Errors<'_>) -> Option<QosProfile> {
    let raw_classes = raw.classes.as_ref()?;
    if raw_classes.is_empty() {
        errors.add(raw.at, "the profile has no classes; add `classes = [ { … } ]`".into());
        return None;
    }
    if raw_classes.len() > MAX_CLASSES {
        let message =
            format!("the profile has {} classes; give at most {MAX_CLASSES}", raw_classes.len());
        errors.add(raw.at, message);
    }
    check_rule_count(raw_classes, errors);
    let mut claims = ClassClaims { entries: Vec::new(), names: BTreeMap::new(), errors };
    let classes: Vec<_> = raw_classes.iter().filter_map(|raw| claims.class(raw)).collect();
    let is_complete = classes.len() == raw_classes.len();
    if is_complete && !classes.iter().any(|class| class.is_default) {
        let message = "no class of the profile is the default; add \"default\" to one's `dscp`";
        errors.add(raw.at, message.into());
    }
    is_complete.then_some(QosProfile { classes })
}

fn check_rule_count(classes: &[RawClass], errors: &Errors<'_>) {
    let rules: Vec<_> = classes.iter().flat_map(|class| class.matches.iter().flatten()).collect();
    if let Some(rule) = rules.get(MAX_RULES) {
        let message = format!(
            "the classes of the profile have {} matches; give at most {MAX_RULES}",
            rules.len()
        );
        errors.add(rule.at, message);
    }
}

/// An entry that only one class of a profile may list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClassEntry {
    Dscp(DscpEntry),
    Pcp(u8),
}

/// The entries and names that the classes of a profile so far have claimed.
struct ClassClaims<'a> {
    entries: Vec<(ClassEntry, Span, String)>,
    names: BTreeMap<String, Span>,
    errors: &'a Errors<'a>,
}

impl ClassClaims<'_> {
    fn class(&mut self, raw: &RawClass) -> Option<QosClass> {
        let before = self.errors.count();
        let raw_name = raw.name.given();
        let name = raw_name.and_then(|name| names::name("name", name, self.errors));
        if let (Some(name), Some(raw_name)) = (&name, raw_name) {
            self.claim_name(name, raw_name.span);
        }
        // The name is for messages only.
        let owner = raw_name.map_or("", |name| &name.value);
        for entry in entries(&raw.dscp) {
            self.claim_entry(ClassEntry::Dscp(entry.value), entry.span, owner);
        }
        for pcp in entries(&raw.pcp) {
            self.claim_entry(ClassEntry::Pcp(pcp.value), pcp.span, owner);
        }
        let matches = raw.matches.as_deref().unwrap_or_default().iter();
        let matches: Vec<_> = matches.map(|rule| rule.checked(self.errors)).collect();
        if matches!((&raw.dscp, &raw.pcp), (Field::Absent, Field::Absent)) && raw.matches.is_none()
        {
            let message = "class has no `dscp`; add `dscp = …`, `pcp = …` or `match = …`";
            self.errors.add(raw.at, message.into());
        }
        let class = QosClass {
            name: name?,
            dscp: entries(&raw.dscp).iter().filter_map(listed).collect(),
            is_default: entries(&raw.dscp).iter().any(|entry| entry.value == DscpEntry::Default),
            mark: raw.mark.and_then(|mark| Some(Some(mark.value))).value_or(None)?,
            pcp: entries(&raw.pcp).iter().map(|pcp| pcp.value).collect(),
            pcp_mark: raw.pcp_mark.and_then(|pcp| Some(Some(pcp.value))).value_or(None)?,
            matches: matches.into_iter().collect::<Option<_>>()?,
            bandwidth_bps: raw
                .bandwidth_bps
                .and_then(|bps| Some(Some(bps.value)))
                .value_or(None)?,
            burst_share_permille: raw.burst_share_permille.value_or(1000)?,
        };
        // Wrong entries were left out, and one may have been the default class.
        let is_known = match &raw.dscp {
            Field::Absent => true,
            Field::Bad => false,
            Field::Given(dscp) => !dscp.value.is_empty(),
        };
        (self.errors.count() == before && is_known).then_some(class)
    }

    fn claim_name(&mut self, name: &str, at: Span) {
        if let Some(first) = self.names.get(name) {
            let message = format!("the class name {name:?} is taken; choose another");
            self.errors.add_claimed(at, &message, *first, &format!("class {name:?}"));
        } else {
            self.names.insert(name.into(), at);
        }
    }

    fn claim_entry(&mut self, entry: ClassEntry, at: Span, class: &str) {
        let earlier = self.entries.iter().find(|(earlier, ..)| *earlier == entry);
        if let Some((_, first, owner)) = earlier {
            let message = match entry {
                ClassEntry::Dscp(DscpEntry::Listed(dscp)) => {
                    format!("DSCP {dscp} is listed twice in the profile; remove one")
                }
                ClassEntry::Dscp(DscpEntry::Default) => {
                    "the profile has two default classes; remove one \"default\"".into()
                }
                ClassEntry::Pcp(pcp) => {
                    format!("PCP {pcp} is listed twice in the profile; remove one")
                }
            };
            self.errors.add_claimed(at, &message, *first, &format!("class {owner:?}"));
        } else {
            self.entries.push((entry, at, class.into()));
        }
    }
}

/// The correct entries of a list; none where the list is absent.
fn entries<T>(list: &Field<Vec<Spanned<T>>>) -> &[Spanned<T>] {
    list.given().map_or(&[], |list| &list.value)
}

fn listed(entry: &Spanned<DscpEntry>) -> Option<u8> {
    match entry.value {
        DscpEntry::Listed(dscp) => Some(dscp),
        DscpEntry::Default => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_profiles() {
        let errors = Errors::new("", std::path::Path::new("f"));
        let profiles = profiles(&[], &errors);
        let rows = |name: &str| {
            let profile = profiles[name].clone().expect("built in");
            let row = |class: QosClass| {
                assert_eq!(class.mark, None);
                (class.name, class.dscp, class.is_default, class.burst_share_permille)
            };
            profile.classes.into_iter().map(row).collect::<Vec<_>>()
        };
        let expected = |interactive: &[u8]| {
            vec![
                ("voice".to_string(), vec![46], false, 1000),
                ("interactive".to_string(), interactive.to_vec(), false, 800),
                ("default".to_string(), vec![10, 0], true, 600),
            ]
        };
        assert_eq!(profiles.len(), 2);
        assert_eq!(rows("expressroute"), expected(&[34, 18]));
        assert_eq!(rows("expressroute-2015"), expected(&[34, 18, 24]));
    }
}
