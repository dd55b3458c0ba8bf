//! temporary
#![allow(clippy::all, clippy::pedantic, missing_docs, clippy::disallowed_methods)]
use futures::StreamExt;
use millstream_connect::raw::{RawStore, Retention};
use millstream_connect::registry::{SourceContext, open};
use millstream_connect::source::SourceEvent;
use millstream_core::clock::{Clock, Timestamp};
use std::sync::Arc;
use std::time::Instant;
#[tokio::main]
async fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mode = std::env::args().nth(2).unwrap_or_default();
    let mut stream = serde_json::json!({"name": "lineitem", "path": path});
    if !mode.contains("discover") {
        let mut cols = vec![];
        for (n, t) in [
            ("l_orderkey", "bigint"),
            ("l_partkey", "bigint"),
            ("l_suppkey", "bigint"),
            ("l_linenumber", "integer"),
            ("l_quantity", "decimal(15,2)"),
            ("l_extendedprice", "decimal(15,2)"),
            ("l_discount", "decimal(15,2)"),
            ("l_tax", "decimal(15,2)"),
            ("l_returnflag", "text"),
            ("l_linestatus", "text"),
            ("l_shipdate", "date"),
            ("l_commitdate", "date"),
            ("l_receiptdate", "date"),
            ("l_shipinstruct", "text"),
            ("l_shipmode", "text"),
            ("l_comment", "text"),
        ] {
            cols.push(serde_json::json!({"name": n, "type": t}));
        }
        stream["columns"] = cols.into();
    }
    let spec: millstream_core::spec::SourceSpec = serde_json::from_value(
        serde_json::json!({"name":"tpch","connector":"file","streams":[stream]}),
    )
    .unwrap();
    let context = SourceContext {
        project_root: "/tmp".into(),
        clock: Clock::System,
        secrets: Arc::new(|_| panic!()),
        operational: None,
    };
    let source = open(&spec, &context).unwrap();
    let store = RawStore::new("/tmp/tpchraw");
    let retention =
        if mode.contains("noraw") { Retention::Nothing } else { Retention::parse(None).unwrap() };
    let id = millstream_core::id::AttemptId::new();
    let load = store.begin("tpch", "lineitem", id, Timestamp::from_micros(0), retention).unwrap();
    let start = Instant::now();
    let mut read = source.read(&spec.streams[0], None, &load).await.unwrap();
    println!("open {:?}", start.elapsed());
    if mode.contains("discover") {
        println!(
            "{:?}",
            read.schema
                .fields()
                .iter()
                .map(|f| format!("{} {}", f.name(), f.data_type()))
                .collect::<Vec<_>>()
        );
    }
    let (mut rows, mut refused, mut mem) = (0, 0, 0usize);
    while let Some(event) = read.events.next().await {
        match event.unwrap() {
            SourceEvent::Rows(b) => {
                rows += b.num_rows();
                mem += b.get_array_memory_size();
            }
            SourceEvent::Refused(r) => {
                refused += r.len();
                println!("{:?}", r[0]);
            }
            SourceEvent::Checkpoint(_) => println!("checkpoint {:?}", start.elapsed()),
        }
    }
    load.seal().unwrap();
    println!("rows {rows} refused {refused} arrow bytes {mem} total {:?}", start.elapsed());
    store.remove("tpch", "lineitem", &id.to_string()).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap());
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = stat.split_whitespace().collect();
    println!("cpu user {} sys {} (ticks)", f[13], f[14]);
}
