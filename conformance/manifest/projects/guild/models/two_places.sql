{% if target.name == 'prod' %}{{ config(materialized='table') }}{% else %}{{ config(materialized='view', meta={'x': 1}) }}{{ config(meta={'y': 2}, tags=['one']) }}{{ config(tags=['two', 'one']) }}{% endif %}
{%- set parts = [] -%}
{%- for part in ['craft', 'reads_python'] -%}{%- do parts.append(ref(part)) -%}{%- endfor -%}
select * from {{ parts | join(' , ') }} , {{ ref('craft') }}
