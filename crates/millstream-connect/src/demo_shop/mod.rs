//! A shop that does not exist: customers, products, orders, order items and clicks, made from a
//! seed.
//!
//! It needs no input, has a signal worth learning (who buys again within 30 days, see `life.rs`),
//! dirty records and late changes in known numbers ([`expected()`]), and any size: it is the input of
//! the example `shop` and the load generator of benches. The same seed and scale make the same
//! bytes on every platform. The history ends on a day; a later day brings new records and changes
//! of old ones, which a stream that merges or appends reads alone.

mod calendar;
mod catalog;
mod click;
mod customer;
mod dirt;
mod expected;
mod generate;
mod life;
mod order;
mod random;
mod rows;
mod settings;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use millstream_core::batch::BoxFuture;
use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::kind::KindInfo;
use millstream_core::spec::{SourceSpec, StreamSpec, SyncMode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::settings::{Shop, ShopSettings, ShopStream, ShopStreamSettings};
use crate::columns::type_name;
use crate::raw::RawLoad;
use crate::records::checkpoint::restore;
use crate::records::error::SourceError;
use crate::records::fit::Fit;
use crate::records::handover::{self, Stop};
use crate::records::recipe;
use crate::registry::SourceContext;
use crate::review::review;
use crate::settings::first_error;
use crate::source::{DiscoveredColumn, DiscoveredStream, Source, SourceEvent, SourceRead};

pub use calendar::{DEFAULT_DAY, LAST_DAY, Window};
pub use expected::{ExpectedCounts, StreamCounts, expected, expected_in};
pub use settings::{SCALE_MAX, SCALE_MIN};

/// Raised when the same settings make other records than before.
const GENERATOR_VERSION: u32 = 1;

/// What the project's reader must know of the connector.
pub fn info() -> KindInfo {
    KindInfo {
        kind: "demo_shop",
        schema: crate::settings::schema::<ShopSettings>(),
        stream_schema: Some(crate::settings::schema::<ShopStreamSettings>()),
        validate: settings::validate,
        review,
    }
}

/// Opens a shop.
pub fn open(spec: &SourceSpec, _context: &SourceContext) -> Result<Arc<dyn Source>> {
    let parsed = settings::parse(&spec.settings);
    let (shop, day) = parsed.map_err(first_error)?;
    Ok(Arc::new(DemoShop { shop, day }))
}

#[derive(Debug)]
struct DemoShop {
    shop: Shop,
    day: i32,
}

/// What was read last, and all that raw has to keep.
#[derive(Debug, Serialize, Deserialize)]
struct ShopLoad {
    generator: u32,
    shop: Shop,
    window: Window,
}

impl DemoShop {
    fn load(&self, stream: &StreamSpec, checkpoint: Option<&Value>) -> ShopLoad {
        let last = restore::<ShopLoad>(checkpoint).filter(|last| {
            stream.sync != SyncMode::Replace
                && last.shop == self.shop
                && last.generator == GENERATOR_VERSION
        });
        let window = match last {
            None => Window { after: None, until: self.day },
            // A shop cannot go back in time: an earlier day than the last one reads nothing.
            Some(last) => {
                Window { after: Some(last.window.until), until: self.day.max(last.window.until) }
            }
        };
        ShopLoad { generator: GENERATOR_VERSION, shop: self.shop, window }
    }
}

impl Source for DemoShop {
    fn check(&self) -> BoxFuture<'_, Result<String>> {
        let (customers, seed) = (self.shop.customers(), self.shop.seed);
        Box::pin(async move { Ok(format!("a shop of {customers} customers from seed {seed}")) })
    }

    fn discover(&self) -> BoxFuture<'_, Result<Vec<DiscoveredStream>>> {
        Box::pin(async { Ok(ShopStream::ALL.into_iter().map(discovered).collect()) })
    }

    fn probe<'a>(
        &'a self,
        stream: &'a StreamSpec,
        checkpoint: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        // The last day is part of it, but not the first: a finished sync probes as it did before.
        let until = self.load(stream, checkpoint).window.until;
        let parts = json!([GENERATOR_VERSION, self.shop, until, stream.name]).to_string();
        Box::pin(async move { Ok(Some(ContentHash::of(parts.as_bytes()))) })
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamSpec,
        checkpoint: Option<&'a Value>,
        raw: &'a RawLoad,
    ) -> BoxFuture<'a, Result<SourceRead>> {
        Box::pin(async move {
            let load = self.load(stream, checkpoint);
            recipe::keep(raw, stream, &load).await?;
            make(load, stream)
        })
    }

    fn replay<'a>(
        &'a self,
        stream: &'a StreamSpec,
        raw: &'a RawLoad,
    ) -> BoxFuture<'a, Result<SourceRead>> {
        Box::pin(async move { make(recipe::kept(raw, stream).await?, stream) })
    }
}

fn make(load: ShopLoad, stream: &StreamSpec) -> Result<SourceRead> {
    let kind = ShopStream::of_name(&stream.name).ok_or_else(|| SourceError::MissingTable {
        stream: stream.name.clone(),
        known: ShopStream::ALL.iter().map(|stream| stream.name().to_owned()).collect(),
    })?;
    let fit = Fit::new(&rows::schema(kind), stream)?;
    let schema = fit.schema();
    let events = handover::from_thread(&stream.name, move |emitter| {
        let mut stopped = None;
        let mut row = 0;
        let flow = generate::generate(load.shop, load.window, kind, &mut |event| {
            match handover::emit_fitted(emitter, &fit, event, &mut row) {
                Ok(()) => ControlFlow::Continue(()),
                Err(stop) => {
                    stopped = Some(stop);
                    ControlFlow::Break(())
                }
            }
        });
        if let (ControlFlow::Break(()), Some(stop)) = (flow, stopped) {
            return Err(stop);
        }
        let checkpoint = serde_json::to_value(&load).map_err(|cause| SourceError::Kept {
            stream: kind.name().to_owned(),
            message: cause.to_string(),
        });
        emitter.emit(SourceEvent::Checkpoint(checkpoint.map_err(Stop::from)?))
    });
    Ok(SourceRead { schema, events })
}

fn discovered(stream: ShopStream) -> DiscoveredStream {
    let schema = rows::schema(stream);
    let columns = schema.fields().iter().map(|field| DiscoveredColumn {
        name: field.name().clone(),
        original: field.name().clone(),
        data_type: type_name(field.data_type()),
        nullable: field.is_nullable(),
    });
    DiscoveredStream {
        name: stream.name().to_owned(),
        columns: columns.collect(),
        key: vec![rows::key(stream).to_owned()],
        rows: None,
    }
}
