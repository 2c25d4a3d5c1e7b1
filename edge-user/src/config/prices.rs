//! `[prices]`: exact decimals by zone, and the zones that circuits name.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use toml_span::{Span, Spanned, Value, value::ValueInner};

use super::{
    Gigabyte, MonthlyFees, Prices, ZonePrices,
    error::Errors,
    keys::{Field, Keys},
    names::{self, unknown},
    sla_credits::{self, RawSlaCredit},
    values::{self, Read, wrong},
};

/// The most decimals with which 128 bits can hold exact amounts.
const MAX_DECIMALS: usize = 10;
const MAX_WHOLE_DIGITS: usize = 12;

/// `[prices]`.
pub(super) struct RawPrices {
    currency: Field<String>,
    gb: Field<Gigabyte>,
    zone: Field<String>,
    /// `None`: `zones` is no table of tables.
    zones: Option<Vec<RawZone>>,
    sla_credits: Vec<RawSlaCredit>,
}

/// `[prices.zones.NAME]`.
struct RawZone {
    name: Spanned<String>,
    outbound_gb: Field<Decimal>,
    monthly: Vec<RawMonthly>,
}

/// `[[prices.zones.NAME.monthly]]`.
struct RawMonthly {
    bandwidth_bps: Field<u64>,
    metered: Field<Decimal>,
    unlimited: Field<Decimal>,
    local: Field<Decimal>,
    premium: Field<Decimal>,
}

/// The zones that circuits can name.
pub(super) enum Zones {
    /// There are no prices.
    None,
    /// Not known, as the prices are wrong.
    Unknown,
    /// These.
    Known {
        /// Their names.
        names: Vec<String>,
        /// The zone of circuits that name none.
        default: Option<String>,
    },
}

impl RawPrices {
    pub(super) fn read<'a>(mut keys: Keys<'a, '_>, errors: &'a Errors<'a>) -> Self {
        let at = keys.at();
        let prices = Self {
            currency: keys.required("currency", currency),
            gb: keys.optional("gb", values::choice),
            zone: keys.optional("zone", values::string),
            zones: match keys.table("zones", "[prices.zones.NAME]") {
                Field::Given(zones) => read_zones(zones.value, errors),
                Field::Bad => None,
                Field::Absent => Some(Vec::new()),
            },
            sla_credits: RawSlaCredit::read_all(&mut keys, errors),
        };
        if prices.zones.as_ref().is_some_and(Vec::is_empty) {
            errors.add(at, "[prices] has no zone; add [prices.zones.NAME]".into());
        }
        keys.finish();
        prices
    }

    /// Stand-in for a `[prices]` that is no table: every key counts as wrong.
    pub(super) fn bad() -> Self {
        let (currency, gb, zone) = (Field::Bad, Field::Bad, Field::Bad);
        Self { currency, gb, zone, zones: None, sla_credits: Vec::new() }
    }

    /// The checked prices. Every error in them is reported.
    pub(super) fn checked(&self, zones: &Zones, errors: &Errors<'_>) -> Option<Prices> {
        if let (Some(zone), Zones::Known { names, .. }) = (self.zone.given(), zones) {
            check_known(zone, names, errors);
        }
        let raw_zones = self.zones.as_deref().unwrap_or_default();
        let checked: Vec<_> = raw_zones.iter().map(|zone| zone.checked(errors)).collect();
        let sla_credits = sla_credits::checked(&self.sla_credits, errors);
        let Zones::Known { default, .. } = zones else { return None };
        Some(Prices {
            currency: self.currency.given()?.value.clone(),
            gb: self.gb.value_or(Gigabyte::Decimal)?,
            zone: default.clone(),
            zones: checked.into_iter().collect::<Option<_>>()?,
            sla_credits: sla_credits?,
        })
    }
}

impl Zones {
    pub(super) fn new(prices: Option<&RawPrices>) -> Self {
        let Some(prices) = prices else { return Self::None };
        let Some(zones) = &prices.zones else { return Self::Unknown };
        let names: Vec<String> = zones.iter().map(|zone| zone.name.value.clone()).collect();
        let only = if let [only] = names.as_slice() { Some(only.clone()) } else { None };
        let default = prices.zone.given().map(|zone| zone.value.clone()).or(only);
        Self::Known { names, default }
    }

    /// The zone of circuits that name none.
    pub(super) fn default(&self) -> Option<&str> {
        match self {
            Self::Known { default, .. } => default.as_deref(),
            Self::None | Self::Unknown => None,
        }
    }

    /// The zone that a circuit names.
    pub(super) fn own(&self, zone: &Field<String>, errors: &Errors<'_>) -> Field<Option<String>> {
        zone.and_then(|zone| {
            match self {
                Self::Known { names, .. } => check_known(zone, names, errors)?,
                Self::Unknown => {}
                Self::None => {
                    let name = &zone.value;
                    let message = format!(
                        "`zone` is {name:?}, and there are no prices; add [prices] with \
                         `currency` and [prices.zones.{name:?}], or remove `zone`"
                    );
                    errors.add(zone.span, message);
                    return None;
                }
            }
            Some(Some(zone.value.clone()))
        })
    }
}

