-- Queries, each followed by its rows, sorted. The rows are those of PostgreSQL 15, in the spelling of the engine.

-- Casts.
select '1'::int, '2.5'::numeric(10,2), 'x'::text, '1'::bigint, '1'::smallint, 'true'::boolean, '1.5'::float8
--> 1|2.50|x|1|1|true|1.5
select cast('12' as int4), cast('12' as int8), cast('12' as int2), cast('1.5' as float4), cast('1.5' as double precision), cast(1 as real)
--> 12|12|12|1.5|1.5|1.0
select cast('abc' as varchar), cast('abcdef' as varchar(3)), cast('abc' as character varying), cast('abc' as character varying(2)), cast('ab' as char(2))
--> abc|abc|abc|ab|ab
select '2024-01-31'::date, '2024-01-31 10:11:12'::timestamp, '2024-01-31 10:11:12+02'::timestamptz
--> 2024-01-31|2024-01-31T10:11:12|2024-01-31T08:11:12Z
select cast('2024-01-31 10:11:12' as timestamp without time zone), cast('2024-01-31 10:11:12Z' as timestamp with time zone)
--> 2024-01-31T10:11:12|2024-01-31T10:11:12Z
select cast('10:11:12' as time)
--> 10:11:12
select '2024-01-31T10:11:12.123456'::timestamp
--> 2024-01-31T10:11:12.123456
select cast(1 as numeric), cast(2.50 as numeric), cast('3.25' as decimal)
--> 1.0000000000|2.5000000000|3.2500000000
select cast(1.7 as int), cast(2.5 as int), cast(-1.7 as int), 1.5::int, '1.5'::numeric::int
--> 2|3|-2|2|2
select cast(true as int), cast(0 as boolean), 't'::bool, 'yes'::bool, 'off'::bool
--> 1|false|true|true|false
select cast('2024-01-31'::date as text), cast('2024-01-31 10:11:12'::timestamp as text)
--> 2024-01-31|2024-01-31 10:11:12
select '2024-01-31'::date::timestamp, '2024-01-31 10:11:12'::timestamp::date
--> 2024-01-31T00:00:00|2024-01-31
select '1e3'::float8, '-0.5'::numeric
--> 1000.0|-0.5000000000
select ' 12 '::int
--> 12
select 'abc'::bpchar, 'abc'::"varchar", 'x'::name
--> abc|abc|x
select cast(12345.678 as numeric(10,1)), 12345.678::numeric(7,2)
--> 12345.7|12345.68
select cast(null as text), null::int
--> |
select 'a1b2c3d4-0000-0000-0000-000000000000'::uuid::text
--> a1b2c3d4-0000-0000-0000-000000000000

