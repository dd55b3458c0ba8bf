{% macro postgres__get_create_index_sql(relation, index_dict) -%}
  {%- set index = adapter.parse_index(index_dict) -%}
  create {{ 'unique ' if index.unique }}index if not exists "{{ index.render(relation) }}"
  on {{ relation }} {{ 'using ' ~ index.type if index.type }}
  ({{ index.columns | join(', ') }})
{%- endmacro %}


{%- macro postgres__get_drop_index_sql(relation, index_name) -%}
  drop index if exists "{{ relation.schema }}"."{{ index_name }}"
{%- endmacro -%}


{% macro postgres__get_show_indexes_sql(relation) %}
  select
    index_class.relname as name,
    method.amname as method,
    found.indisunique as "unique",
    array_to_string(array_agg(col.attname), ',') as column_names
  from pg_index found
  join pg_class index_class on index_class.oid = found.indexrelid
  join pg_am method on method.oid = index_class.relam
  join pg_class tbl on tbl.oid = found.indrelid
  join pg_namespace sch on sch.oid = tbl.relnamespace
  join pg_attribute col on col.attrelid = tbl.oid and col.attnum = any(found.indkey)
  where sch.nspname = '{{ relation.schema }}'
    and tbl.relname = '{{ relation.identifier }}'
    and tbl.relkind in ('r', 'm')
  group by 1, 2, 3
  order by 1, 2, 3
{% endmacro %}