fn check_known(zone: &Spanned<String>, names: &[String], errors: &Errors<'_>) -> Option<()> {
    let name = zone.value.as_str();
    let is_known = names.iter().any(|known| known == name);
    // Where there is no zone at all, `[prices]` has the error.
    if !is_known && !names.is_empty() {
        let known = names.iter().map(String::as_str);
        errors.add(zone.span, format!("`zone` names {}", unknown("zone", name, known)));
    }
    is_known.then_some(())
}

impl RawZone {
    fn checked(&self, errors: &Errors<'_>) -> Option<(String, ZonePrices)> {
        let name = names::name("zones", &self.name, errors);
        let mut seen: BTreeMap<u64, Span> = BTreeMap::new();
        let mut monthly = Some(BTreeMap::new());
        for raw in &self.monthly {
            if let Some(bandwidth) = raw.bandwidth_bps.given() {
                if let Some(first) = seen.get(&bandwidth.value) {
                    let rate = crate::units::bit_rate(bandwidth.value);
                    let place = errors.place(*first);
                    let message = format!("{rate} has two prices in the zone; remove one");
                    errors.add(bandwidth.span, format!("{message} (first at {place})"));
                } else {
                    seen.insert(bandwidth.value, bandwidth.span);
                }
            }
            monthly = monthly.zip(raw.checked()).map(|(mut monthly, (bandwidth_bps, fees))| {
                monthly.insert(bandwidth_bps, fees);
                monthly
            });
        }
        let outbound_gb = self.outbound_gb.optional().value_or(None)?;
        Some((name?, ZonePrices { outbound_gb, monthly: monthly? }))
    }
}

impl RawMonthly {
    fn read(mut keys: Keys<'_, '_>) -> Self {
        let monthly = Self {
            bandwidth_bps: keys.required("bandwidth", values::bandwidth),
            metered: keys.optional("metered", price),
            unlimited: keys.optional("unlimited", price),
            local: keys.optional("local", price),
            premium: keys.optional("premium", price),
        };
        keys.finish();
        monthly
    }

    fn checked(&self) -> Option<(u64, MonthlyFees)> {
        let fees = MonthlyFees {
            metered: self.metered.optional().value_or(None)?,
            unlimited: self.unlimited.optional().value_or(None)?,
            local: self.local.optional().value_or(None)?,
            premium: self.premium.optional().value_or(None)?,
        };
        Some((self.bandwidth_bps.given()?.value, fees))
    }
}

fn read_zones<'a>(
    zones: &'a toml_span::value::Table<'_>,
    errors: &'a Errors<'a>,
) -> Option<Vec<RawZone>> {
    let read = zones.iter().map(|(key, value)| {
        let name = Spanned::with_span(key.name.to_string(), key.span);
        let Some(table) = value.as_table() else {
            let refusal = wrong(value, "write [prices.zones.NAME]");
            errors.add(value.span, format!("a zone {refusal}"));
            return None;
        };
        let mut keys = Keys::new(table, value.span, "[prices.zones.NAME]", errors);
        let outbound_gb = keys.optional("outbound_gb", price);
        let form = "[[prices.zones.NAME.monthly]]";
        let monthly = keys.tables("monthly", form).into_iter();
        let read = |(table, at)| RawMonthly::read(Keys::new(table, at, form, errors));
        let monthly = monthly.map(read).collect();
        keys.finish();
        Some(RawZone { name, outbound_gb, monthly })
    });
    let read: Vec<_> = read.collect();
    read.into_iter().collect()
}

fn currency(value: &Value<'_>) -> Read<String> {
    let is_code = |text: &&str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    let code = value.as_str().filter(is_code).map(Into::into);
    code.ok_or_else(|| wrong(value, "give a currency's three letters, such as \"EUR\""))
}

/// An amount of money: exact, so never a floating-point number.
fn price(value: &Value<'_>) -> Read<Decimal> {
    const HELP: &str = "give a price such as \"0.025\", with at most 12 digits before the point \
                        and 10 behind it";
    let number = match value.as_ref() {
        ValueInner::String(text) => text.to_string(),
        ValueInner::Integer(number) => number.to_string(),
        ValueInner::Float(_) => {
            let help = "a price is exact, so write it in quotes, such as \"0.025\"";
            return Err(wrong(value, help));
        }
        ValueInner::Boolean(_) | ValueInner::Array(_) | ValueInner::Table(_) => {
            return Err(wrong(value, HELP));
        }
    };
    if number.starts_with('-') {
        return Err(wrong(value, "a price can't be negative: give 0 or more"));
    }
    let is_number = |part: &str, most: usize| {
        (1..=most).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((&number, "0"));
    let fits = is_number(whole, MAX_WHOLE_DIGITS) && is_number(decimals, MAX_DECIMALS);
    let price = Decimal::from_str_exact(&number).ok().filter(|_| fits);
    price.ok_or_else(|| wrong(value, HELP))
}
