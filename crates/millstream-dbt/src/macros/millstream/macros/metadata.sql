{# What the embedded engine knows of its relations. It has one database. #}

{% macro millstream__information_schema_name(database) -%}
  information_schema
{%- endmacro %}


{% macro millstream__list_schemas(database) %}
  {{ return(run_query('select distinct schema_name from information_schema.schemata')) }}
{% endmacro %}


{% macro millstream__check_schema_exists(information_schema, schema) -%}
  {{ return(run_query("select count(*) from information_schema.schemata where schema_name = '" ~ schema ~ "'")) }}
{%- endmacro %}


{% macro millstream__list_relations_without_caching(schema_relation) %}
  {% set question -%}
    select
      '{{ schema_relation.database }}' as database,
      table_name as name,
      table_schema as schema,
      case table_type when 'VIEW' then 'view' else 'table' end as type
    from information_schema.tables
    where table_schema ilike '{{ schema_relation.schema }}'
  {%- endset %}
  {{ return(run_query(question)) }}
{% endmacro %}


{% macro millstream__get_columns_in_relation(relation) -%}
  {% set question -%}
    select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale
    from information_schema.columns
    where table_name = '{{ relation.identifier }}'
      {{ "and table_schema = '" ~ relation.schema ~ "'" if relation.schema }}
    order by ordinal_position
  {%- endset %}
  {{ return(sql_convert_columns_in_relation(run_query(question))) }}
{%- endmacro %}


{# The ledger knows which relation is made of which; there is nothing to drop along with another. #}
{% macro millstream__get_relations() -%}
  {% set question -%}
    select
      table_schema as dependent_schema, table_name as dependent_name,
      table_schema as referenced_schema, table_name as referenced_name
    from information_schema.tables
    where false
  {%- endset %}
  {{ return(run_query(question)) }}
{%- endmacro %}