-- Arithmetic.
select 7/2, 7%2, -7/2, -7%2, 7.0/2, 7/2.0, 2^10, mod(7,2), mod(-7,3), div(7,2)
--> 3|1|-3|-1|3.5|3.5|1024.0|1|-1|3.0
select mod(7.5::numeric, 2), mod(cast(10 as numeric(28,6)), cast(3 as numeric(28,6)))
--> 1.5000000000|1.000000
select abs(-1), abs(-1.5), ceil(1.2), ceiling(1.2), floor(1.8), round(1.5), round(2.5), round(-1.5), round(1.2345, 2), trunc(1.99), trunc(1.2345,2), sign(-3)
--> 1|1.5|2.0|2.0|1.0|2.0|3.0|-2.0|1.23|1.0|1.23|-1.0
select power(2,3), power(2.0, 0.5), sqrt(16), cbrt(27), exp(1), ln(10), log(100), log(2, 8), pi(), degrees(pi()), radians(180)
--> 8.0|1.4142135623730951|4.0|3.0|2.718281828459045|2.302585092994046|2.0|3.0|3.141592653589793|180.0|3.141592653589793
select greatest(1,2,3), least(1,2,3), greatest(1,null,3), least(null, 2)
--> 3|1|3|2
select nullif(1,1), nullif(1,2), coalesce(null, 1), coalesce(null, null, 'a')
--> |1|1|a
select width_bucket(5.35, 0.024, 10.06, 5), width_bucket(0, 1, 10, 3), width_bucket(10, 1, 10, 3)
--> 3|0|4
select 1/3.0, 10/4, 10.0/3, 1::numeric/3, 2.0*3.0, 1.1+2.2
--> 0.3333333333333333|2|3.3333333333333335|0.33333333333333|6.0|3.3000000000000003
select 1 + '2', '3'::int * 2, 1 || 'a', 'a' || 1, 'a' || null
--> 3|6|1a|a1|
select gcd(12, 18), lcm(4, 6), factorial(5)
--> 6|12|120
select sum(x), avg(x), min(x), max(x), count(*), count(distinct x) from (values (1),(2),(2)) t(x)
--> 5|1.6666666666666667|1|2|3|2
select avg(x), sum(x) from (values (1.5),(2.5)) t(x)
--> 2.0|4.0
select stddev(x), stddev_samp(x), stddev_pop(x), variance(x), var_pop(x), var_samp(x) from (values (1),(2),(4)) t(x)
--> 1.5275252316519465|1.5275252316519465|1.247219128924647|2.333333333333333|1.5555555555555554|2.333333333333333
select corr(x,y), covar_pop(x,y), covar_samp(x,y), regr_slope(x,y), regr_intercept(x,y), regr_r2(x,y) from (values (1,2.0),(2,4.5),(4,7)) t(x,y)
--> 0.9819805060619659|2.5|3.75|0.5999999999999999|-0.3666666666666658|0.9642857142857141
select percentile_cont(0.5) within group (order by x), percentile_disc(0.5) within group (order by x) from (values (1),(2),(4),(10)) t(x)
--> 3.0|2
select mode() within group (order by x) from (values (1),(2),(2)) t(x)
--> 2
select sum(x) filter (where x > 1), count(*) filter (where x > 5) from (values (1),(2),(2)) t(x)
--> 4|0
select bool_or(x), bool_and(x), every(x) from (values (true),(false)) t(x)
--> true|false|false
select bit_and(x), bit_or(x) from (values (6),(3)) t(x)
--> 2|7
select sum(x)/count(*) from (values (1),(2),(2)) t(x)
--> 1
select count(*)::float / 2 from (values (1),(2),(2)) t(x)
--> 1.5
select random() between 0 and 1, random() < 1
--> true|true
select 100.0 * 1 / 3
--> 33.333333333333336
select sum(1.0 * x) / sum(y) from (values (1, 2), (2, 3)) t(x, y)
--> 0.6

