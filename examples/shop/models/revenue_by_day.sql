{{ config(materialized='incremental', incremental_strategy='merge', unique_key='day') }}

select
    date_trunc('day', o.ordered_at) as day,
    count(distinct o.order_id) as orders,
    sum(i.quantity * i.unit_price) as revenue
from {{ ref('orders') }} o
join {{ source('shop', 'order_items') }} i on o.order_id = i.order_id
{% if is_incremental() %}
-- The status of an order may change for some days.
where o.ordered_at >= (select max(day) - interval '14 days' from {{ this }})
{% endif %}
group by 1
