{# What is in a schema: tables, views, materialized views and functions. #}
{% macro postgres__list_relations_without_caching(schema_relation) %}
  {%- set kinds = [
    ('pg_tables', 'tablename', 'schemaname', 'table'),
    ('pg_views', 'viewname', 'schemaname', 'view'),
    ('pg_matviews', 'matviewname', 'schemaname', 'materialized_view'),
    ('pg_proc join pg_namespace on pg_namespace.oid = pronamespace', 'proname', 'nspname', 'function'),
  ] -%}
  {% call statement('list_relations_without_caching', fetch_result=True) -%}
    {% for books, name, schema, type in kinds -%}
      {{ 'union all ' if not loop.first -}}
      select distinct
        '{{ schema_relation.database }}' as database, {{ name }} as name, {{ schema }} as schema, '{{ type }}' as type
      from {{ books }}
      where {{ schema }} ilike '{{ schema_relation.schema }}'
    {% endfor %}
  {%- endcall %}
  {{ return(load_result('list_relations_without_caching').table) }}
{% endmacro %}


{# Which relation is made of which. A view hangs on a rewrite rule, and the rule on what the view
   reads; the link from the rule to its own view is the internal one. #}
{% macro postgres__get_relations() -%}
  {%- call statement('relations', fetch_result=True) -%}
    select distinct
      view_schema.nspname as dependent_schema,
      view.relname as dependent_name,
      read_schema.nspname as referenced_schema,
      read.relname as referenced_name
    from pg_class view
    join pg_namespace view_schema on view_schema.oid = view.relnamespace
    join pg_depend rule on rule.refobjid = view.oid
      and rule.classid = 'pg_rewrite'::regclass
      and rule.refclassid = 'pg_class'::regclass
      and rule.deptype = 'i'
    join pg_depend reading on reading.objid = rule.objid
      and reading.classid = 'pg_rewrite'::regclass
      and reading.refclassid = 'pg_class'::regclass
      and reading.refobjid <> view.oid
    join pg_class read on read.oid = reading.refobjid
    join pg_namespace read_schema on read_schema.oid = read.relnamespace
    where read_schema.nspname <> 'information_schema' and read_schema.nspname not like 'pg\_%'
    order by 1, 2, 3, 4
  {%- endcall -%}
  {{ return(load_result('relations').table) }}
{%- endmacro %}

{% macro postgres_get_relations() %}
  {{ return(postgres__get_relations()) }}
{% endmacro %}