-- Strings.
select upper('a'), lower('A'), initcap('hello world'), length('abc'), char_length('äb'), character_length('abc'), octet_length('äb')
--> A|a|Hello World|3|2|3|3
select concat('a', 1, null, 'b'), concat_ws('-', 'a', null, 'b'), 'a' || 'b'
--> a1b|a-b|ab
select split_part('a,b,c', ',', 2), split_part('a,b,c', ',', 5), split_part('a,b,c', ',', -1)
--> b||c
select substring('abcdef', 2, 3), substring('abcdef' from 2 for 3), substring('abcdef' from 3), substr('abcdef', 2), substr('abcdef', 2, 2), substring('foobar' from 'o.b')
--> bcd|bcd|cdef|bcdef|bc|oob
select left('abc', 2), right('abc', 2), left('abc', -1), right('abc', -1)
--> ab|bc|ab|bc
select trim('  a '), ltrim(' a'), rtrim('a '), btrim('xxaxx','x'), trim(both 'x' from 'xax'), trim(leading 'x' from 'xax'), trim(trailing 'x' from 'xax'), ltrim('xxa','x')
--> a|a|a|a|a|ax|xa|a
select replace('abcabc','b','x'), translate('12345','143','ax'), reverse('abc'), repeat('ab',3), lpad('5',3,'0'), rpad('5',3,'x'), lpad('abc',2)
--> axcaxc|a2x5|cba|ababab|005|5xx|ab
select position('b' in 'abc'), strpos('abc','c'), strpos('abc','z')
--> 2|3|0
select md5('a'), encode(sha256('a'::bytea),'hex')
--> 0cc175b9c0f1b6a831c399e269772661|ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb
select ascii('a'), chr(65), to_hex(255)
--> 97|A|ff
select starts_with('abc','ab'), 'abc' like 'a%', 'ABC' ilike 'a%', 'abc' not like 'b%', 'abc' ~ 'b', 'ABC' ~* 'b', 'abc' !~ 'z', 'abc' !~* 'B'
--> true|true|true|true|true|true|true|false
select 'abc' similar to 'a(b|c)c', 'a_c' like 'a\_c', 'a%c' like 'a!%c' escape '!'
--> true|true|true
select regexp_replace('abc123','[0-9]+','x'), regexp_replace('aaa','a','b'), regexp_replace('aaa','a','b','g'), regexp_replace('ABC','b','x','i')
--> abcx|baa|bbb|AxC
select regexp_replace('foobarbaz', 'b(..)', 'X\1Y', 'g')
--> fooXarYXazY
select regexp_match('foobarbequebaz', 'bar.*que'), (regexp_match('foobarbequebaz', '(bar)(beque)'))[1], regexp_count('banana','a'), regexp_like('abc','b'), regexp_substr('abc123','[0-9]+'), regexp_instr('abc','c')
--> [barbeque]|bar|3|true|123|3
select string_agg(x, ',') from (values ('a'),('b')) t(x)
--> a,b
select string_agg(x, ',' order by x desc) from (values ('a'),('b')) t(x)
--> b,a
select string_agg(distinct x, ',' order by x) from (values ('b'),('a'),('b')) t(x)
--> a,b
select string_agg(x::text, ', ' order by y desc) from (values (1,1),(2,2)) t(x,y)
--> 2, 1
select array_agg(x order by x desc) from (values (1),(2)) t(x)
--> [2, 1]
select array_agg(distinct x order by x) from (values (2),(1),(2)) t(x)
--> [1, 2]
select array_length(array[1,2,3], 1), cardinality(array[1,2]), (array[1,2,3])[2], array_to_string(array['a','b'], '-'), array_position(array['a','b'],'b'), 1 = any(array[1,2])
--> 3|2|2|a-b|2|true
select array[1,2] || array[3], array_append(array[1],2), array_prepend(0, array[1]), array_cat(array[1],array[2]), array_remove(array[1,2],1)
--> [1, 2, 3]|[1, 2]|[0, 1]|[1, 2]|[2]
select quote_ident('a b'), quote_literal('a''b'), format('%s-%s', 'a', 1)
--> "a b"|'a''b'|a-1
select overlay('Txxxxas' placing 'hom' from 2 for 4)
--> Thomas
select 'a' < 'B', 'a' = 'a ', 'Z' < 'a'
--> false|false|true

