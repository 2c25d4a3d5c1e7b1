//! Sessions that BIRD gave up for good, though another try may succeed.
//!
//! Before 2.18, a session whose socket can't be opened is disabled until somebody enables it
//! (`bgp_initiate` in `proto/bgp/bgp.c`). A device that goes at the wrong moment is enough.

use super::{control::BirdControl, error::Result, names::SessionName};

/// Ends of a line about a session that was given up.
const ERRORS: [&str; 2] = ["Error: No listening socket", "Error: Kernel MD5 auth failed"];

/// Has BIRD try them again, and returns their names.
pub(super) fn try_again(control: &mut BirdControl) -> Result<Vec<SessionName>> {
    let protocols = control.tell("show protocols")?;
    let names: Vec<SessionName> = protocols.texts().filter_map(given_up).collect();
    for name in &names {
        control.tell(&format!("enable {name}"))?;
    }
    Ok(names)
}

/// The session that a line tells to be given up.
fn given_up(line: &str) -> Option<SessionName> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, "BGP", _table, "down", ..] = words[..] else {
        return None;
    };
    let is_given_up = ERRORS.iter().any(|error| line.trim_end().ends_with(error));
    name.parse().ok().filter(|_| is_given_up)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sessions_that_bird_gave_up_are_tried_again() {
        let name = |line: &str| given_up(line).map(|name| name.to_string());
        let line = |name: &str, protocol: &str, state: &str, error: &str| {
            format!("{name:<10} {protocol:<10} ---        {state:<6} 1795999680.197  {error}")
        };
        for error in ERRORS {
            assert_eq!(name(&line("c2v4", "BGP", "down", error)).as_deref(), Some("c2v4"));
        }
        let error = ERRORS[0];
        for other in [
            line("c2v4", "BGP", "start", error),
            line("c2v4", "BGP", "down", "Automatic shutdown: Route limit exceeded"),
            line("c2v4", "BGP", "down", ""),
            line("theirs", "BGP", "down", error),
            line("c2v4", "Static", "down", error),
            String::new(),
        ] {
            assert_eq!(name(&other), None, "{other}");
        }
    }
}
