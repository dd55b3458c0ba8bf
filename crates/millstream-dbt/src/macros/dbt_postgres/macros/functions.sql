{# An argument may have a value of its own here. #}
{% macro postgres__formatted_scalar_function_args_sql() %}
  {%- for argument in model.arguments -%}
    {%- set otherwise = argument.get('default_value', none) -%}
    {{ argument.name }} {{ argument.data_type }}
    {{- ' DEFAULT ' ~ otherwise if otherwise is not none }}{{ ', ' if not loop.last }}
  {%- endfor -%}
{% endmacro %}
