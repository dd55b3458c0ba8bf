{{ config(
    materialized = 'table',
    partitions = {'by': 'values', 'column': 'segment', 'values': ['consumer', 'corporate']}
) }}
select customer_id, segment from {{ source('shop', 'customers') }}
