select id as member_id, name, 'x' as nick from {{ ref('people') }}
