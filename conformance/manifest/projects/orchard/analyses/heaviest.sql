select tree_id from {{ ref('harvest') }} order by weight desc limit {{ var('top', 3) }}
