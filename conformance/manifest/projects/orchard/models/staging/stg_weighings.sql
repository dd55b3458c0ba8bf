with weighings as (

    select * from {{ source('scales', 'weighings') }}

), trees as (

    select * from {{ ref('trees') }}

)

select
    weighings.weighing_id,
    weighings.tree_id,
    {{ rounded('weight') }} as weight,
    {{ gauges.in_unit('weight') }} as weight_in_unit,
    trees.variety
from weighings
left join trees on weighings.tree_id = trees.tree_id
where weight >= {{ var('minimum_weight') }}
