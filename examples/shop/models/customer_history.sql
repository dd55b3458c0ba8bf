-- What was known 30 days ago, and who has bought since: what the model learns from.
{{ config(materialized='table') }}

select a.*, case when n.customer_id is null then 'no' else 'yes' end as bought_again
from ({{ activity_before(var('cutoff')) }}) a
left join (
    select distinct customer_id
    from {{ ref('orders') }}
    where ordered_at >= timestamp '{{ var("cutoff") }}'
) n on a.customer_id = n.customer_id
