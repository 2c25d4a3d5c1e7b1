//! Checks of names and paths: their form, names that two have, and names that do not exist.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml_span::Spanned;

use super::{error::Errors, keys::nearest};

/// Longest name in bytes.
const MAX_NAME_LEN_BYTES: usize = 63;
/// `IFNAMSIZ` less the NUL.
const MAX_INTERFACE_LEN_BYTES: usize = 15;
/// Longest path of a Unix socket in bytes: `sizeof sun_path` less the NUL (unix(7)).
pub const MAX_SOCKET_LEN_BYTES: usize = 107;

/// `name`, if it is a valid name.
pub(super) fn name(key: &str, name: &Spanned<String>, errors: &Errors<'_>) -> Option<String> {
    let text = &name.value;
    let refusal = if text.is_empty() {
        "is empty; give a name".into()
    } else if text.len() > MAX_NAME_LEN_BYTES {
        format!("has {} bytes; give at most {MAX_NAME_LEN_BYTES}", text.len())
    } else if text.chars().any(changes_the_line) {
        format!("is {text:?}, with a control character; remove it")
    } else {
        return Some(text.clone());
    };
    errors.add(name.span, format!("`{key}` {refusal}"));
    None
}

/// Whether the character changes how a terminal or a log shows the text around it: control
/// characters, separators of lines, and characters that turn the direction of a whole line (Unicode
/// Standard Annex 9, embeddings, overrides and isolates).
fn changes_the_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// An interface's name, if the kernel accepts such a name.
pub(super) fn interface(name: &Spanned<String>, errors: &Errors<'_>) -> Option<String> {
    let text = &name.value;
    let is_refused = |c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control();
    let refusal = if text.is_empty() {
        "is empty; give an interface's name, as `ip link` shows it".into()
    } else if text.len() > MAX_INTERFACE_LEN_BYTES {
        format!("has {} bytes; an interface's name has at most 15", text.len())
    } else if text.contains(is_refused) || text == "." || text == ".." {
        format!("is {text:?}; give an interface's name, without '/', ':' or blanks")
    } else {
        return Some(text.clone());
    };
    errors.add(name.span, format!("`interface` {refusal}"));
    None
}

/// A path, which must be absolute: a relative one would depend on the daemon's working directory.
pub(super) fn path(key: &str, path: &Spanned<String>, errors: &Errors<'_>) -> Option<PathBuf> {
    let text = &path.value;
    let refusal = if text.chars().any(char::is_control) {
        "has a control character; remove it"
    } else if !Path::new(text).is_absolute() {
        "is not an absolute path; start it with '/'"
    } else {
        return Some(text.into());
    };
    errors.add(path.span, format!("`{key}` is {text:?}, which {refusal}"));
    None
}

/// The path of a Unix socket.
pub(super) fn socket(key: &str, path: &Spanned<String>, errors: &Errors<'_>) -> Option<PathBuf> {
    let len_bytes = path.value.len();
    if len_bytes > MAX_SOCKET_LEN_BYTES {
        let message =
            format!("`{key}` has {len_bytes} bytes; a socket's path has at most 107: shorten it");
        errors.add(path.span, message);
        return None;
    }
    self::path(key, path, errors)
}

/// Reports values that two `what`s have. Each value comes with its owner's name.
pub(super) fn unique<'a>(
    values: impl Iterator<Item = (&'a Spanned<String>, &'a str)>,
    what: &str,
    key: &str,
    errors: &Errors<'_>,
) {
    let mut seen = BTreeMap::new();
    for (value, owner) in values {
        let text = value.value.as_str();
        if let Some((first, first_owner)) = seen.get(text) {
            let message = format!("two {what}s have the {key} {text:?}; choose another");
            errors.add_claimed(value.span, &message, *first, &format!("{what} {first_owner:?}"));
        } else {
            seen.insert(text, (value.span, owner));
        }
    }
}

/// "the unknown port "x"; did you mean "y"?".
pub(super) fn unknown<'n>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'n str> + Clone,
) -> String {
    let help = nearest(name, known.clone()).map_or_else(
        || {
            let all: Vec<_> = known.take(8).map(|name| format!("{name:?}")).collect();
            if all.is_empty() {
                format!("there is no {what}")
            } else {
                format!("there are {}", all.join(", "))
            }
        },
        |near| format!("did you mean {near:?}?"),
    );
    format!("the unknown {what} {name:?}; {help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(
        texts: &[&str],
        check: impl Fn(&Spanned<String>, &Errors<'_>) -> bool,
    ) -> Vec<bool> {
        let errors = Errors::new("", Path::new("f"));
        texts
            .iter()
            .map(|text| {
                let before = errors.count();
                let ok = check(&Spanned::new((*text).into()), &errors);
                assert_eq!(ok, errors.count() == before, "{text:?}");
                ok
            })
            .collect()
    }

    #[test]
    fn names() {
        let (longest, too_long) = ("x".repeat(63), "x".repeat(64));
        let texts = ["a", "Contoso, Amsterdam é", &longest, "", &too_long, "a\nb", "a\u{7f}"];
        let ok = accepted(&texts, |text, errors| name("name", text, errors).is_some());
        assert_eq!(ok, [true, true, true, false, false, false, false]);
    }

    #[test]
    fn interfaces() {
        let texts = [
            "eth0",
            "enp1s0f0np0.100",
            "abcdefghijklmno",
            "",
            "abcdefghijklmnop",
            "a/b",
            "a b",
            "a\tb",
            "a:1",
            ".",
            "..",
        ];
        let ok = accepted(&texts, |text, errors| interface(text, errors).is_some());
        assert_eq!(ok[..3], [true; 3]);
        assert_eq!(ok[3..], [false; 8]);
    }

    #[test]
    fn paths() {
        let too_long = format!("/{}", "x".repeat(107));
        let texts = ["/run/edge", "/", "run/edge", "", "./x", "/a\u{0}b", &too_long];
        let ok = accepted(&texts, |text, errors| path("control", text, errors).is_some());
        assert_eq!(ok, [true, true, false, false, false, false, true]);
        let ok = accepted(&texts, |text, errors| socket("control", text, errors).is_some());
        assert_eq!(ok, [true, true, false, false, false, false, false]);
    }
}
