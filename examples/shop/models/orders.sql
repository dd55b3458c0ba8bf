{{ config(materialized='table') }}

select order_id, customer_id, ordered_at, status, discount, total
from {{ source('shop', 'orders') }}
where status <> 'cancelled'
