{# Where a node goes: the schema of the target, and what the node asks for behind it.
   Projects override this to name schemas as they like. #}
{% macro generate_schema_name(custom_schema_name=none, node=none) -%}
  {{ return(adapter.dispatch('generate_schema_name', 'dbt')(custom_schema_name, node)) }}
{%- endmacro %}

{% macro default__generate_schema_name(custom_schema_name, node) -%}
  {{ target.schema }}
  {%- if custom_schema_name is not none -%}
    _{{ custom_schema_name | trim }}
  {%- endif -%}
{%- endmacro %}


{# Asked-for schemas in production only; elsewhere all is in the schema of the target. #}
{% macro generate_schema_name_for_env(custom_schema_name, node) -%}
  {%- if custom_schema_name is not none and target.name == 'prod' -%}
    {{ custom_schema_name | trim }}
  {%- else -%}
    {{ target.schema }}
  {%- endif -%}
{%- endmacro %}
