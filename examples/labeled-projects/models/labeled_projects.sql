select p.id, p.created_on, p.title, p.description, t.tag
from {{ source('made_with_ml', 'projects') }} p
left join {{ source('made_with_ml', 'tags') }} t on p.id = t.id
