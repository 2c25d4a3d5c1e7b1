//! The ledger's keys, and exports.

use std::{path::Path, time::Duration};

use super::{Export, ExportFormat, LedgerConfig, MINIMAL, Sink, check, parse};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

fn accepted(tables: &str) -> super::Config {
    parse(&format!("{MINIMAL}{tables}"), Path::new("f")).expect("correct")
}

#[test]
fn what_is_not_given_has_its_default() {
    let hourly = LedgerConfig {
        period: HOUR,
        checkpoint: Duration::from_secs(10),
        keep: DAY * 400,
        keep_samples: DAY * 100,
    };
    assert_eq!(accepted("[ledger]").ledger, hourly);
    let given = "[ledger]\nperiod='15min'\ncheckpoint='1s'\nkeep='62d'\nkeep_samples='31d'";
    let expected = LedgerConfig {
        period: HOUR / 4,
        checkpoint: Duration::from_secs(1),
        keep: DAY * 62,
        keep_samples: DAY * 31,
    };
    assert_eq!(accepted(given).ledger, expected);
}

#[test]
fn periods_tile_the_day_and_hold_whole_samples() {
    for minutes in [5, 10, 15, 20, 30, 45, 60, 90, 120, 240, 720, 1_440] {
        let config = accepted(&format!("[ledger]\nperiod='{minutes}min'"));
        assert_eq!(config.ledger.period, Duration::from_mins(minutes));
    }
    for period in ["0s", "1min", "7min", "25min", "7h", "2d", "0.001s", "3600.5s"] {
        check(&format!("{MINIMAL}[ledger]\nperiod='{period}'"), &[(12, "that divides a day")]);
    }
}

#[test]
fn bounds() {
    for (line, words) in [
        ("period=3600", "`period` is 3600; give a time such as \"10s\""),
        ("period='1 hour'", "unknown unit \"hour\""),
        ("checkpoint='999ms'", "give \"1s\" to \"5min\""),
        ("checkpoint='301s'", "give \"1s\" to \"5min\""),
        ("keep='61d'", "give at least \"62d\""),
        ("keep='300000d'", "too large"),
        ("keep_samples='743h'", "give at least \"31d\""),
        ("keep_sample='31d'", "did you mean `keep_samples`?"),
    ] {
        check(&format!("{MINIMAL}[ledger]\n{line}"), &[(12, words)]);
    }
    check(&format!("ledger=5\n{MINIMAL}"), &[(1, "`ledger` is 5; write [ledger], once")]);
}

#[test]
fn exports() {
    let config = accepted(
        "[[export]]\nname='a'\ndir='/var/spool/a'\n\
         [[export]]\nname='b'\ndir='/var/spool/b'\nformat='csv'\n\
         [[export]]\nname='c'\nurl='https://billing.example.com/usage'\n\
         [[export]]\nname='d'\nurl='http://[::1]:8080/'\ntoken_file='/etc/edge/token'\nwatermarks=true\n",
    );
    let files = |name: &str, dir: &str, format| Export {
        name: name.into(),
        to: Sink::Files { dir: dir.into(), format },
        watermarks: false,
    };
    let http = |name: &str, url: &str, token_file: Option<&str>| Export {
        name: name.into(),
        to: Sink::Http { url: url.into(), token_file: token_file.map(Into::into) },
        watermarks: name == "d",
    };
    let expected = [
        files("a", "/var/spool/a", ExportFormat::Jsonl),
        files("b", "/var/spool/b", ExportFormat::Csv),
        http("c", "https://billing.example.com/usage", None),
        http("d", "http://[::1]:8080/", Some("/etc/edge/token")),
    ];
    assert_eq!(config.exports, expected);
}

#[test]
fn wrong_exports() {
    let cases: &[(&str, &[(usize, &str)])] = &[
        ("dir='/a'", &[(11, "[[export]] has no `name`")]),
        ("name=''\ndir='/a'", &[(12, "`name` is empty")]),
        ("name='a'", &[(11, "neither `dir` nor `url`")]),
        ("name='a'\ndir='/a'\nurl='http://h/'", &[(14, "(`dir` is at f:13:5)")]),
        ("name='a'\ndir='a'", &[(13, "not an absolute path")]),
        ("name='a'\ndir='/a'\nformat='xml'", &[(14, "give \"jsonl\" or \"csv\"")]),
        ("name='a'\ndir='/a'\ntoken_file='/t'", &[(14, "`token_file` is of no use without `url`")]),
        ("name='a'\nurl='http://h/'\nformat='csv'", &[(14, "`format` is of no use without `dir`")]),
        ("name='a'\nurl='http://h/'\ntoken_file='t'", &[(14, "not an absolute path")]),
        (
            "name='a'\ndir='/a'\nwatermarks='yes'",
            &[(14, "`watermarks` is \"yes\"; give true or false")],
        ),
        ("name='a'\nurl='ftp://h/'", &[(13, "give a URL such as")]),
        ("name='a'\nurl='h/usage'", &[(13, "give a URL such as")]),
        ("name='a'\nurl='/usage'", &[(13, "give a URL such as")]),
        ("name='a'\nurl='http://h/a b'", &[(13, "give a URL such as")]),
        ("name='a'\nurl='https://u:secret@h/'", &[(13, "`url` has a user in it")]),
        ("name='a'\nurl=5", &[(13, "`url` is 5; give a URL")]),
        (
            "name='a'\ndir='/a'\n[[export]]\nname='a'\ndir='/b'",
            &[(15, "two exports have the name \"a\"; choose another (also claimed at f:12:6")],
        ),
        (
            "name='a'\ndir='/a'\n[[export]]\nname='b'\ndir='/a'",
            &[(16, "two exports have the dir \"/a\"")],
        ),
    ];
    for (lines, expected) in cases {
        check(&format!("{MINIMAL}[[export]]\n{lines}"), expected);
    }
    check(&format!("{MINIMAL}[export]\nname='a'"), &[(11, "write [[export]] for each one")]);
    let text = format!("{MINIMAL}[[export]]\nname='a'\nurl='https://u:secret@h/'");
    let errors = parse(&text, Path::new("f")).expect_err("a user").to_string();
    assert!(!errors.contains("secret"), "{errors}");
}

#[test]
fn a_token_in_the_clear_is_warned_of() {
    for (url, is_warned) in [
        ("http://billing.example.com/", true),
        ("https://billing.example.com/", false),
        ("http://127.0.0.1:9/", false),
        ("http://[::1]:9/", false),
    ] {
        let export = format!("[[export]]\nname='a'\nurl='{url}'\n");
        let warned = |tables: &str| {
            accepted(tables).warnings().iter().any(|warning| warning.contains("unencrypted"))
        };
        assert!(!warned(&export), "{url}");
        assert_eq!(warned(&format!("{export}token_file='/t'")), is_warned, "{url}");
    }
}
