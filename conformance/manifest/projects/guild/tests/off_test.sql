{{ config(enabled=false) }} select * from {{ ref('member') }}
