-- The loop closed: what was predicted, brought back from the operational database, beside the
-- customer it is about.
select
    a.customer_id,
    a.country,
    a.segment,
    a.revenue,
    p.label as buys_again,
    p.version as model_version,
    p.at as predicted_at
from {{ source('app', 'predictions') }} p
join {{ ref('customer_activity') }} a on cast(a.customer_id as varchar) = p.key
