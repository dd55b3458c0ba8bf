//! Rows of the five streams, built column by column.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Builder, Decimal128Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::calendar::days_since_1970;
use super::catalog::{category_of, name_of};
use super::click::Click;
use super::customer::Customer;
use super::order::{Line, Order};
use super::settings::ShopStream;

/// Rows of a batch.
pub(super) const BATCH_ROWS: usize = 4 * 8192;

/// The columns of a stream.
pub(super) fn schema(stream: ShopStream) -> SchemaRef {
    let bigint = |name| Field::new(name, DataType::Int64, false);
    let text = |name| Field::new(name, DataType::Utf8, false);
    let money = |name| Field::new(name, DataType::Decimal128(12, 2), false);
    let date = |name| Field::new(name, DataType::Date32, false);
    let moment = |name| {
        Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false)
    };
    let fields = match stream {
        ShopStream::Customers => vec![
            bigint("customer_id"),
            text("name"),
            text("email").with_nullable(true),
            text("country"),
            text("segment"),
            date("signed_up_on"),
        ],
        ShopStream::Products => {
            vec![bigint("product_id"), text("name"), text("category"), money("price")]
        }
        ShopStream::Orders => vec![
            bigint("order_id"),
            bigint("customer_id"),
            moment("ordered_at"),
            text("status"),
            money("discount"),
            money("total"),
            moment("updated_at"),
        ],
        ShopStream::OrderItems => vec![
            bigint("order_item_id"),
            bigint("order_id"),
            bigint("product_id"),
            bigint("quantity"),
            money("unit_price"),
        ],
        ShopStream::Clicks => vec![
            bigint("click_id"),
            text("session_id"),
            bigint("customer_id"),
            text("page"),
            bigint("product_id").with_nullable(true),
            moment("clicked_at"),
            moment("received_at"),
        ],
    };
    Arc::new(Schema::new(fields))
}

/// The column that identifies a row of a stream.
pub(super) const fn key(stream: ShopStream) -> &'static str {
    match stream {
        ShopStream::Customers => "customer_id",
        ShopStream::Products => "product_id",
        ShopStream::Orders => "order_id",
        ShopStream::OrderItems => "order_item_id",
        ShopStream::Clicks => "click_id",
    }
}

/// Rows of one stream that are not yet a batch. A column builder stands for each column in order of
/// its type, so that one struct serves all five streams.
#[derive(Debug)]
pub(super) struct Rows {
    schema: SchemaRef,
    stream: ShopStream,
    count: usize,
    numbers: Vec<Int64Builder>,
    texts: Vec<StringBuilder>,
    amounts: Vec<Decimal128Builder>,
    dates: Vec<Date32Builder>,
    moments: Vec<TimestampMicrosecondBuilder>,
}

impl Rows {
    pub(super) fn new(stream: ShopStream) -> Self {
        let schema = schema(stream);
        let of = |wanted: fn(&DataType) -> bool| {
            schema.fields().iter().filter(|field| wanted(field.data_type())).count()
        };
        let numbers = of(|t| matches!(t, DataType::Int64));
        let texts = of(|t| matches!(t, DataType::Utf8));
        let amounts = of(|t| matches!(t, DataType::Decimal128(..)));
        let dates = of(|t| matches!(t, DataType::Date32));
        let moments = of(|t| matches!(t, DataType::Timestamp(..)));
        let many = BATCH_ROWS;
        Self {
            stream,
            count: 0,
            numbers: (0..numbers).map(|_| Int64Builder::with_capacity(many)).collect(),
            texts: (0..texts).map(|_| StringBuilder::with_capacity(many, 16 * many)).collect(),
            amounts: (0..amounts).map(|_| amount_builder()).collect(),
            dates: (0..dates).map(|_| Date32Builder::with_capacity(many)).collect(),
            moments: (0..moments).map(|_| moment_builder()).collect(),
            schema,
        }
    }

    pub(super) fn stream(&self) -> ShopStream {
        self.stream
    }

    pub(super) fn is_full(&self) -> bool {
        self.count >= BATCH_ROWS
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn customer(&mut self, customer: &Customer) {
        self.numbers([customer.id]);
        self.texts[0].append_value(customer.name());
        self.texts[1].append_option(customer.email());
        self.texts[2].append_value(customer.country);
        self.texts[3].append_value(customer.segment);
        self.dates[0].append_value(days_since_1970(customer.signup_day));
    }

    pub(super) fn product(&mut self, seed: u64, product: i64, cents: i64) {
        self.numbers([product]);
        self.texts[0].append_value(name_of(seed, product));
        self.texts[1].append_value(category_of(product).name);
        self.amounts([cents]);
    }

    pub(super) fn order(&mut self, customer: i64, order: &Order, until: i32) {
        let (status, updated_at) = order.status(until);
        self.numbers([order.id, customer]);
        self.texts[0].append_value(status);
        self.amounts([order.discount_cents, order.total_cents]);
        self.moments([order.ordered_at, updated_at]);
    }

    pub(super) fn order_item(&mut self, order: i64, number: usize, line: &Line) {
        let id = order * 10 + number as i64;
        self.numbers([id, order, line.product, line.quantity]);
        self.amounts([line.price_cents]);
    }

    pub(super) fn click(&mut self, session: &str, customer: i64, click: &Click) {
        self.numbers([click.id, customer]);
        self.numbers[2].append_option(click.product);
        self.texts[0].append_value(session);
        self.texts[1].append_value(click.page);
        self.moments([click.at, click.received_at]);
    }

    /// Takes the rows as a batch.
    pub(super) fn take(&mut self) -> RecordBatch {
        let mut numbers = self.numbers.iter_mut();
        let mut texts = self.texts.iter_mut();
        let mut amounts = self.amounts.iter_mut();
        let mut dates = self.dates.iter_mut();
        let mut moments = self.moments.iter_mut();
        let same = "there is one builder for each column of a type";
        let columns = self.schema.fields().iter().map(|field| -> ArrayRef {
            match field.data_type() {
                DataType::Utf8 => Arc::new(texts.next().expect(same).finish()),
                DataType::Decimal128(..) => Arc::new(amounts.next().expect(same).finish()),
                DataType::Date32 => Arc::new(dates.next().expect(same).finish()),
                DataType::Timestamp(..) => Arc::new(moments.next().expect(same).finish()),
                _ => Arc::new(numbers.next().expect(same).finish()),
            }
        });
        let columns = columns.collect();
        // A builder gives its memory away with the batch; without new room it would grow in steps.
        *self = Self::new(self.stream);
        RecordBatch::try_new(schema(self.stream), columns)
            .expect("each row method fills every column once, with the type of the schema")
    }

    /// Starts a row with the values of its first number columns.
    fn numbers<const N: usize>(&mut self, values: [i64; N]) {
        self.count += 1;
        for (column, value) in self.numbers.iter_mut().zip(values) {
            column.append_value(value);
        }
    }

    fn amounts<const N: usize>(&mut self, cents: [i64; N]) {
        for (column, value) in self.amounts.iter_mut().zip(cents) {
            column.append_value(i128::from(value));
        }
    }

    fn moments<const N: usize>(&mut self, micros: [i64; N]) {
        for (column, value) in self.moments.iter_mut().zip(micros) {
            column.append_value(value);
        }
    }
}

fn amount_builder() -> Decimal128Builder {
    Decimal128Builder::with_capacity(BATCH_ROWS).with_data_type(DataType::Decimal128(12, 2))
}

fn moment_builder() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::with_capacity(BATCH_ROWS).with_timezone("UTC")
}
