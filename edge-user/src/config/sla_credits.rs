//! `[[prices.sla_credit]]`: the parts of the fees that customers get back, by the availability of a month.

use rust_decimal::Decimal;
use toml_span::{Span, Value};

use super::{
    SlaCredit,
    error::Errors,
    keys::{Field, Keys},
    values::{Read, wrong},
};

const FORM: &str = "[[prices.sla_credit]]";
/// The most decimals of a percentage: amounts are exact in millionths of a fee.
const MAX_DECIMALS: usize = 4;

/// `[[prices.sla_credit]]`.
pub(super) struct RawSlaCredit {
    at: Span,
    below: Field<Decimal>,
    credit: Field<Decimal>,
}

impl RawSlaCredit {
    pub(super) fn read_all<'a>(keys: &mut Keys<'a, '_>, errors: &'a Errors<'a>) -> Vec<Self> {
        let tables = keys.tables("sla_credit", FORM).into_iter();
        let read = |(table, at)| {
            let mut keys = Keys::new(table, at, FORM, errors);
            let below = keys.required("below", percentage);
            let credit = keys.required("credit", percentage);
            keys.finish();
            Self { at, below, credit }
        };
        tables.map(read).collect()
    }
}

/// The steps, the lowest availability first; `None`: there are errors.
pub(super) fn checked(raw: &[RawSlaCredit], errors: &Errors<'_>) -> Option<Vec<SlaCredit>> {
    let mut steps: Vec<(Span, SlaCredit)> = Vec::new();
    for RawSlaCredit { at, below, credit } in raw {
        let step = SlaCredit { below: below.given()?.value, credit: credit.given()?.value };
        steps.push((*at, step));
    }
    steps.sort_by_key(|(_, step)| step.below);
    let mut is_correct = true;
    for pair in steps.windows(2) {
        let [(low_at, low), (high_at, high)] = pair else { continue };
        if low.credit > high.credit && low.below < high.below {
            continue;
        }
        is_correct = false;
        let (below, first) = (low.below.normalize(), errors.place(*low_at));
        let message = if low.below == high.below {
            format!("there are two credits below {below} %; remove one (first at {first})")
        } else {
            let (more, credit) = (high.below.normalize(), high.credit.normalize());
            format!(
                "below {more} % the credit is {credit} %, which is no less than below {below} % (at {first}): give the \
                 lower availability the larger credit"
            )
        };
        errors.add(*high_at, message);
    }
    is_correct.then(|| steps.into_iter().map(|(_, step)| step).collect())
}

/// A percentage in a string: exact, so never a floating-point number.
fn percentage(value: &Value<'_>) -> Read<Decimal> {
    const HELP: &str =
        "give a percentage such as \"99.95 %\": above 0, at most 100, with at most 4 decimals";
    let number = value.as_str().and_then(|text| text.strip_suffix('%')).map(str::trim_end);
    let number = number.filter(|number| {
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |part: &str, most: usize| {
            (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        is_number(whole, 3) && is_number(decimals, MAX_DECIMALS)
    });
    let percent = number.and_then(|number| Decimal::from_str_exact(number).ok());
    let percent = percent.filter(|it| *it > Decimal::ZERO && *it <= Decimal::ONE_HUNDRED);
    percent.ok_or_else(|| wrong(value, HELP))
}
