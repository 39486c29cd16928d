//! Money in GraphQL.

use async_graphql::{InputObject, SimpleObject};
use iso_currency::Currency;

use super::scalars::{CurrencyCode, Decimal};
use crate::error::{Error, Result};
use crate::platform::money;

/// An amount in a currency.
#[derive(SimpleObject, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Money {
    /// The amount, exact, as a decimal string.
    amount: Decimal,
    /// ISO 4217.
    currency: CurrencyCode,
}

impl Money {
    /// An amount from its minor units and code, as the database keeps it.
    pub(crate) fn of(minor: i64, code: &str) -> Result<Self> {
        let currency = Currency::from_code(code)
            .ok_or_else(|| Error::internal(format!("{code} is no currency")))?;
        Ok(Self {
            amount: Decimal(money::from_minor(minor, currency)),
            currency: CurrencyCode(currency),
        })
    }
}

/// An amount in a currency.
#[derive(InputObject, Clone, Copy, Debug)]
pub(crate) struct MoneyInput {
    /// The amount as a decimal string, such as "12.50"; no finer than the currency's smallest unit.
    pub(crate) amount: Decimal,
    /// ISO 4217.
    pub(crate) currency: CurrencyCode,
}

impl MoneyInput {
    /// Minor units and code, as the database keeps it; INVALID at `field`.
    pub(crate) fn to_minor(self, field: &str) -> Result<(i64, String)> {
        let currency = self.currency.0;
        Ok((
            money::to_minor(self.amount.0, currency, field)?,
            currency.code().to_owned(),
        ))
    }
}
