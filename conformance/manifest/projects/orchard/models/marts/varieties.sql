{%- set names = ['boskoop', 'cox'] -%}
select
    variety,
    {%- for name in names %}
    sum(case when variety = '{{ name }}' then weight end) as {{ name }}_weight{{ "," if not loop.last }}
    {%- endfor %}
from {{ ref('harvest') }}
group by 1
-- {{ ref('stg_weighings') }} {{ gauges.in_unit('weight') }} {{ gauges.spread('weight') }}
