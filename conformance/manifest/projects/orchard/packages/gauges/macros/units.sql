{% macro in_unit(column) -%}
  {{ return(adapter.dispatch('in_unit', 'gauges')(column)) }}
{%- endmacro %}

{% macro default__in_unit(column) %}({{ column }} || '{{ var("unit") }}'){% endmacro %}

{% macro spread(column) %}{{ return(adapter.dispatch('spread', 'gauges')(column)) }}{% endmacro %}
{% macro default__spread(column) %}0{% endmacro %}

{% test below(model, column_name, limit) %}
select * from {{ model }} where {{ column_name }} >= {{ limit }}
{% endtest %}
