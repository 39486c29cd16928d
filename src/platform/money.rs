//! Money is kept in whole minor units of its currency (cents, yen), so that sums are exact.

use iso_currency::Currency;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::error::{Error, Result, UserErrorCode};

/// Largest amount, in minor units: what JavaScript still counts exactly.
const MAX_MINOR: i64 = 1 << 53;

fn digits(currency: Currency) -> u32 {
    u32::from(currency.exponent().unwrap_or(0))
}

/// An amount in minor units. INVALID at `field` if it is negative, finer than the currency's smallest
/// unit, or too large to count exactly.
pub fn to_minor(amount: Decimal, currency: Currency, field: &str) -> Result<i64> {
    let scale = Decimal::from(10_i64.pow(digits(currency)));
    let minor = amount
        .checked_mul(scale)
        .filter(|n| n.fract().is_zero())
        .and_then(|n| n.to_i64());
    minor
        .filter(|n| (0..=MAX_MINOR).contains(n))
        .ok_or_else(|| {
            let text = format!(
                "Give an amount of 0 or more with at most {} decimal places for {}.",
                digits(currency),
                currency.code()
            );
            Error::user(UserErrorCode::Invalid, field, text)
        })
}

/// An amount from its minor units.
#[must_use]
pub fn from_minor(minor: i64, currency: Currency) -> Decimal {
    Decimal::new(minor, digits(currency))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_survive_the_round_trip_or_are_refused() {
        let dec = |text: &str| Decimal::from_str_exact(text).unwrap();
        assert_eq!(to_minor(dec("12.5"), Currency::EUR, "fee").unwrap(), 1250);
        assert_eq!(to_minor(dec("12"), Currency::JPY, "fee").unwrap(), 12);
        assert_eq!(from_minor(1250, Currency::EUR).to_string(), "12.50");
        for (bad, currency) in [
            ("12.345", Currency::EUR),
            ("0.5", Currency::JPY),
            ("-1", Currency::EUR),
        ] {
            assert!(to_minor(dec(bad), currency, "fee").is_err(), "{bad}");
        }
        assert!(to_minor(Decimal::MAX, Currency::EUR, "fee").is_err());
    }
}
