{% macro millstream__get_catalog_relations(information_schema, relations) -%}
  {% set question -%}
    select
      '{{ information_schema.database }}' as table_database,
      t.table_schema as table_schema,
      t.table_name as table_name,
      t.table_type as table_type,
      t.table_comment as table_comment,
      c.column_name as column_name,
      c.ordinal_position as column_index,
      c.data_type as column_type,
      c.column_comment as column_comment,
      cast(null as varchar) as table_owner
    from information_schema.tables t
    join information_schema.columns c on c.table_schema = t.table_schema and c.table_name = t.table_name
    where {{ internal__millstream_catalog_condition(relations) }}
    order by 2, 3, 7
  {%- endset %}
  {{ return(run_query(question)) }}
{%- endmacro %}


{% macro millstream__get_catalog(information_schema, schemas) -%}
  {%- set relations = [] -%}
  {%- for schema in schemas -%}
    {%- do relations.append({'schema': schema}) -%}
  {%- endfor -%}
  {{ return(millstream__get_catalog_relations(information_schema, relations)) }}
{%- endmacro %}


{% macro internal__millstream_catalog_condition(relations) -%}
  {%- for relation in relations -%}
    {{ ' or ' if not loop.first }}(lower(t.table_schema) = lower('{{ relation.schema }}')
    {{- " and lower(t.table_name) = lower('" ~ relation.identifier ~ "')" if relation.identifier }})
  {%- endfor -%}
{%- endmacro %}