-- Dates.
select date_trunc('month', timestamp '2024-05-17 10:11:12'), date_trunc('week', date '2024-05-17'), date_trunc('quarter', timestamp '2024-05-17 10:11:12'), date_trunc('hour', timestamp '2024-05-17 10:11:12')
--> 2024-05-01T00:00:00|2024-05-13T00:00:00|2024-04-01T00:00:00|2024-05-17T10:00:00
select date_trunc('day', '2024-05-17 10:11:12'::timestamptz), date_trunc('year', '2024-05-17'::date)::date, date_trunc('month', cast('2024-05-17' as timestamp))
--> 2024-05-17T00:00:00Z|2024-01-01|2024-05-01T00:00:00
select date_part('year', date '2024-05-17'), date_part('dow', date '2024-05-17'), date_part('doy', date '2024-05-17'), date_part('week', date '2024-05-17'), date_part('epoch', timestamp '2024-05-17 00:00:00')
--> 2024|5|138|20|1715904000.0
select extract(epoch from interval '1 day 2 hours'), extract(day from interval '3 days'), date_part('hour', interval '5 hours')
--> 93600.0|3|5
select date '2024-01-31' + 1, date '2024-01-31' - 1, date '2024-01-31' - date '2024-01-01', date '2024-01-31' + interval '1 month', date '2024-01-31' - interval '1 day'
--> 2024-02-01|2024-01-30|30|2024-02-29T00:00:00|2024-01-30T00:00:00
select '2024-01-01'::timestamp + ((interval '1 day') * 3), timestamp '2024-01-01' + 2 * interval '1 hour', timestamp '2024-01-01' + interval '1 day' * 1.5, now() + ((interval '1 day') * (-1)) < now()
--> 2024-01-04T00:00:00|2024-01-01T02:00:00|2024-01-02T12:00:00|true
select interval '1 day' * 2 = interval '2 days', interval '1 day' / 2 = interval '12 hours', -interval '1 day' < interval '0'
--> true|true|true
select extract(year from age(date '2024-05-17', date '2000-01-01')), date_part('year', age(date '2024-05-17', date '2000-06-01'))
--> 24|23
select extract(epoch from (timestamp '2024-01-02' - timestamp '2024-01-01')), (timestamp '2024-01-02' - timestamp '2024-01-01') = interval '1 day', extract(day from (timestamp '2024-01-05' - timestamp '2024-01-01'))
--> 86400.0|true|4
select to_char(timestamp '2024-05-07 14:05:06', 'YYYY-MM-DD HH24:MI:SS'), to_char(date '2024-05-07', 'YYYYMMDD'), to_char(timestamp '2024-05-07 14:05:06', 'HH12:MI AM'), to_char(date '2024-05-07', 'Mon DD, YYYY'), to_char(date '2024-05-07', 'FMDay FMMonth'), to_char(date '2024-05-07', 'YYYY"Q"Q'), to_char(date '2024-05-07', 'IYYY-IW'), to_char(date '2024-05-07', 'Dy D DDD')
--> 2024-05-07 14:05:06|20240507|02:05 PM|May 07, 2024|Tuesday May|2024Q2|2024-19|Tue 3 128
select to_char(125, '999'), to_char(1234.5, 'FM9,999.00'), to_char(5, 'FM000'), to_char(0.5, 'FM990.0'), to_char(-3, '999')
-->  125|1,234.50|005|0.5|  -3
select to_date('2024-05-07', 'YYYY-MM-DD'), to_date('07/05/2024', 'DD/MM/YYYY'), to_timestamp('2024-05-07 14:05', 'YYYY-MM-DD HH24:MI'), to_timestamp(1715090000), to_date('20240507','YYYYMMDD')
--> 2024-05-07|2024-05-07|2024-05-07T14:05:00Z|2024-05-07T13:53:20Z|2024-05-07
select '2024-05-17 10:00:00'::timestamp at time zone 'UTC', '2024-05-17 10:00:00+00'::timestamptz at time zone 'America/New_York', timezone('UTC', '2024-05-17 10:00:00'::timestamp)
--> 2024-05-17T10:00:00Z|2024-05-17T06:00:00|2024-05-17T10:00:00Z
select current_date = now()::date, current_timestamp = now(), localtimestamp = now()::timestamp, statement_timestamp() is not null, clock_timestamp() >= now()
--> true|true|true|true|true
select (date '2024-01-01', date '2024-02-01') overlaps (date '2024-01-15', date '2024-03-01')
--> true
select date '2024-05-17' between '2024-01-01' and '2024-12-31', date '2024-05-17' > '2024-01-01', timestamp '2024-05-17 01:00' >= '2024-05-17'
--> true|true|true
select coalesce(cast(null as date), '2099-01-01'), greatest(date '2024-01-01', '2024-02-01'), nullif(date '2024-01-01', '2024-01-01')
--> 2099-01-01|2024-02-01|
select case when true then date '2024-01-01' else '2024-02-01' end
--> 2024-01-01
select cast('2024-01-01' as date) = '2024-01-01', '2024-01-01'::date in ('2024-01-01', '2024-01-02')
--> true|true
select date_bin('15 minutes', timestamp '2024-05-17 10:11:12', timestamp '2000-01-01')
--> 2024-05-17T10:00:00
select extract(month from '2024-05-17'::date)::int, extract(year from '2024-05-17'::date) * 100 + extract(month from '2024-05-17'::date)
--> 5|202405
select date '2024-05-17'::timestamp - interval '1 second'
--> 2024-05-16T23:59:59
select interval '1 year 2 months 3 days 04:05:06' = interval '14 months 3 days 4 hours 5 minutes 6 seconds'
--> true
select date_part('day', timestamp '2024-02-10' - timestamp '2024-02-01'), date_part('month', date '2024-02-10')
--> 9|2
select timestamp '2024-02-10 23:00' ::date - '2024-02-01'::date
--> 9

