{{ config(materialized='ephemeral', tags=['money'], meta={'reviewed': true}) }}
{#- repeated: one reference twice, the other once -#}
select p.variety, p.price, q.price as again
from {{ ref('prices') }} as p
join {{ ref('prices') }} as q on p.variety = q.variety
where exists (select 1 from {{ ref('orchard', 'trees') }}) and exists (select 1 from {{ source("plain", "one") }})
  and exists (select 1 from {{ source("plain", "one") }})
