{% macro set_sql_header(config) -%}
  {%- do config.set('sql_header', caller()) -%}
{%- endmacro %}


{# The node says it, or the command line does. #}

{% macro should_full_refresh() %}
  {% set said = config.get('full_refresh') %}
  {% do return(flags.FULL_REFRESH if said is none else said) %}
{% endmacro %}


{% macro should_store_failures() %}
  {% set said = config.get('store_failures') %}
  {% do return(flags.STORE_FAILURES if said is none else said) %}
{% endmacro %}
