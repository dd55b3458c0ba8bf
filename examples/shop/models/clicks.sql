-- Some clicks are delivered twice.
{{ config(materialized='table') }}

select click_id, session_id, customer_id, page, product_id, clicked_at
from {{ source('shop', 'clicks') }}
group by click_id, session_id, customer_id, page, product_id, clicked_at
