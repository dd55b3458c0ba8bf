use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::from_micros(text.parse::<Moment>().expect("it is a moment").as_microsecond())
}

fn time(grain: Grain, begin: &str) -> Partitions {
    in_zone(grain, begin, None)
}

fn in_zone(grain: Grain, begin: &str, zone: Option<&str>) -> Partitions {
    let time = TimePartitions::new(grain, begin, None, zone, 1).expect("it is right");
    Partitions { column: "at".to_owned(), by: PartitionedBy::Time(time) }
}

fn values(column: &str, values: &[&str]) -> Partitions {
    let values = values.iter().copied().map(PartitionKey::new).collect();
    Partitions { column: column.to_owned(), by: PartitionedBy::Values { values } }
}

fn names(keys: &[PartitionKey]) -> Vec<&str> {
    keys.iter().map(PartitionKey::as_str).collect()
}

fn read(own: &Partitions, key: &str, input: &Partitions) -> Vec<String> {
    match own.reads(&PartitionKey::new(key), input) {
        Mapped::All => vec!["all".to_owned()],
        Mapped::These(keys) => keys.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn time_goes_on_until_now() {
    let days = time(Grain::Day, "2026-11-19");
    assert_eq!(
        names(&days.keys(at("2026-11-21T08:00:00Z"))),
        ["2026-11-19", "2026-11-20", "2026-11-21"]
    );
    assert_eq!(days.keys(at("2026-11-18T23:59:59Z")), []);
    let months = time(Grain::Month, "2026-09-17");
    assert_eq!(names(&months.keys(at("2026-11-01T00:00:00Z"))), ["2026-09", "2026-10", "2026-11"]);
    let end = TimePartitions::new(Grain::Day, "2024-02-28", Some("2024-03-01"), None, 1).unwrap();
    let leap = Partitions { column: "at".to_owned(), by: PartitionedBy::Time(end) };
    assert_eq!(names(&leap.keys(at("2026-01-01T00:00:00Z"))), ["2024-02-28", "2024-02-29"]);
}

#[test]
fn stretches_of_a_zone_follow_each_other_without_a_gap() {
    for (grain, begin, now) in [
        (Grain::Hour, "2026-03-28", "2026-03-31T00:00:00Z"),
        (Grain::Hour, "2026-10-24", "2026-10-27T00:00:00Z"),
        (Grain::Day, "2026-03-01", "2026-12-01T00:00:00Z"),
        (Grain::Month, "2025-01-01", "2026-12-01T00:00:00Z"),
    ] {
        for zone in ["UTC", "Europe/Paris", "America/New_York", "Australia/Lord_Howe"] {
            let parts = in_zone(grain, begin, Some(zone));
            let time = parts.time().unwrap();
            let keys = parts.keys(at(now));
            let stretches: Vec<Stretch> =
                keys.iter().map(|key| time.stretch(key).expect("it is a partition")).collect();
            for pair in stretches.windows(2) {
                assert_eq!(pair[0].end, pair[1].start, "{zone} {grain:?}");
            }
            assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "names sort as stretches do");
            for (key, stretch) in keys.iter().zip(&stretches) {
                if stretch.start < stretch.end {
                    assert_eq!(time.key_at(stretch.start), *key, "{zone} {grain:?}");
                }
            }
        }
    }
}

#[test]
fn a_month_reads_its_days_and_a_day_its_month() {
    let (days, months) = (time(Grain::Day, "2026-01-01"), time(Grain::Month, "2026-01-01"));
    let february = read(&months, "2026-02", &days);
    assert_eq!(
        (february.len(), february[0].as_str(), february[27].as_str()),
        (28, "2026-02-01", "2026-02-28")
    );
    assert_eq!(read(&days, "2026-02-14", &months), ["2026-02"]);
    assert_eq!(read(&days, "2026-02-14", &days), ["2026-02-14"]);
    let begun_late = time(Grain::Day, "2026-02-27");
    assert_eq!(read(&months, "2026-02", &begun_late), ["2026-02-27", "2026-02-28"]);
    let paris = in_zone(Grain::Day, "2026-01-01", Some("Europe/Paris"));
    assert_eq!(read(&paris, "2026-02-14", &days), ["2026-02-13", "2026-02-14"]);
}

#[test]
fn every_partition_that_reads_another_shares_time_with_it() {
    let grains = [Grain::Hour, Grain::Day, Grain::Month, Grain::Year];
    let now = at("2026-03-03T05:00:00Z");
    for own in grains {
        for other in grains {
            let (own, other) = (time(own, "2025-12-30"), time(other, "2025-12-30"));
            let reading = own.keys(now);
            let mut seen = BTreeSet::new();
            for key in &reading {
                let stretch = own.time().unwrap().stretch(key).unwrap();
                let Mapped::These(read) = own.reads(key, &other) else { panic!("time reads time") };
                for part in read {
                    let part_stretch = other.time().unwrap().stretch(&part).unwrap();
                    assert!(part_stretch.start < stretch.end && stretch.start < part_stretch.end);
                    seen.insert(part);
                }
            }
            assert!(other.keys(now).iter().all(|key| seen.contains(key)), "none is left out");
        }
    }
}

#[test]
fn values_read_their_own_and_all_of_what_is_divided_otherwise() {
    let regions = values("region", &["eu", "us"]);
    assert_eq!(read(&regions, "eu", &values("region", &["us", "eu"])), ["eu"]);
    assert_eq!(read(&regions, "eu", &values("land", &["eu"])), ["all"]);
    assert_eq!(read(&regions, "eu", &time(Grain::Day, "2026-01-01")), ["all"]);
}

#[test]
fn young_ones_are_those_that_may_still_change() {
    let days = time(Grain::Day, "2026-11-01");
    let young = days.young(at("2026-11-21T08:00:00Z"));
    assert_eq!(
        young.iter().map(PartitionKey::as_str).collect::<Vec<_>>(),
        ["2026-11-20", "2026-11-21"]
    );
    assert!(days.is_open(&PartitionKey::new("2026-11-21"), at("2026-11-21T08:00:00Z")));
    assert!(!days.is_open(&PartitionKey::new("2026-11-20"), at("2026-11-21T08:00:00Z")));
}

#[test]
fn what_people_write_is_found_or_refused() {
    let now = at("2026-11-21T08:00:00Z");
    let days = time(Grain::Day, "2026-11-01");
    let code = |found: Result<PartitionKey, PartitionError>| found.unwrap_err().code();
    assert_eq!(days.find("2026-11-20T22:10:00", now).unwrap().as_str(), "2026-11-20");
    assert_eq!(code(days.find("2026-02-30", now)), "partition.no_moment");
    assert_eq!(code(days.find("yesterday", now)), "partition.no_moment");
    assert_eq!(code(days.find("2026-12-24", now)), "partition.unknown");
    assert_eq!(code(values("region", &["eu"]).find("mars", now)), "partition.unknown");
    let backwards = days.between(Some("2026-11-05"), Some("2026-11-03"), now).unwrap_err();
    assert_eq!(backwards.code(), "partition.ends_before_begin");
    let week = days.between(Some("2026-11-03"), Some("2026-11-05"), now).unwrap();
    assert_eq!(names(&week), ["2026-11-03", "2026-11-04", "2026-11-05"]);
    assert_eq!(values("r", &["eu"]).between(None, None, now), Err(PartitionError::NoOrder));
}

#[test]
fn what_cannot_be_is_refused() {
    let new = |begin, end, zone| TimePartitions::new(Grain::Day, begin, end, zone, 1);
    assert_eq!(new("2026-02-30", None, None).unwrap_err().code(), "partition.no_moment");
    let backwards = new("2026-02-03", Some("2026-02-03"), None).unwrap_err();
    assert_eq!(backwards.code(), "partition.ends_before_begin");
    assert_eq!(new("2026-02-03", None, Some("Mars")).unwrap_err().code(), "partition.no_zone");
    let hours = TimePartitions::new(Grain::Hour, "1900-01-01", None, None, 1).unwrap();
    let now = at("2026-11-21T08:00:00Z");
    assert_eq!(hours.expect_bearable(now).unwrap_err().code(), "partition.too_many");
}
