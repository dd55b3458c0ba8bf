select * from {{ ref('member', v=1) }} where 1 = 0
