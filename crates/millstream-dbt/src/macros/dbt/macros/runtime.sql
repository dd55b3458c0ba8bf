{% macro is_core_v2() -%}
  {%- do return(dbt_version.split('.')[0] | int == 2) -%}
{%- endmacro %}


{# What an adapter has to bring itself. #}
{% macro internal__not_implemented(name) %}
  {% do exceptions.raise_not_implemented(name ~ ' macro not implemented for adapter ' ~ adapter.type()) %}
{% endmacro %}


{% macro internal__not_possible(name) %}
  {% do exceptions.raise_compiler_error('`' ~ name ~ '` has not been implemented for this adapter.') %}
{% endmacro %}
