//! The keys of the ledger and of its exports: `[ledger]` and `[[export]]`.

use std::{path::PathBuf, time::Duration};

use toml_span::{Span, Value};
use ureq::http::Uri;

use super::{
    Export, ExportFormat, LedgerConfig, Sink,
    error::Errors,
    keys::{Field, Keys},
    names::{self, unique},
    values::{self, Read, wrong},
};

const SAMPLE: Duration = Duration::from_mins(5);
const DAY: Duration = Duration::from_hours(24);

/// `[ledger]`.
pub(super) struct RawLedger {
    period: Field<Duration>,
    checkpoint: Field<Duration>,
    keep: Field<Duration>,
    keep_samples: Field<Duration>,
}

impl RawLedger {
    pub(super) fn read(mut keys: Keys<'_, '_>) -> Self {
        let ledger = Self {
            period: keys.optional("period", period),
            checkpoint: keys.optional("checkpoint", checkpoint),
            keep: keys.optional("keep", |value| at_least(value, DAY * 62, "62d")),
            keep_samples: keys.optional("keep_samples", |value| at_least(value, DAY * 31, "31d")),
        };
        keys.finish();
        ledger
    }

    pub(super) fn checked(&self) -> Option<LedgerConfig> {
        let default = LedgerConfig::default();
        Some(LedgerConfig {
            period: self.period.value_or(default.period)?,
            checkpoint: self.checkpoint.value_or(default.checkpoint)?,
            keep: self.keep.value_or(default.keep)?,
            keep_samples: self.keep_samples.value_or(default.keep_samples)?,
        })
    }
}

fn period(value: &Value<'_>) -> Read<Duration> {
    const HELP: &str = "give a multiple of five minutes that divides a day, such as \"15min\", \
                        \"1h\" or \"1d\"";
    let period = values::duration(value)?;
    let divides = |part: Duration, whole: Duration| {
        !part.is_zero() && whole.as_nanos().is_multiple_of(part.as_nanos())
    };
    let fits = divides(SAMPLE, period) && divides(period, DAY);
    if fits { Ok(period) } else { Err(wrong(value, HELP)) }
}

/// The longest checkpoint is as long as the shortest period, so that no reading skips a period.
fn checkpoint(value: &Value<'_>) -> Read<Duration> {
    let checkpoint = values::duration(value)?;
    let fits = (Duration::from_secs(1)..=SAMPLE).contains(&checkpoint);
    if fits { Ok(checkpoint) } else { Err(wrong(value, "give \"1s\" to \"5min\"")) }
}

fn at_least(value: &Value<'_>, least: Duration, shown: &str) -> Read<Duration> {
    let kept = values::duration(value)?;
    if kept >= least { Ok(kept) } else { Err(wrong(value, &format!("give at least {shown:?}"))) }
}

/// `[[export]]`.
pub(super) struct RawExport {
    at: Span,
    name: Field<String>,
    dir: Field<String>,
    format: Field<ExportFormat>,
    url: Field<String>,
    token_file: Field<String>,
    watermarks: Field<bool>,
}

impl RawExport {
    /// All of the file.
    pub(super) fn all<'a>(file: &mut Keys<'a, '_>, errors: &'a Errors<'a>) -> Vec<Self> {
        let tables = file.tables("export", "[[export]]").into_iter();
        tables.map(|(table, at)| Self::read(Keys::new(table, at, "[[export]]", errors))).collect()
    }

    fn read(mut keys: Keys<'_, '_>) -> Self {
        let export = Self {
            at: keys.at(),
            name: keys.required("name", values::string),
            dir: keys.optional("dir", values::string),
            format: keys.optional("format", values::choice),
            url: keys.optional("url", url),
            token_file: keys.optional("token_file", values::string),
            watermarks: keys.optional("watermarks", values::boolean),
        };
        keys.finish();
        export
    }

    fn checked(&self, errors: &Errors<'_>) -> Option<Export> {
        let name = self.name.and_then(|name| names::name("name", name, errors));
        let to = self.sink(errors);
        let watermarks = self.watermarks.value_or(false)?;
        Some(Export { name: name.given()?.value.clone(), to: to?, watermarks })
    }

    fn sink(&self, errors: &Errors<'_>) -> Option<Sink> {
        let path = |key: &str, field: &Field<String>| -> Field<PathBuf> {
            field.and_then(|path| names::path(key, path, errors))
        };
        let dir = path("dir", &self.dir);
        let token_file = path("token_file", &self.token_file);
        let misplaced = |key: &str, at: Span, other: &str| {
            errors.add(at, format!("`{key}` is of no use without `{other}`; remove one"));
        };
        match (&self.dir, &self.url) {
            (Field::Absent, Field::Absent) => {
                let message = "the export has neither `dir` nor `url`; add one of them";
                errors.add(self.at, message.into());
                None
            }
            (_, Field::Absent) => {
                if let Some(token_file) = self.token_file.given() {
                    misplaced("token_file", token_file.span, "url");
                }
                let format = self.format.value_or(ExportFormat::Jsonl)?;
                Some(Sink::Files { dir: dir.given()?.value.clone(), format })
            }
            (Field::Absent, url) => {
                if let Some(format) = self.format.given() {
                    misplaced("format", format.span, "dir");
                }
                let url = url.given()?.value.clone();
                Some(Sink::Http { url, token_file: token_file.optional().value_or(None)? })
            }
            (dir, url) => {
                let at = url.given().map_or(self.at, |url| url.span);
                let first = dir.given().map_or(self.at, |dir| dir.span);
                let place = errors.place(first);
                let message = "the export has a `url` and a `dir`; remove one, or make two exports";
                errors.add(at, format!("{message} (`dir` is at {place})"));
                None
            }
        }
    }
}

/// The exports. No two may have one name or one directory.
pub(super) fn exports(raw: &[RawExport], errors: &Errors<'_>) -> Option<Vec<Export>> {
    let names = raw.iter().filter_map(|export| export.name.given());
    unique(names.map(|name| (name, name.value.as_str())), "export", "name", errors);
    let dirs = raw.iter().filter_map(|export| {
        Some((export.dir.given()?, export.name.given().map_or("", |name| &name.value)))
    });
    unique(dirs, "export", "dir", errors);
    let exports: Vec<_> = raw.iter().map(|export| export.checked(errors)).collect();
    exports.into_iter().collect()
}

fn url(value: &Value<'_>) -> Read<String> {
    const HELP: &str = "give a URL such as \"https://billing.example.com/usage\"";
    let text = value.as_str().ok_or_else(|| wrong(value, HELP))?;
    let uri: Uri = text.parse().map_err(|_not_a_uri| wrong(value, HELP))?;
    let is_http = uri.scheme_str().is_some_and(|scheme| ["http", "https"].contains(&scheme));
    let authority = uri.authority().filter(|authority| is_http && !authority.host().is_empty());
    let authority = authority.ok_or_else(|| wrong(value, HELP))?;
    if authority.as_str().contains('@') {
        // No message and no log shows the user.
        return Err(
            "has a user in it; put a token into a file, and name that in `token_file`".into()
        );
    }
    Ok(text.into())
}
