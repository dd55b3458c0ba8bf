select * from {{ ref('stg_prices') }} p, {{ source('plain', 'one') }} where p.price < 0
