//! The contract's scalars. Each parses strictly, and says in its error what it wants.

use std::borrow::Cow;

use async_graphql::registry::Registry;
use async_graphql::{InputType, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use chrono::NaiveDate;
use iso_currency::Currency;
use rust_decimal::Decimal as Number;

use crate::platform::clock::{Day, Timestamp};

/// How a time is written.
pub(crate) const HOW_TIME: &str =
    "Write the time as RFC 3339 with its offset, such as 2026-11-22T09:30:00Z.";

fn text<T: ScalarType + InputType>(value: Value) -> Result<String, InputValueError<T>> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::expected_type(other)),
    }
}

/// An instant, RFC 3339 with its offset: `2026-11-22T09:30:00Z`. Kept in UTC, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DateTime(pub(crate) Timestamp);

#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text::<Self>(value)?;
        let at = Timestamp::from_rfc3339(&text).ok_or_else(|| InputValueError::custom(HOW_TIME));
        at.map(Self)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_rfc3339())
    }
}

/// A calendar day: `2026-11-22`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date(pub(crate) Day);

#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text::<Self>(value)?;
        match NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
            Ok(date) if text.len() == 10 => Ok(Self(date.into())),
            _ => Err(InputValueError::custom(
                "Write the day as YYYY-MM-DD, such as 2026-11-22.",
            )),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_date().to_string())
    }
}

/// A decimal number as a string, exact: `"12.50"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal(pub(crate) Number);

#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = match value {
            Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
            other => text::<Self>(other)?,
        };
        Number::from_str_exact(&text).map(Self).map_err(|_| {
            InputValueError::custom("Write the number as a decimal string, such as \"12.50\".")
        })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// A language, BCP 47: `en`, `zh-Hans`, `pt-BR`. Kept in its canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Locale(pub(crate) String);

#[Scalar]
impl ScalarType for Locale {
    fn parse(value: Value) -> InputValueResult<Self> {
        crate::platform::locale::canonical(&text::<Self>(value)?)
            .map(Self)
            .ok_or_else(|| {
                InputValueError::custom(
                    "Write the language as BCP 47, such as en, zh-Hans or pt-BR.",
                )
            })
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A market: an ISO 3166-1 alpha-2 code in capitals, `US`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CountryCode(pub(crate) String);

#[Scalar]
impl ScalarType for CountryCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text::<Self>(value)?;
        if crate::platform::locale::is_country(&text) {
            Ok(Self(text))
        } else {
            Err(InputValueError::custom(
                "Write the market as ISO 3166-1 alpha-2 in capitals, such as US.",
            ))
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A currency: an ISO 4217 code, `EUR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CurrencyCode(pub(crate) Currency);

#[Scalar]
impl ScalarType for CurrencyCode {
    fn parse(value: Value) -> InputValueResult<Self> {
        Currency::from_code(&text::<Self>(value)?)
            .map(Self)
            .ok_or_else(|| InputValueError::custom("Write the currency as ISO 4217, such as EUR."))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.code().to_owned())
    }
}

/// A SHA-256 hash: 64 lower-case hex digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sha256(pub(crate) String);

#[Scalar]
impl ScalarType for Sha256 {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text::<Self>(value)?;
        let fits = text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if fits {
            Ok(Self(text))
        } else {
            Err(InputValueError::custom(
                "Write the hash as 64 lower-case hex digits.",
            ))
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A whole number up to 2^53, which JavaScript still counts exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Int64(pub(crate) i64);

const EXACT: i64 = 1 << 53;

#[Scalar]
impl ScalarType for Int64 {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::Number(number) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        match number.as_i64() {
            Some(n) if (-EXACT..=EXACT).contains(&n) => Ok(Self(n)),
            _ => Err(InputValueError::custom(
                "A whole number between -2^53 and 2^53.",
            )),
        }
    }

    fn to_value(&self) -> Value {
        self.0.into()
    }
}

/// An absolute http or https address of at most 2,048 characters, without user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url(pub(crate) String);

#[Scalar(name = "URL")]
impl ScalarType for Url {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text::<Self>(value)?;
        let fits = text.len() <= 2048
            && !text.chars().any(|c| c.is_control() || c.is_whitespace())
            && url::Url::parse(&text).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.has_host()
                    && url.username().is_empty()
                    && url.password().is_none()
            });
        if fits {
            Ok(Self(text))
        } else {
            Err(InputValueError::custom(
                "Write a whole http or https address, without user and password.",
            ))
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// A URL in an input that says itself what is wrong with it: a user error there, instead of a bad request.
pub(crate) struct AnyUrl(pub(crate) String);

impl InputType for AnyUrl {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <Url as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Url as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> Result<Self, InputValueError<Self>> {
        let text = match value {
            Some(Value::String(text)) => text,
            other => return Err(InputValueError::expected_type(other.unwrap_or_default())),
        };
        if text.len() > 2048 {
            return Err(InputValueError::custom(
                "Write an address of at most 2,048 characters.",
            ));
        }
        Ok(Self(text))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// Any JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Json(pub(crate) serde_json::Value);

#[Scalar(name = "JSON")]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        value
            .into_json()
            .map(Self)
            .map_err(|_| InputValueError::custom("This is not JSON."))
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone()).unwrap_or_default()
    }
}
