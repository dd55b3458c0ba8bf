{{ config(tags=['now']) }}
select id as member_id, name, 1 as craft_id from {{ ref('people') }}
