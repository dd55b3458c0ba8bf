//! What is wrong on purpose, in numbers that depend on seed and scale alone: records that fit no
//! schema, at places that draws decide. They are besides the good ones, so that references hold.

use serde_json::json;

use super::calendar::days_since_1970;
use super::random::{Domain, draw, scaled};
use super::settings::ShopStream;
use crate::source::RefusedRecord;

/// Code of every record that the shop spoils.
const CODE: &str = "sync.bad_value";
/// Days over which spoiled records are spread.
const DAYS: u32 = 365;

/// A record that does not fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spoiled {
    stream: ShopStream,
    index: i64,
    bits: u64,
    /// The day on which it becomes known; `None` is before the first.
    pub(super) day: i32,
}

/// The record that is spoiled beside the one of an index, if there is one: a customer's index for
/// all streams but products.
pub(super) fn spoiled(seed: u64, stream: ShopStream, index: i64) -> Option<Spoiled> {
    let (one_in, place) = match stream {
        ShopStream::Customers => (1000, 1),
        ShopStream::Products => (80, 2),
        ShopStream::Orders => (400, 3),
        ShopStream::OrderItems => (500, 4),
        ShopStream::Clicks => (40, 5),
    };
    let bits = draw(seed, Domain::Dirt, (index as u64) << 3 | place);
    let is_first_product = stream == ShopStream::Products && index == 1;
    if !is_first_product && scaled(bits, one_in) != 0 {
        return None;
    }
    let day = if stream == ShopStream::Products { 0 } else { scaled(bits >> 32, DAYS) as i32 };
    Some(Spoiled { stream, index, bits, day })
}

impl Spoiled {
    /// The record as it "came".
    pub(super) fn refused(&self) -> RefusedRecord {
        let id = -self.index;
        let at = jiff::civil::date(1970, 1, 1)
            .saturating_add(jiff::Span::new().days(days_since_1970(self.day)))
            .to_string();
        let (key, column, bad, raw) = match self.stream {
            ShopStream::Customers => {
                let bad = "soon";
                let raw = json!({"customer_id": id, "signed_up_on": bad, "country": null});
                ("customer_id", "signed_up_on", bad, raw)
            }
            ShopStream::Products => {
                let bad = self.either("n/a", "12,90 EUR");
                let raw = json!({"product_id": id, "name": "Sample", "price": bad});
                ("product_id", "price", bad, raw)
            }
            ShopStream::Orders => {
                let bad = self.either("yesterday", "0000-00-00 00:00:00");
                let raw = json!({"order_id": id, "customer_id": self.index, "ordered_at": bad});
                ("order_id", "ordered_at", bad, raw)
            }
            ShopStream::OrderItems => {
                let bad = self.either("free", "-");
                let raw = json!({"order_item_id": id, "unit_price": bad, "added_on": at});
                ("order_item_id", "unit_price", bad, raw)
            }
            ShopStream::Clicks => {
                let bad = self.either("NaN", "1970");
                let raw =
                    json!({"click_id": id, "page": "home", "clicked_at": bad, "received_on": at});
                ("click_id", "clicked_at", bad, raw)
            }
        };
        RefusedRecord {
            place: format!("{key}={id}"),
            code: CODE,
            reason: format!("`{bad}` does not fit column `{column}`"),
            raw: raw.to_string(),
        }
    }

    fn either(&self, one: &'static str, other: &'static str) -> &'static str {
        if self.bits >> 63 == 0 { one } else { other }
    }
}
