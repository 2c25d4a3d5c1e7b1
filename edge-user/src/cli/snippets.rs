//! Errors of a configuration for someone at a terminal: each below the line of the file that it is
//! about. Programs get a line each.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use edge_user::config::ConfigErrors;

pub(super) fn render(errors: &ConfigErrors, renderer: &Renderer) -> String {
    let path = errors.path().display().to_string();
    let blocks = errors.errors().iter().map(|error| {
        let report = match error.bytes {
            Some((start, end)) => {
                let annotation = AnnotationKind::Primary.span(start..end);
                let snippet = Snippet::source(errors.text()).path(&*path).annotation(annotation);
                Level::ERROR.primary_title(&*error.message).element(snippet)
            }
            None => Level::ERROR.primary_title(&*error.message).element(Origin::path(&*path)),
        };
        renderer.render(&[report])
    });
    blocks.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use edge_user::config;

    use super::*;

    const BAD: &str = "[edge]\nname = \"ams-1\"\n[[port]]\nname = \"a\"\ninterface = \"eth1\"\n\
                       side = \"customers\"\n";

    #[test]
    fn an_error_is_shown_below_its_line() {
        let errors = config::parse(BAD, Path::new("edge.toml")).expect_err("no such side");
        let shown = render(&errors, &Renderer::plain());
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[0].starts_with("error: `side` is \"customers\""), "{shown}");
        assert!(lines[1].contains("--> edge.toml:6:8"), "{shown}");
        assert!(lines[3].contains("6 | side = \"customers\""), "{shown}");
        assert!(lines[4].contains("^^^^^^^^^"), "{shown}");
    }

    #[test]
    fn a_file_that_is_not_there_has_its_name() {
        let errors = config::load(Path::new("/nonexistent/edge.toml")).expect_err("absent");
        let shown = render(&errors, &Renderer::plain());
        assert!(shown.contains("can't be read") && shown.contains("/nonexistent/edge.toml"));
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        let bad = BAD.replace("customers", "\\u001b[2J").replace("eth1", "eth1\u{1b}[31m");
        let errors = config::parse(&bad, Path::new("edge.toml")).expect_err("no such side");
        assert!(!render(&errors, &Renderer::plain()).contains('\u{1b}'));
    }
}
