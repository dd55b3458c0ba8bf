{# What was known of every customer at the start of a day. #}
{% macro activity_before(day) %}
with bought as (
    select
        customer_id,
        count(*) as orders,
        sum(cast(total as double)) as revenue,
        avg(case when discount > 0 then 1.0 else 0.0 end) as discount_share,
        max(to_unixtime(ordered_at)) as last_order
    from {{ ref('orders') }}
    where ordered_at < timestamp '{{ day }}'
    group by customer_id
),

bought_lately as (
    select customer_id, count(*) as orders_60d
    from {{ ref('orders') }}
    where ordered_at < timestamp '{{ day }}' and ordered_at >= timestamp '{{ day }}' - interval '60 days'
    group by customer_id
),

clicked as (
    select
        customer_id,
        count(*) as clicks_30d,
        sum(case when clicked_at >= timestamp '{{ day }}' - interval '7 days' then 1 else 0 end) as clicks_7d,
        count(distinct session_id) as sessions_30d,
        max(to_unixtime(clicked_at)) as last_click
    from {{ ref('clicks') }}
    where clicked_at < timestamp '{{ day }}' and clicked_at >= timestamp '{{ day }}' - interval '30 days'
    group by customer_id
)

select
    c.customer_id,
    c.country,
    c.segment,
    coalesce(b.orders, 0) as orders,
    coalesce(b.revenue, 0) as revenue,
    coalesce(b.discount_share, 0) as discount_share,
    (to_unixtime(timestamp '{{ day }}') - b.last_order) / 86400.0 as days_since_order,
    coalesce(l.orders_60d, 0) as orders_60d,
    coalesce(k.clicks_30d, 0) as clicks_30d,
    coalesce(k.clicks_7d, 0) as clicks_7d,
    coalesce(k.sessions_30d, 0) as sessions_30d,
    (to_unixtime(timestamp '{{ day }}') - k.last_click) / 86400.0 as days_since_click
from {{ source('shop', 'customers') }} c
left join bought b on c.customer_id = b.customer_id
left join bought_lately l on c.customer_id = l.customer_id
left join clicked k on c.customer_id = k.customer_id
where c.signed_up_on < date '{{ day }}'
{% endmacro %}
