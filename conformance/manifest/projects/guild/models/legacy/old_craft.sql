select craft_id, craft from {{ ref('craft') }} -- {{ ref('craft') }}
