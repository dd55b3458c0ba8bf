{{ config(
    materialized = 'incremental',
    partitions = {'by': 'time', 'column': 'ordered_at', 'grain': 'month', 'begin': '2025-09-01', 'end': '2026-01-01'}
) }}
select order_id, customer_id, ordered_at, total from {{ ref('orders') }}
