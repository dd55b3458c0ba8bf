{{ config(enabled=false, tags=['dust']) }} select * from {{ ref('old_craft') }}, {{ source('guild_raw', 'gone') }}
