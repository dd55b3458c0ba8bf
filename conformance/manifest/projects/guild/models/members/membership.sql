select member_id from {{ ref('member') }} union all select member_id from {{ ref('member', version=1) }}
union all select member_id from {{ ref('guild', 'member', v=3) }} union all select member_id from {{ ref('private_list') }}
