//! An order in full: lines, amounts, and how its status changes over the following days.

use super::calendar::{day_of, moment, seconds};
use super::catalog::Catalog;
use super::click;
use super::customer::Customer;
use super::life::{Purchase, Visit};
use super::random::{Domain, Draws};

/// Lines that an order has at most.
pub(super) const LINES_MAX: usize = 4;
/// Orders of one customer that numbers leave room for.
const ORDERS_MAX: i64 = 1000;
const DISCOUNT_PERCENT: i64 = 15;

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    pub(super) product: i64,
    pub(super) quantity: i64,
    pub(super) price_cents: i64,
}

/// A status and the moment from which it holds.
type Change = (&'static str, i64);

#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: i64,
    pub(super) ordered_at: i64,
    pub(super) discount_cents: i64,
    pub(super) total_cents: i64,
    lines: [Line; LINES_MAX],
    line_count: usize,
    changes: [Change; 4],
    change_count: usize,
}

impl Order {
    pub(super) fn new(
        customer: &Customer,
        catalog: &Catalog,
        visit: &Visit,
        purchase: Purchase,
    ) -> Self {
        let mut draws = Draws::at(visit.seed, Domain::Purchase, 0);
        let (lines, line_count) = lines(customer, catalog, &mut draws);
        let sum: i64 = lines.iter().map(|line| line.quantity * line.price_cents).sum();
        let discount_cents = if purchase.discounted { sum * DISCOUNT_PERCENT / 100 } else { 0 };
        let ordered_at = click::ends_at(visit) + seconds(1 + draws.below(30));
        // Of a thousand orders.
        let sent_back = if purchase.discounted { 90 } else { 45 };
        let (changes, change_count) = changes(ordered_at, sent_back, &mut draws);
        Self {
            id: customer.id * ORDERS_MAX + i64::from(purchase.number),
            ordered_at,
            discount_cents,
            total_cents: sum - discount_cents,
            lines,
            line_count,
            changes,
            change_count,
        }
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines[..self.line_count]
    }

    /// The status at the end of a day, and since when.
    pub(super) fn status(&self, day: i32) -> Change {
        let end = moment(day + 1, 0);
        let changes = &self.changes[..self.change_count];
        changes.iter().copied().rev().find(|(_, at)| *at < end).unwrap_or(self.changes[0])
    }

    /// Whether the row has changed after the day on which the order was placed.
    pub(super) fn changed_late(&self, day: i32) -> bool {
        day_of(self.status(day).1) > day_of(self.ordered_at)
    }
}

fn lines(customer: &Customer, catalog: &Catalog, draws: &mut Draws) -> ([Line; LINES_MAX], usize) {
    let count = 1 + (draws.below(7) / 2) as usize;
    let mut lines = [Line::default(); LINES_MAX];
    for line in &mut lines[..count] {
        let category = click::category(customer, draws.bits());
        let product = catalog.pick(category, draws.bits());
        let quantity = i64::from(1 + draws.below(10) / 7);
        *line = Line { product, quantity, price_cents: catalog.price_cents(product) };
    }
    (lines, count)
}

fn changes(ordered_at: i64, sent_back: u32, draws: &mut Draws) -> ([Change; 4], usize) {
    let mut at = ordered_at;
    let mut later = |hours_min: u32, hours: u32| {
        at += seconds(hours_min * 3600 + draws.below(hours * 3600));
        at
    };
    let (shipped, delivered, returned) = (later(6, 48), later(20, 120), later(48, 400));
    let end = draws.below(1000);
    let placed = ("placed", ordered_at);
    match end {
        0..40 => ([placed, ("cancelled", shipped), placed, placed], 2),
        _ if end < 40 + sent_back => {
            let sent = [("shipped", shipped), ("delivered", delivered), ("returned", returned)];
            ([placed, sent[0], sent[1], sent[2]], 4)
        }
        _ => ([placed, ("shipped", shipped), ("delivered", delivered), placed], 3),
    }
}
