//! The clicks of a visit.

use super::calendar::{MICROS_OF_DAY, day_of, moment, seconds};
use super::catalog::{CATEGORIES, Catalog};
use super::customer::Customer;
use super::life::Visit;
use super::random::{Domain, draw, scaled};

/// Clicks of one customer that numbers leave room for.
const CLICKS_MAX: i64 = 100_000;
/// One click of this many is delivered twice.
const TWICE_ONE_IN: u64 = 512;
/// One click of this many is delivered one to three days late.
const LATE_ONE_IN: u64 = 128;
/// Seconds between two clicks, at most.
const PAUSE_SECONDS: u32 = 90;

#[derive(Debug)]
pub(super) struct Click {
    pub(super) id: i64,
    pub(super) page: &'static str,
    pub(super) product: Option<i64>,
    pub(super) at: i64,
    pub(super) received_at: i64,
    pub(super) twice: bool,
}

impl Click {
    /// The day on which the click becomes known.
    pub(super) fn received_day(&self) -> i32 {
        day_of(self.received_at)
    }

    /// Whether it becomes known on a later day than that of the click.
    pub(super) fn is_late(&self) -> bool {
        self.received_day() > day_of(self.at)
    }
}

/// Shows the clicks of a visit, in order.
pub(super) fn clicks(
    customer: &Customer,
    catalog: &Catalog,
    visit: &Visit,
    mut each: impl FnMut(&Click),
) {
    let mut at = starts_at(visit);
    for index in 0..visit.clicks {
        let bits = draw(visit.seed, Domain::Click, u64::from(index));
        if index > 0 {
            at += pause(visit, index);
        }
        let page = page(visit, index, bits);
        let delay = if bits.is_multiple_of(LATE_ONE_IN) {
            MICROS_OF_DAY * (1 + (bits >> 8 & 0xFF) as i64 % 3)
        } else {
            (bits >> 8 & 0xFFFF) as i64
        };
        each(&Click {
            id: customer.id * CLICKS_MAX + i64::from(visit.first_click + index),
            page,
            product: (page == "product" || page == "cart")
                .then(|| catalog.pick(category(customer, bits), bits >> 24)),
            at,
            received_at: at + delay,
            twice: (bits >> 40).is_multiple_of(TWICE_ONE_IN),
        });
    }
}

/// The moment of a visit's last click.
pub(super) fn ends_at(visit: &Visit) -> i64 {
    starts_at(visit) + (1..visit.clicks).map(|index| pause(visit, index)).sum::<i64>()
}

/// The favorite category most of the time.
pub(super) fn category(customer: &Customer, bits: u64) -> u32 {
    if bits & 0xFF < 165 { customer.favorite } else { scaled(bits >> 8, CATEGORIES.len() as u32) }
}

/// Between 6 in the morning and 22 at night, so that a visit ends on its day.
fn starts_at(visit: &Visit) -> i64 {
    let second = 6 * 3600 + scaled(visit.seed >> 32, 16 * 3600);
    moment(visit.day, seconds(second) + (visit.seed & 0xF_FFFF) as i64 % 1_000_000)
}

fn pause(visit: &Visit, index: u32) -> i64 {
    let bits = draw(visit.seed, Domain::Visit, u64::from(index));
    seconds(2 + scaled(bits, PAUSE_SECONDS)) + (bits >> 32) as i64 % 1_000_000
}

fn page(visit: &Visit, index: u32, bits: u64) -> &'static str {
    let left = visit.clicks - index;
    match bits >> 16 & 0xF {
        _ if visit.purchase.is_some() && left == 1 => "checkout",
        _ if visit.purchase.is_some() && left == 2 => "cart",
        0..8 if index == 0 => "home",
        _ if index == 0 => "search",
        0..3 => "category",
        3 => "search",
        4 => "cart",
        _ => "product",
    }
}
