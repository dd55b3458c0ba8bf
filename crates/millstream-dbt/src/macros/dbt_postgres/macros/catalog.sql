{# Every column of the relations that are asked for, with what is known of it and of its relation. #}
{% macro postgres__get_catalog_relations(information_schema, relations) -%}
  {%- set database = information_schema.database -%}
  {%- do internal__verify_database(database) -%}
  {%- call statement('catalog', fetch_result=True) -%}
    select
      '{{ database }}' as table_database,
      sch.nspname as table_schema,
      tbl.relname as table_name,
      case tbl.relkind when 'v' then 'VIEW' when 'm' then 'MATERIALIZED VIEW' else 'BASE TABLE' end as table_type,
      obj_description(tbl.oid, 'pg_class') as table_comment,
      col.attname as column_name,
      col.attnum as column_index,
      pg_catalog.format_type(col.atttypid, col.atttypmod) as column_type,
      col_description(tbl.oid, col.attnum) as column_comment,
      pg_get_userbyid(tbl.relowner) as table_owner
    from pg_catalog.pg_namespace sch
    join pg_catalog.pg_class tbl on tbl.relnamespace = sch.oid
    join pg_catalog.pg_attribute col on col.attrelid = tbl.oid
    where ({{ internal__catalog_condition(relations) }})
      and not pg_is_other_temp_schema(sch.oid)
      -- permanent and unlogged ones; temporary ones are nobody else's business
      and tbl.relpersistence in ('p', 'u')
      -- tables, views, foreign and partitioned tables, materialized views
      and tbl.relkind in ('r', 'v', 'f', 'p', 'm')
      and col.attnum > 0
      and not col.attisdropped
    order by sch.nspname, tbl.relname, col.attnum
  {%- endcall -%}
  {{ return(load_result('catalog').table) }}
{%- endmacro %}


{% macro postgres__get_catalog(information_schema, schemas) -%}
  {%- set relations = [] -%}
  {%- for schema in schemas -%}
    {%- do relations.append({'schema': schema}) -%}
  {%- endfor -%}
  {{ return(postgres__get_catalog_relations(information_schema, relations)) }}
{%- endmacro %}


{# Whole schemas, or single relations. #}
{% macro internal__catalog_condition(relations) -%}
  {%- for relation in relations -%}
    {{ ' or ' if not loop.first }}(upper(sch.nspname) = upper('{{ relation.schema }}')
    {{- " and upper(tbl.relname) = upper('" ~ relation.identifier ~ "')" if relation.identifier }})
  {%- endfor -%}
{%- endmacro %}
