//! Queries with what those of TPC-H do not have, over their tables.

pub(super) const CONSTRUCTS: [&str; 59] = [
    // Joins whose columns are one by name.
    "select k, n_name, r_name from (select n_regionkey as k, n_name from nation where n_nationkey in (0, 1, 2, 3)) a
        full join (select r_regionkey as k, r_name from region where r_regionkey > 1) b using (k)",
    "select k, n_name, r_name from (select n_regionkey as k, n_name from nation where n_nationkey in (0, 1, 2, 3)) a
        right join (select r_regionkey as k, r_name from region where r_regionkey > 1) b using (k)",
    "select k, n_name from (select n_regionkey as k, n_name from nation where n_nationkey in (0, 1, 2, 3)) a
        natural left join (select r_regionkey as k, r_name from region where r_regionkey > 1) b",
    "select * from (select n_regionkey as k, n_name from nation where n_nationkey in (0, 1, 2, 3)) a
        full join (select r_regionkey as k, r_name from region where r_regionkey > 1) b using (k)",
    "select n_name from nation left semi join region on n_regionkey = r_regionkey and r_name <> 'ASIA'",
    "select n_name from nation left anti join region on n_regionkey = r_regionkey and r_name <> 'ASIA'",
    "select a.n_name, b.n_name as other from nation a join nation b on a.n_nationkey = b.n_regionkey + 1",
    "select n_name, r_name from nation cross join region where r_regionkey < 2",
    // Subqueries.
    "select n_name, (select count(*) from supplier where s_nationkey = n_nationkey) as suppliers from nation",
    "select n_name, (select max(s_acctbal) from supplier where s_nationkey = n_nationkey) + n_regionkey as top from nation",
    "select s_name, s_acctbal > (select avg(c_acctbal) from customer) as rich from supplier",
    "select n_name from nation where n_regionkey = any (select r_regionkey from region where r_name like 'A%')",
    "select n_name from nation where n_regionkey > all (select r_regionkey from region where r_name like 'A%')",
    "select n_name, t.s_name from nation,
        lateral (select s_name from supplier where s_nationkey = n_nationkey) t",
    "select n_name, t.most from nation left join
        lateral (select max(s_acctbal) as most from supplier where s_nationkey = n_nationkey) t on true",
    "select n_regionkey, count(*) as many from nation group by n_regionkey
        having count(*) > (select min(r_regionkey) from region where r_name <> 'AFRICA')",
    "select sum(c_acctbal - (select min(s_acctbal) from supplier)) as total, c_mktsegment from customer group by c_mktsegment",
    "select n_name, s_name from nation join supplier on s_nationkey = n_nationkey
        and s_acctbal > (select avg(c_acctbal) from customer)",
    "select n_name from nation where n_regionkey not in (select r_regionkey from region where r_name < 'ASIA')",
    // Windows.
    "select c_name, sum(c_acctbal) over (partition by c_nationkey order by c_custkey
        rows between 1 preceding and current row) as recent from customer",
    "select c_name, lag(c_acctbal, 1, 0.0) over (partition by c_mktsegment order by c_custkey) as before from customer",
    "select c_name, first_value(c_name) over (partition by c_nationkey order by c_acctbal) as poorest from customer",
    "select c_name, nth_value(c_phone, 2) over (order by c_acctbal) as second from customer",
    "select c_name, rank() over (partition by c_mktsegment order by c_nationkey) as place, ntile(3) over (order by c_acctbal) as third from customer",
    "select c_name from customer qualify row_number() over (partition by c_nationkey order by c_acctbal desc) = 1",
    "select c_nationkey, sum(sum(c_acctbal)) over (order by c_nationkey) as running from customer group by c_nationkey",
    "select c_name, count(*) filter (where c_acctbal > 1000) over (partition by c_nationkey) as rich from customer",
    "select c_name, c_acctbal / sum(c_acctbal) over w as share, avg(c_custkey) over w as middle from customer
        window w as (partition by c_mktsegment)",
    // Aggregates.
    "select c_nationkey, c_mktsegment, sum(c_acctbal) as total, grouping(c_nationkey) as whole
        from customer group by grouping sets ((c_nationkey), (c_mktsegment), ())",
    "select c_nationkey, c_mktsegment, count(*) as many from customer group by rollup (c_nationkey, c_mktsegment)",
    "select c_mktsegment, c_nationkey % 2 as odd, max(c_name) as last from customer group by cube (c_mktsegment, c_nationkey % 2)",
    "select c_mktsegment, string_agg(c_name, ',' order by c_acctbal) as names from customer group by c_mktsegment",
    "select c_mktsegment, count(distinct c_nationkey) as nations, sum(c_acctbal) filter (where c_custkey > 10) as total from customer group by 1",
    "select c_mktsegment, first_value(c_name order by c_acctbal desc) as richest, array_agg(c_custkey order by c_phone)[1] as first from customer group by 1",
    "select c_mktsegment, percentile_cont(0.5) within group (order by c_acctbal) as middle, corr(c_custkey, c_nationkey) as alike from customer group by 1",
    "select r_name, count(*) as many, count(s_name) as named from region join nation on n_regionkey = r_regionkey
        left join supplier on s_nationkey = n_nationkey group by r_name",
    "select count(*) as many, 1 as one from (select distinct c_nationkey from customer where c_acctbal > 3000)
        union all select count(*), 2 from region",
    "select distinct c_nationkey / 2 as half, c_mktsegment from customer",
    "select distinct on (c_nationkey) c_name, c_nationkey from customer order by c_nationkey, c_acctbal desc",
    "select c_name from customer order by c_acctbal limit 5 offset 3",
    "select mode, sum(many) as many from (select l_shipmode as mode, count(*) as many from lineitem group by 1, l_returnflag) group by mode",
    // Sets.
    "select n_regionkey as k from nation where n_nationkey > 3 intersect select r_regionkey from region where r_name <> 'ASIA'",
    "select n_nationkey as k, n_name from nation except select r_regionkey, r_name from region where r_name <> 'ASIA'",
    "select n_name as name, n_nationkey as id from nation union by name select r_regionkey as id, r_name as name from region",
    "select n_name as name from nation union select c_name from customer where c_acctbal > 3000",
    "with recursive chain as (
        select n_nationkey as id, n_name as name, 0 as depth from nation where n_nationkey = 9
        union all
        select n_nationkey, chain.name || '/' || n_name, depth + 1 from nation join chain on n_nationkey = chain.id - 2)
      select name, depth from chain",
    "with recursive steps as (select 1 as n union all select n + 1 from steps where n < (select count(*) from region)) select n from steps",
    // Structs and lists.
    "select m.key as k, m.inner.name as name from (
        select {'key': n_nationkey, 'inner': {'name': n_name, 'region': n_regionkey}} as m from nation)",
    "select m.a as a, m.b as b from (select {'a': n_name, 'b': n_nationkey} as m from nation
        union all select {'a': r_name, 'b': r_regionkey} from region)",
    "select unnest(names) as name, region from (
        select array_agg(n_name order by n_nationkey) as names, n_regionkey as region from nation group by n_regionkey)",
    "select n_name, unnest([n_nationkey, n_regionkey * 10]) as number from nation",
    "select n_name, [n_nationkey, n_regionkey][n_nationkey % 2 + 1] as either from nation",
    "select part.name as name, region from (select unnest(parts) as part, region from (
        select array_agg({'name': n_name, 'id': n_nationkey}) as parts, n_regionkey as region from nation group by n_regionkey))",
    "select n_name, unnest(generate_series(1, n_regionkey)) as step from nation",
    "select array_length(array_agg(c_name)) as many, array_to_string(array_agg(c_phone order by c_acctbal), ',') as phones, c_mktsegment from customer group by c_mktsegment",
    // Names.
    "with nation as (select r_regionkey as n_nationkey, r_name as n_name from region) select n_name from nation where n_nationkey > 0",
    "with a(x, y) as (select n_name, n_regionkey from nation), b as (select y as x, x as y from a) select x, y from b where x > 1",
    "select coalesce(nullif(n_name, 'CHINA'), r_name) as it, greatest(n_nationkey, r_regionkey * 3) as most
        from nation join region on n_regionkey = r_regionkey",
    "select date_trunc('year', o_orderdate) as year, o_orderpriority like '1%' as urgent, o_totalprice::int % 10 as digit from orders where o_orderstatus = 'F'",
];
