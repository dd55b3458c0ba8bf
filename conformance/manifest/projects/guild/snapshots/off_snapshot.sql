{% snapshot off_snapshot %}{{ config(unique_key='id', strategy='check', check_cols='all', target_schema='s') }}
select * from {{ ref('people') }}{% endsnapshot %}
{% snapshot off_in_block %}{{ config(enabled=false, unique_key='id', strategy='check', check_cols='all', target_schema='s') }}
select * from {{ ref('people') }}{% endsnapshot %}
