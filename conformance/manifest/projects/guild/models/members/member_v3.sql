select id as member_id, name, cast(1 as bigint) as craft_id from {{ ref('people') }} union all select * from {{ ref('member', v=2) }}