-- Series and relations.
select * from generate_series(1, 3)
--> 1
--> 2
--> 3
select g from generate_series(1, 10, 3) as g
--> 1
--> 10
--> 4
--> 7
select n from generate_series(1, 3) as t(n)
--> 1
--> 2
--> 3
select generate_series(1, 3)
--> 1
--> 2
--> 3
select generate_series(1, 3) as n
--> 1
--> 2
--> 3
select d::date from generate_series(date '2024-01-01', date '2024-01-03', interval '1 day') as d
--> 2024-01-01
--> 2024-01-02
--> 2024-01-03
select d from generate_series('2024-01-01'::timestamp, '2024-01-02'::timestamp, '12 hours') d
--> 2024-01-01T00:00:00
--> 2024-01-01T12:00:00
--> 2024-01-02T00:00:00
select generate_series('2024-01-01'::date, '2024-03-01'::date, '1 month'::interval)::date as m
--> 2024-01-01
--> 2024-02-01
--> 2024-03-01
select x, n from (values (1),(2)) t(x), generate_series(1, 2) n
--> 1|1
--> 1|2
--> 2|1
--> 2|2
select x, n from (values (1),(2)) t(x) cross join generate_series(1, 2) as g(n)
--> 1|1
--> 1|2
--> 2|1
--> 2|2
select x, n from (values (1),(2)) t(x) cross join lateral generate_series(1, x) as g(n)
--> 1|1
--> 2|1
--> 2|2
select unnest(array[1,2])
--> 1
--> 2
select u from unnest(array['a','b']) as u
--> a
--> b
select x, u from (values (1, array[10,20]),(2, array[30])) t(x, a), unnest(a) as u
--> 1|10
--> 1|20
--> 2|30
select x, u from (values (1, array[10,20]),(2, array[30])) t(x, a) cross join lateral unnest(a) as s(u)
--> 1|10
--> 1|20
--> 2|30
select * from (values (1,'a'),(2,'b')) as t(id, name)
--> 1|a
--> 2|b
values (1, 'a'), (2, 'b')
--> 1|a
--> 2|b
select distinct on (x) x, y from (values (1,2),(1,3),(2,1)) t(x,y) order by x, y desc
--> 1|3
--> 2|1
select x from (values (1),(2)) t(x) except select 2
--> 1
select x from (values (1),(2),(2)) t(x) intersect select 2
--> 2
select * from (values (1,'a')) a(id, x) natural join (values (1,'b')) b(id, y)
--> 1|a|b
select * from (values (1,'a')) a(id, x) join (values (1,'b')) b(id, y) using (id)
--> 1|a|b
select a.x, s.m from (values (1),(2)) a(x) cross join lateral (select a.x * 2 as m) s
--> 1|2
--> 2|4
select a.x, s.m from (values (1),(2)) a(x) left join lateral (select max(b.y) as m from (values (1,5),(1,7)) b(k,y) where b.k = a.x) s on true
--> 1|7
--> 2|
select x from (values (1),(2)) a(x) where exists (select 1 from (values (2)) b(y) where b.y = a.x)
--> 2
select x from (values (1),(2)) a(x) where x not in (select y from (values (2)) b(y))
--> 1
select 1 as a limit 0
with recursive r as (select 1 as n union all select n + 1 from r where n < 3) select * from r
--> 1
--> 2
--> 3
with recursive r(n) as (select 1 union all select n + 1 from r where n < 3) select sum(n) from r
--> 6
select x, row_number() over (order by x desc), rank() over (order by x), dense_rank() over (order by x), lag(x) over (order by x), lead(x, 1, 0) over (order by x), ntile(2) over (order by x), first_value(x) over (order by x), last_value(x) over (order by x rows between unbounded preceding and unbounded following), percent_rank() over (order by x), cume_dist() over (order by x), nth_value(x, 2) over (order by x) from (values (1),(2),(2)) t(x)
--> 1|3|1|1||2|1|1|2|0.0|0.3333333333333333|
--> 2|1|2|2|1|2|1|1|2|0.5|1.0|2
--> 2|2|2|2|2|0|2|1|2|0.5|1.0|2
select x, sum(x) over w, count(*) over w from (values (1),(2),(3)) t(x) window w as (order by x rows between 1 preceding and current row)
--> 1|1|1
--> 2|3|2
--> 3|5|2
select x, sum(x) over (order by d range between interval '1 day' preceding and current row) from (values (1, date '2024-01-01'),(2, date '2024-01-02'),(4, date '2024-01-05')) t(x, d)
--> 1|1
--> 2|3
--> 4|4
select x, y, sum(z) from (values (1,1,1),(1,2,2)) t(x,y,z) group by rollup(x,y) order by 1,2
--> 1|1|1
--> 1|2|2
--> 1||3
--> ||3
select x, count(*) from (values (1),(1),(2)) t(x) group by 1 having count(*) > 1
--> 1|2
select x, grouping(x) from (values (1)) t(x) group by grouping sets ((x), ())
--> 1|0
--> |1
select x as "Quoted Name", y as "camelCase" from (values (1,2)) t(x,y)
--> 1|2
select "t"."X" from (select 1 as "X") "t"
--> 1
select t.* from (values (1,2)) t(x,y) where x is not distinct from 1 and y is distinct from 1
--> 1|2
select case x when 1 then 'one' else 'other' end, case when x > 0 then 'pos' end from (values (1)) t(x)
--> one|pos
select x is true, x is not true, x is unknown from (values (cast(null as boolean))) t(x)
--> false|true|true
select x from (values (3),(1),(null),(2)) t(x) order by x
-->
--> 1
--> 2
--> 3
select x from (values (3),(1),(null),(2)) t(x) order by x desc nulls last limit 2
--> 2
--> 3
select max(x) from (values ('b'),('a')) t(x)
--> b
select x from (values (1),(2),(3),(4)) t(x) order by x offset 1 rows fetch first 2 rows only
--> 2
--> 3
select count(*) from (select 1 union select 1 union all select 1) s
--> 2
select * from (select 1 as a, 2 as b) s where (a, b) = (1, 2)
--> 1|2
select a from (select 1 as a union all select 2 order by a desc) s limit 1
--> 2
select x::text || '-' || y from (values (1,'a')) t(x,y)
--> 1-a
select s.count from (select count(*) from (values (1)) t(x)) s
--> 1
select max from (select max(x) from (values (1),(2)) t(x)) s
--> 2
select 'a' as "select", 1 as value, 2 as date, 3 as name, 4 as type
--> a|1|2|3|4
select first_value(x) over (partition by y order by x) from (values (1,1)) t(x,y)
--> 1
select ('{"a": {"b": 2}}'::json -> 'a' ->> 'b'), '{"a": 1}'::jsonb ->> 'a', '{"a": {"b": "x"}}'::json #>> '{a,b}', json_extract_path_text('{"a": {"b": "x"}}'::json, 'a', 'b')
--> 2|1|x|x
select jsonb_array_length('[1,2,3]'::jsonb), json_array_length('[1]'::json), jsonb_typeof('{}'::jsonb)
--> 3|1|object
select version() is not null, current_database() is not null, current_schema() is not null, current_user is not null
--> true|true|true|true
select num_nonnulls(1, null, 2), num_nulls(1, null)
--> 2|1
select null = null, null is null, not null::boolean
--> |true|
select 1 = 1.0, '1' = 1::text, 1::bigint = 1::int, 2 > '1'
--> true|true|true|true
select true and null, false or null, not true
--> ||false
select sum(case when x > 1 then 1 else 0 end)::numeric / count(*) from (values (1),(2)) t(x)
--> 0.50000000000000
select cast(sum(x) as bigint), sum(x)::int from (values (1),(2)) t(x)
--> 3|3
select round(avg(x), 2) from (values (1),(2),(2)) t(x)
--> 1.67
select round((100.0 * 1 / 3)::numeric, 1), round(cast(2.0/3 as numeric), 2)
--> 33.3|0.67
select (1,2) < (1,3), row(1,2) = row(1,2)
--> true|true
select x[1], x[2:3] from (select array[1,2,3] as x) s
--> 1|[2, 3]
select date_trunc('month', x)::date as month, count(*) from (values (timestamp '2024-05-17'),(timestamp '2024-05-18')) t(x) group by 1
--> 2024-05-01|2
select ltrim(rtrim('  a  ')), nullif(trim(''), '')
--> a|
select left(md5('x'), 8), substring(md5('x'), 1, 8), length(md5('x'))
--> 9dd4e461|9dd4e461|32
select max(x) filter (where y = 'a') as a_max, max(x) filter (where y = 'b') from (values (1,'a'),(2,'b')) t(x,y)
--> 1|2
select sum(distinct x), count(distinct x), avg(distinct x) from (values (1),(1),(2)) t(x)
--> 3|2|1.5
select least('a','b'), greatest('a','b'), least(1.5, 2)
--> a|b|1.5
select lead(x) over (partition by 1 order by x) - x from (values (1),(4)) t(x)
-->
--> 3
select count(*) as "count", sum(x) as sum from (values (1)) t(x)
--> 1|1
select (select 1), (select 'a' limit 1)
--> 1|a
select trunc(extract(epoch from timestamp '2024-01-01 00:00:00.9'))::bigint, floor(extract(epoch from timestamp '2024-01-01'))::int
--> 1704067200|1704067200
select to_timestamp(0) at time zone 'UTC', extract(epoch from to_timestamp(1.5))
--> 1970-01-01T00:00:00|1.5
select log(10.0), log10(100), trunc(-1.5), round(-2.5::numeric)
--> 1.0|2.0|-1.0|-3
select chr(9) = E'\t', concat('a', ' ', 'b')
--> true|a b

