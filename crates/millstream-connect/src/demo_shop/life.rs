//! What a customer does, day by day.
//!
//! A wish to buy grows when the cycle of the favorite category comes round, when there is a sale
//! and the customer waits for one, and with the customer's own eagerness. A wish lasts some days,
//! in which the customer visits often, and mostly ends in an order. Customers also leave for good.
//! So recency, frequency, the clicks of the last week, the category and the use of discounts tell
//! who buys next, none of them alone, and never for sure.

use std::ops::ControlFlow;

use super::catalog::CATEGORIES;
use super::customer::Customer;
use super::random::{Domain, Draws, draw};

/// A customer leaves for another shop with this chance per day, in 65,536ths. They still look in
/// now and then, so that clicks alone do not tell.
const LEAVES: u64 = 160;
/// A wish ends in an order with this chance, in 256ths.
const WISH_COMES_TRUE: u64 = 176;
/// Chance of a visit on a day of a wish, in 65,536ths.
const VISITS_WITH_WISH: u32 = 24_000;
/// A sale begins every so many days.
const SALE_EVERY_DAYS: i32 = 61;
const SALE_DAYS: i32 = 9;

/// A customer's session on one day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visit {
    pub(super) day: i32,
    /// Seed of all details.
    pub(super) seed: u64,
    /// Number of the first click within the customer's history.
    pub(super) first_click: u32,
    pub(super) clicks: u32,
    /// The order in which the visit ends.
    pub(super) purchase: Option<Purchase>,
}

/// An order as the customer decides it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purchase {
    /// Number within the customer's history.
    pub(super) number: u32,
    pub(super) discounted: bool,
}

struct Wish {
    ends: i32,
    comes_true: bool,
}

/// Shows the visits of a customer until the end of a day, in order.
pub(super) fn live<B>(
    customer: &Customer,
    until: i32,
    mut visit: impl FnMut(&Visit) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let mut draws = Draws::at(customer.seed, Domain::Life, customer.id as u64);
    let cycle = CATEGORIES[customer.favorite as usize].cycle_days;
    let mut days_since_order = draws.below(2 * cycle);
    let (mut wish, mut has_left, mut first_click, mut number) = (None, false, 0, 0);
    for day in customer.signup_day.max(0)..=until {
        let bits = draws.bits();
        has_left |= (bits & 0xFFFF) < LEAVES;
        days_since_order += 1;
        let may_wish = wish.is_none() && !has_left;
        if may_wish && (bits >> 16 & 0xFFFF) < eagerness(customer, day, days_since_order) {
            wish = Some(Wish {
                ends: day + 2 + (bits >> 32 & 7) as i32,
                comes_true: (bits >> 35 & 0xFF) < WISH_COMES_TRUE,
            });
        }
        let buys = wish.as_ref().is_some_and(|wish| wish.comes_true && wish.ends == day);
        let chance = if wish.is_some() { VISITS_WITH_WISH } else { customer.curiosity };
        if buys || (bits >> 43 & 0xFFFF) < u64::from(chance) {
            let seed = draw(bits, Domain::Visit, customer.id as u64);
            let wished = if wish.is_some() { (seed >> 8 & 3) as u32 } else { 0 };
            let clicks = 2 + (seed & 3) as u32 + wished + if buys { 3 } else { 0 };
            let purchase = buys.then(|| {
                let chances = if !customer.bargain_hunter {
                    if on_sale(day) { 90 } else { 30 }
                } else if on_sale(day) {
                    230
                } else {
                    80
                };
                Purchase { number, discounted: (seed >> 16 & 0xFF) < chances }
            });
            visit(&Visit { day, seed, first_click, clicks, purchase })?;
            first_click += clicks;
        }
        if buys {
            number += 1;
            days_since_order = 0;
        }
        if wish.as_ref().is_some_and(|wish| wish.ends == day) {
            wish = None;
        }
    }
    ControlFlow::Continue(())
}

/// Chance that a wish starts today, in 65,536ths.
fn eagerness(customer: &Customer, day: i32, days_since_order: u32) -> u64 {
    let cycle = CATEGORIES[customer.favorite as usize].cycle_days;
    let due_percent = match days_since_order * 100 / cycle {
        0..60 => 15,
        60..85 => 90,
        85..130 => 420,
        130..200 => 120,
        _ => 45,
    };
    let sale_percent = match (on_sale(day), customer.bargain_hunter) {
        (true, true) => 300,
        (true, false) => 115,
        (false, true) => 55,
        (false, false) => 100,
    };
    u64::from(customer.wish) * due_percent * sale_percent / 10_000
}

fn on_sale(day: i32) -> bool {
    day.rem_euclid(SALE_EVERY_DAYS) < SALE_DAYS
}
