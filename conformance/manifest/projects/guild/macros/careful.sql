{%- macro careful(a) -%}

    a

{%- endmacro -%}

   {%- macro after_blanks() -%} b {%- endmacro %}


{% macro plain() %}
  {{ careful(1) }}{{ dbt.current_timestamp() }}{{ generate_alias_name() }}
{% endmacro -%}   

{% test careful_test(model, when) -%}

select 1 from {{ model }} where {{ careful(when) }}

{%- endtest -%}

  {% test dbt_expected(model, column_name, at) %}  select {{ at }} from {{ model }} where false  {% endtest -%}