-- More.
select now() at time zone 'utc' = now()::timestamp, '2024-07-01 10:00'::timestamp at time zone 'America/New_York', '2024-01-15 10:00+00'::timestamptz at time zone 'Europe/Berlin'
--> true|2024-07-01T14:00:00Z|2024-01-15T11:00:00
select table_schema, table_name from information_schema.tables where table_name = 'nope'
select a.x is distinct from b.y or a.x > 100 from (values (1),(null)) a(x) cross join (values (1)) b(y)
--> false
--> true
select distinct date_trunc('month', x) from (values (timestamp '2024-05-17'),(timestamp '2024-05-18')) t(x) order by date_trunc('month', x)
--> 2024-05-01T00:00:00
select count(*) from (values (1),(2)) t(x) order by count(*) desc
--> 2
select x, count(*) from (values (1),(1),(2)) t(x) group by x order by count(*) desc, x
--> 1|2
--> 2|1
select upper(x), count(*) from (values ('a'),('b')) t(x) group by upper(x) order by upper(x)
--> A|1
--> B|1
select cast(x as text), count(*) from (values (1),(1),(2)) t(x) group by x having x > 1
--> 2|1
select coalesce(x, 0) from (values (1),(null)) t(x) order by coalesce(x, 0)
--> 0
--> 1
select max(x) as x from (values (1),(2)) t(x) having max(x) > 1
--> 2
select sum(x) as x, sum(x) / 2 from (values (1),(3)) t(x)
--> 4|2
select a.id, b.id from (values (1)) a(id) join (values (1)) b(id) on a.id = b.id
--> 1|1
select date_trunc('day', x)::date, sum(y)::int from (values (timestamp '2024-05-17 10:00', 1)) t(x, y) group by 1 order by 1
--> 2024-05-17|1
select extract(year from d)::int as y, count(*) from generate_series(date '2024-01-01', date '2025-12-01', interval '1 month') as g(d) group by 1 order by 1
--> 2024|12
--> 2025|12
with dates as (select generate_series('2024-01-01'::date, '2024-01-10'::date, '1 day'::interval)::date as date_day) select count(*), min(date_day), max(date_day) from dates
--> 10|2024-01-01|2024-01-10
select s.i, t.n from (values (1),(2)) s(i) cross join lateral (select s.i * 10 as n, s.i + 1 as m) t where t.m > 2
--> 2|20
select i, u from (values (1, 'a,b'),(2, 'c')) s(i, txt) cross join lateral unnest(string_to_array(s.txt, ',')) as u
--> 1|a
--> 1|b
--> 2|c
select to_char(date '2024-05-07', 'yyyy-mm'), to_char(timestamp '2024-05-07 14:05:06.789', 'HH24:MI:SS.MS'), to_char(date '2024-12-30', 'IYYY"W"IW')
--> 2024-05|14:05:06.789|2025W01
select to_date('May 07, 2024', 'Mon DD, YYYY'), to_timestamp('2024-05-07 02:05:06 PM', 'YYYY-MM-DD HH12:MI:SS PM')
--> 2024-05-07|2024-05-07T14:05:06Z
select '2024-05-07 10:11'::timestamp, '2024-5-7'::date, '20240507'::date, '2024-05-07 10:11:12'::date, '2024-05-07T10:11:12Z'::timestamptz
--> 2024-05-07T10:11:00|2024-05-07|2024-05-07|2024-05-07|2024-05-07T10:11:12Z
select 'a' || timestamp '2024-05-07 10:11:12.5', concat('x', date '2024-05-07'), md5(cast(timestamp '2024-05-07 10:11:12' as text))
--> a2024-05-07 10:11:12.5|x2024-05-07|ea5a1a35dc680e8c789e3277c781ac0e
select 2.5::numeric(10,0), 3.5::int, (-2.5)::numeric::int, 1e2::int
--> 3|4|-3|100
select x::int from (values (1.4),(1.6)) t(x)
--> 1
--> 2
select interval '1 month' * 2 + date '2024-01-31', date '2024-01-31' + 3 * interval '1 week'
--> 2024-03-31T00:00:00|2024-02-21T00:00:00
select now()::date - 7 < current_date, current_date + 1 > current_date, (current_date - interval '7 days')::date = current_date - 7
--> true|true|true
select date_part('epoch', timestamp '2024-01-02' - timestamp '2024-01-01') / 3600, timestamp '2024-01-02' - timestamp '2024-01-01' > interval '12 hours'
--> 24.0|true
select avg(extract(epoch from (b - a))) from (values (timestamp '2024-01-01', timestamp '2024-01-02')) t(a, b)
--> 86400.0
select sum(x) filter (where x is distinct from 2 and x < 5) from (values (1),(2),(3)) t(x)
--> 4
select jsonb_extract_path_text('{"a": [{"b": 7}]}'::jsonb, 'a', '0', 'b'), '{"a": null}'::json ->> 'a' is null
--> 7|true
select row_number() over (partition by x order by y desc) = 1 from (values (1, 2)) t(x, y)
--> true
select count(distinct (x, y)) from (values (1, 2),(1, 2),(2, 1)) t(x, y)
--> 2
select every(x > 0), bool_or(x > 1) from (values (1),(2)) t(x)
--> true|true
select lag(x, 1) over (order by x), lag(x, 1, 0) over (order by x) from (values (1),(2)) t(x)
--> 1|1
--> |0
select first_value(x) over (order by x), array_agg(x) over (order by x) from (values (1),(2)) t(x)
--> 1|[1, 2]
--> 1|[1]
select x, ntile(2) over (order by x), percent_rank() over (order by x) from (values (1),(2),(3)) t(x)
--> 1|1|0.0
--> 2|1|0.5
--> 3|2|1.0
select median_test.m from (select percentile_cont(0.5) within group (order by x) as m from (values (1.0),(3.0)) t(x)) median_test
--> 2.0
select x from (values ('b'),('A'),('a')) t(x) order by lower(x), x
--> A
--> a
--> b
select coalesce(nullif(x, ''), 'none') from (values (''),('y')) t(x)
--> none
--> y
select case when x in ('a', 'b') then 1 when x like 'c%' then 2 else 0 end from (values ('a'),('cc'),('z')) t(x)
--> 0
--> 1
--> 2
select * from (select 1 as a) x full outer join (select 2 as b) y on x.a = y.b order by 1, 2
--> 1|
--> |2
select 1 as "A", 2 as "a"
--> 1|2
select date_diff_test from (select (date '2024-03-01' - date '2024-02-01') as date_diff_test) s
--> 29
select string_to_array('a b', ' '), array_to_string(array[1,2,3], ','), array[1,2] @> array[1], array_length(string_to_array('a,b', ','), 1)
--> [a, b]|1,2,3|true|2
select regexp_replace('a.b.c', '\.', '-', 'g'), regexp_replace('2024-05', '(\d+)-(\d+)', '\2/\1'), 'foo.bar' ~ '^[a-z]+\.[a-z]+$'
--> a-b-c|05/2024|true
select left('abc', 10), substring('abc' from 10), repeat('x', 0), lpad('', 2, 'y'), split_part('', ',', 1), split_part('a||b', '||', 2)
--> abc|||yy||b
select ceil(-1.5), floor(-1.5), round(-2.567, 1), trunc(-2.567, 1), abs(-2::bigint), sign(-2.5), sign(0)
--> -1.0|-2.0|-2.6|-2.5|2|-1.0|0.0
select 10 % 3, -10 % 3, 10.5 % 3, mod(10.5, 3)
--> 1|-1|1.5|1.5
select cast('inf' as float8), 'nan'::float8 = 'nan'::float8
--> inf|true
select cast('2024-02-30' as text), length(''), '' is null
--> 2024-02-30|0|false
select 2 ^ 3 * 2, 2 * 3 ^ 2, 1 + 2 ^ 2, '{"a": 1}'::json ->> 'a' = '1', 'ab' ~ 'a' = true, 'a' || 'b' ~ 'ab'
--> 16.0|18.0|5.0|true|true|true
