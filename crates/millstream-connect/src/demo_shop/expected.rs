//! How many records of which kind a shop has, for tests and benches. It lives the same lives, but
//! builds no rows.

use std::convert::Infallible;
use std::ops::ControlFlow;

use super::calendar::{DEFAULT_DAY, Window, day_of};
use super::catalog::Catalog;
use super::customer::Customer;
use super::dirt::spoiled;
use super::generate::{known_clicks, known_orders};
use super::life::live;
use super::order::Order;
use super::settings::{Shop, ShopStream};

/// Records of one stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Good rows, those delivered twice counted twice.
    pub rows: u64,
    /// Records that fit no schema.
    pub refused: u64,
}

/// What a shop holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExpectedCounts {
    /// The stream `customers`.
    pub customers: StreamCounts,
    /// The stream `products`.
    pub products: StreamCounts,
    /// The stream `orders`.
    pub orders: StreamCounts,
    /// The stream `order_items`.
    pub order_items: StreamCounts,
    /// The stream `clicks`.
    pub clicks: StreamCounts,
    /// Customers without an email.
    pub null_emails: u64,
    /// Clicks that came a second time, in every column equal to the first.
    pub duplicate_clicks: u64,
    /// Clicks that became known on a later day than they happened, the second ones counted too.
    pub late_clicks: u64,
    /// Orders whose status changed after the day on which they were placed.
    pub late_orders: u64,
}

/// What a shop holds at the end of the default day.
pub fn expected(seed: u64, scale: f64) -> ExpectedCounts {
    expected_in(seed, scale, Window { after: None, until: DEFAULT_DAY })
}

/// What a sync reads of a shop in a window: new records and changed ones.
pub fn expected_in(seed: u64, scale: f64, window: Window) -> ExpectedCounts {
    let shop = Shop { seed, scale };
    let catalog = Catalog::new(seed, shop.products_per_category());
    let mut counts = ExpectedCounts::default();
    let refused = |stream: ShopStream, index: i64| {
        u64::from(spoiled(seed, stream, index).is_some_and(|bad| window.holds(bad.day)))
    };
    if window.holds(0) {
        counts.products.rows = shop.products() as u64;
    }
    for product in 1..=shop.products() {
        counts.products.refused += refused(ShopStream::Products, product);
    }
    for id in 1..=shop.customers() {
        let customer = Customer::new(seed, id);
        if window.holds(customer.signup_day) {
            counts.customers.rows += 1;
            counts.null_emails += u64::from(!customer.has_email);
        }
        counts.customers.refused += refused(ShopStream::Customers, id);
        counts.orders.refused += refused(ShopStream::Orders, id);
        counts.order_items.refused += refused(ShopStream::OrderItems, id);
        counts.clicks.refused += refused(ShopStream::Clicks, id);
        count_life(&customer, &catalog, window, &mut counts);
    }
    counts
}

fn count_life(customer: &Customer, catalog: &Catalog, window: Window, counts: &mut ExpectedCounts) {
    let ControlFlow::Continue(()) = live::<Infallible>(customer, window.until, |visit| {
        let mut last = None;
        known_clicks(customer, catalog, visit, window, |click| {
            counts.clicks.rows += 1;
            counts.late_clicks += u64::from(click.is_late());
            counts.duplicate_clicks += u64::from(last.replace(click.id) == Some(click.id));
        });
        known_orders(customer, catalog, visit, window, |order| {
            counts.orders.rows += 1;
            counts.late_orders += u64::from(order.changed_late(window.until));
        });
        if let Some(purchase) = visit.purchase.filter(|_| window.holds(visit.day)) {
            let order = Order::new(customer, catalog, visit, purchase);
            debug_assert_eq!(day_of(order.ordered_at), visit.day, "an order ends its visit");
            counts.order_items.rows += order.lines().len() as u64;
        }
        ControlFlow::Continue(())
    });
}
