{{
    config(
        materialized='incremental',
        unique_key=['tree_id', 'weighing_id'],
        incremental_strategy='delete+insert',
        on_schema_change='append_new_columns',
        pre_hook="select 'before'",
        post_hook=[
            {"sql": "select 'after'", "transaction": false},
            "{{ log_moment('after') }}"
        ],
        indexes=[{'columns': ['tree_id'], 'type': 'hash'}],
        tags='slow'
    )
}}

select w.*, p.price
from {{ ref('stg_weighings') }} as w
join {{ ref('stg_prices') }} as p on p.variety = w.variety
{% if is_incremental() %}
where w.weighing_id > (select max(weighing_id) from {{ this }})
{% endif %}
{% if execute %}{{ log('only when it runs') }}{% endif %}
