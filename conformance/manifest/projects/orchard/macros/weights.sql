{% macro rounded(column, digits=0) -%}
    round({{ column }}, {{ digits }})
{%- endmacro %}

{# A comment between two macros. #}
{%- macro log_moment(word) -%}
    {%- do log(word, info=false) -%}
    select '{{ word }}' as moment
{%- endmacro -%}

{% macro orchard__spread(column) %}  max({{ column }}) - min({{ column }}) {% endmacro %}
{%macro tight(a,b)%}{{a}}{{b}}{%endmacro%}
{% macro calls_many() %}
    {{ rounded('x') }} {{ tight(1, 2) }} {{ gauges.in_unit('y') }} {{ rounded('z') }}
    {{ return(adapter.dispatch('spread', 'gauges')('x')) }}
{% endmacro %}

{% test rows_between(model, low, high, of=none, options=none) -%}
select count(*) as n from {{ model }} having not count(*) between {{ low }} and {{ high }}
{%- endtest %}
