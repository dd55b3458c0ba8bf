//! Settings of the shop, and what a seed and a scale mean in numbers.

use millstream_core::kind::SettingProblem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::calendar::{DEFAULT_DAY, LAST_DAY, day_of_date};
use super::catalog::CATEGORIES;
use crate::settings::problem;
use crate::settings::problems;

/// The smallest scale.
pub const SCALE_MIN: f64 = 0.01;
/// The largest scale.
pub const SCALE_MAX: f64 = 1000.0;
const CUSTOMERS_AT_SCALE_1: f64 = 20_000.0;
const PRODUCTS_PER_CATEGORY_AT_SCALE_1: f64 = 50.0;
const PRODUCTS_PER_CATEGORY_MIN: u32 = 5;

/// Settings of a `demo_shop` source.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ShopSettings {
    /// Decides every detail: the same seed and scale make the same shop everywhere.
    seed: u64,
    /// Size of the shop, from 0.01 to 1000; at 1 there are 20,000 customers and about a million
    /// clicks.
    #[schemars(range(min = 0.01, max = 1000.0))]
    scale: f64,
    /// The day at whose end the shop is seen, as a date (`2025-12-31`, the default) or counted from
    /// 2025-01-01, which is 0; the last one is 2026-01-30. A later day brings new records and late
    /// changes of old ones.
    day: Option<DaySetting>,
}

impl Default for ShopSettings {
    fn default() -> Self {
        Self { seed: 7, scale: 1.0, day: None }
    }
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
enum DaySetting {
    /// Days after 2025-01-01.
    Number(i64),
    /// A date.
    Date(String),
}

/// Settings of one stream of the shop: there are none.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShopStreamSettings {}

/// A shop: everything in it follows from this.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Shop {
    pub(super) seed: u64,
    pub(super) scale: f64,
}

impl Shop {
    pub(super) fn customers(self) -> i64 {
        (self.scale * CUSTOMERS_AT_SCALE_1).round() as i64
    }

    pub(super) fn products_per_category(self) -> u32 {
        let count = (self.scale.sqrt() * PRODUCTS_PER_CATEGORY_AT_SCALE_1).round() as u32;
        count.max(PRODUCTS_PER_CATEGORY_MIN)
    }

    pub(super) fn products(self) -> i64 {
        i64::from(self.products_per_category()) * CATEGORIES.len() as i64
    }
}

/// The streams of the shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShopStream {
    Customers,
    Products,
    Orders,
    OrderItems,
    Clicks,
}

impl ShopStream {
    pub(super) const ALL: [Self; 5] =
        [Self::Customers, Self::Products, Self::Orders, Self::OrderItems, Self::Clicks];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Products => "products",
            Self::Orders => "orders",
            Self::OrderItems => "order_items",
            Self::Clicks => "clicks",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.name() == name)
    }
}

/// The shop and the day that settings describe, or all that is wrong with them.
pub(super) fn parse(settings: &Map<String, Value>) -> Result<(Shop, i32), Vec<SettingProblem>> {
    let mut problems = problems::<ShopSettings>(settings, &[]);
    let Ok(parsed) = serde_json::from_value::<ShopSettings>(Value::Object(settings.clone())) else {
        return Err(problems);
    };
    if !(SCALE_MIN..=SCALE_MAX).contains(&parsed.scale) {
        let message = format!("{} is outside {SCALE_MIN} to {SCALE_MAX}", parsed.scale);
        problems.push(problem("scale", &message, None));
    }
    let day = match &parsed.day {
        None => Some(DEFAULT_DAY),
        Some(DaySetting::Number(number)) => i32::try_from(*number).ok(),
        Some(DaySetting::Date(text)) => day_of_date(text),
    };
    let day = day.filter(|day| (0..=LAST_DAY).contains(day));
    if day.is_none() {
        let hint = "write a date from 2025-01-01 to 2026-01-30, or its number from 0 to 394";
        problems.push(problem("day", "not a day of the shop", Some(hint)));
    }
    match day {
        Some(day) if problems.is_empty() => {
            Ok((Shop { seed: parsed.seed, scale: parsed.scale }, day))
        }
        _ => Err(problems),
    }
}

/// All problems of the settings of a source, or of one of its streams.
pub(super) fn validate(
    settings: &Map<String, Value>,
    stream: Option<&Map<String, Value>>,
) -> Vec<SettingProblem> {
    let mut all = parse(settings).err().unwrap_or_default();
    if let Some(stream) = stream {
        all.extend(problems::<ShopStreamSettings>(stream, &[]));
    }
    all
}
