//! Makes the events of a stream, customer by customer, so that memory does not grow with scale.

use std::ops::ControlFlow;

use super::calendar::{Window, day_of};
use super::catalog::Catalog;
use super::click::{self, Click};
use super::customer::Customer;
use super::dirt::spoiled;
use super::life::{Visit, live};
use super::order::Order;
use super::rows::Rows;
use super::settings::{Shop, ShopStream};
use crate::source::{RefusedRecord, SourceEvent};

/// Refused records that are handed on together.
const REFUSED_TOGETHER: usize = 256;

/// Takes an event; tells whether more are wanted.
pub(super) type Emit<'a> = dyn FnMut(SourceEvent) -> ControlFlow<()> + 'a;

/// Makes rows and refused records of a window, until no more are wanted.
pub(super) fn generate(
    shop: Shop,
    window: Window,
    stream: ShopStream,
    emit: &mut Emit<'_>,
) -> ControlFlow<()> {
    let catalog = Catalog::new(shop.seed, shop.products_per_category());
    let mut output = Output { rows: Rows::new(stream), refused: Vec::new(), emit };
    let count = if stream == ShopStream::Products { shop.products() } else { shop.customers() };
    for index in 1..=count {
        match stream {
            ShopStream::Products if window.holds(0) => {
                output.rows.product(shop.seed, index, catalog.price_cents(index));
            }
            ShopStream::Products => {}
            _ => customer_rows(&Customer::new(shop.seed, index), &catalog, window, &mut output)?,
        }
        if let Some(bad) = spoiled(shop.seed, stream, index).filter(|bad| window.holds(bad.day)) {
            output.refused.push(bad.refused());
        }
        output.flush(Flush::WhenFull)?;
    }
    output.flush(Flush::All)
}

/// Shows the clicks of a visit that become known in a window, a second time if delivered twice.
pub(super) fn known_clicks(
    customer: &Customer,
    catalog: &Catalog,
    visit: &Visit,
    window: Window,
    mut each: impl FnMut(&Click),
) {
    click::clicks(customer, catalog, visit, |click| {
        if window.holds(click.received_day()) {
            each(click);
            if click.twice {
                each(click);
            }
        }
    });
}

/// Shows the orders that were placed or have changed in a window.
pub(super) fn known_orders(
    customer: &Customer,
    catalog: &Catalog,
    visit: &Visit,
    window: Window,
    mut each: impl FnMut(&Order),
) {
    if let Some(purchase) = visit.purchase {
        let order = Order::new(customer, catalog, visit, purchase);
        if window.holds(day_of(order.status(window.until).1)) {
            each(&order);
        }
    }
}

fn customer_rows(
    customer: &Customer,
    catalog: &Catalog,
    window: Window,
    output: &mut Output<'_, '_>,
) -> ControlFlow<()> {
    let stream = output.rows.stream();
    if stream == ShopStream::Customers {
        if window.holds(customer.signup_day) {
            output.rows.customer(customer);
        }
        return ControlFlow::Continue(());
    }
    live(customer, window.until, |visit| {
        let rows = &mut output.rows;
        match stream {
            ShopStream::Clicks => {
                let mut hex = [0; 16];
                let session = session(visit.seed, &mut hex);
                known_clicks(customer, catalog, visit, window, |click| {
                    rows.click(session, customer.id, click);
                });
            }
            ShopStream::Orders => known_orders(customer, catalog, visit, window, |order| {
                rows.order(customer.id, order, window.until);
            }),
            _ if window.holds(visit.day) => {
                if let Some(purchase) = visit.purchase {
                    let order = Order::new(customer, catalog, visit, purchase);
                    for (index, line) in order.lines().iter().enumerate() {
                        rows.order_item(order.id, index + 1, line);
                    }
                }
            }
            _ => {}
        }
        output.flush(Flush::WhenFull)
    })
}

/// The name of a session: its seed in hexadecimal digits.
fn session(seed: u64, hex: &mut [u8; 16]) -> &str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (index, digit) in hex.iter_mut().enumerate() {
        *digit = DIGITS[(seed >> (60 - 4 * index) & 0xF) as usize];
    }
    std::str::from_utf8(hex).expect("hexadecimal digits are ASCII")
}

struct Output<'a, 'b> {
    rows: Rows,
    refused: Vec<RefusedRecord>,
    emit: &'a mut Emit<'b>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flush {
    WhenFull,
    All,
}

impl Output<'_, '_> {
    fn flush(&mut self, flush: Flush) -> ControlFlow<()> {
        let all = flush == Flush::All;
        if self.rows.is_full() || (all && !self.rows.is_empty()) {
            (self.emit)(SourceEvent::Rows(self.rows.take()))?;
        }
        if self.refused.len() >= REFUSED_TOGETHER || (all && !self.refused.is_empty()) {
            (self.emit)(SourceEvent::Refused(std::mem::take(&mut self.refused)))?;
        }
        ControlFlow::Continue(())
    }
}
