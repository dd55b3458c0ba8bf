-- What was predicted, brought back from the operational database, beside the project it is about.
select
    p.id,
    p.title,
    p.tag,
    r.label as predicted_tag,
    r.version as model_version,
    r.at as predicted_at
from {{ source('app', 'predictions') }} r
join {{ ref('labeled_projects') }} p on cast(p.id as varchar) = r.key
