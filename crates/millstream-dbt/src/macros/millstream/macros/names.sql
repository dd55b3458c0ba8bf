{# There is no limit to the length of a name, and no schema of a session. #}

{% macro millstream__make_intermediate_relation(base_relation, suffix) %}
  {{ return(default__make_intermediate_relation(base_relation, suffix)) }}
{% endmacro %}


{% macro millstream__make_temp_relation(base_relation, suffix) %}
  {{ return(default__make_temp_relation(base_relation, suffix)) }}
{% endmacro %}


{% macro millstream__make_backup_relation(base_relation, backup_relation_type, suffix) %}
  {{ return(default__make_backup_relation(base_relation, backup_relation_type, suffix)) }}
{% endmacro %}
