//! Names that people can't tell apart: by blanks, case, characters that are not shown, or letters of
//! other alphabets (the skeletons of Unicode Technical Standard 39, section 4).

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::confusable_detection::skeleton;

/// A sentence for each name that looks like an earlier one. `what`: the things that have the names.
pub(super) fn warnings<'n>(what: &str, names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    let mut warnings = Vec::new();
    for name in names {
        let looks = looks(name);
        let alike = looks.iter().find_map(|look| seen.get(look).copied());
        if let Some(first) = alike {
            warnings.push(format!(
                "{what}s {first:?} and {name:?} look alike ({}): rename one of them",
                difference(first, name)
            ));
        }
        for look in looks {
            seen.entry(look).or_insert(name);
        }
    }
    warnings
}

/// The look of a name, with and without regard to case: a capital I is like a small l, and
/// unlike a small i.
fn looks(name: &str) -> [String; 2] {
    let shown: String = name.nfkc().filter(|c| !is_invisible(*c)).collect();
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = shown.to_lowercase();
    [skeleton(&shown).collect(), skeleton(&lower).collect::<String>().to_lowercase()]
}

/// Characters that take no room: those that Unicode has programs ignore
/// (`Default_Ignorable_Code_Point` of `DerivedCoreProperties.txt`), less those that are not assigned.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// The first difference of two names, by code points, as on a screen they may look the same.
fn difference(first: &str, second: &str) -> String {
    let (mut a, mut b) = (first.chars(), second.chars());
    let mut place = 1;
    loop {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) if a == b => place += 1,
            (a, b) => {
                let shown = |c: Option<char>| {
                    c.map_or("the end".to_owned(), |c| format!("U+{:04X}", u32::from(c)))
                };
                return format!("character {place} is {} and {}", shown(a), shown(b));
            }
        }
    }
}
