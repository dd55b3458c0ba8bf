{# A name that is too long is cut by the server without a word. It is cut before the suffix, so
   that what stands beside a relation never has the relation's own name. #}
{% macro postgres__make_relation_with_suffix(base_relation, suffix, dstring) %}
  {% if dstring %}
    {% set suffix = suffix ~ modules.datetime.datetime.now().strftime('%H%M%S%f') %}
  {% endif %}
  {% set room = base_relation.relation_max_name_length() - suffix | length %}
  {% if room < 0 %}
    {% do exceptions.raise_compiler_error(
      'Relation suffix is too long (' ~ suffix | length ~ ' characters). Maximum length is '
      ~ base_relation.relation_max_name_length() ~ ' characters.'
    ) %}
  {% endif %}
  {{ return(base_relation.incorporate(path={'identifier': base_relation.identifier[:room] ~ suffix})) }}
{% endmacro %}


{% macro postgres__make_intermediate_relation(base_relation, suffix) %}
  {{ return(postgres__make_relation_with_suffix(base_relation, suffix, dstring=False)) }}
{% endmacro %}


{# A temporary table is in a schema of its own session. #}
{% macro postgres__make_temp_relation(base_relation, suffix) %}
  {% set temp_relation = postgres__make_relation_with_suffix(base_relation, suffix, dstring=True) %}
  {{ return(temp_relation.incorporate(path={'schema': none, 'database': none})) }}
{% endmacro %}


{% macro postgres__make_backup_relation(base_relation, backup_relation_type, suffix) %}
  {% set backup_relation = postgres__make_relation_with_suffix(base_relation, suffix, dstring=False) %}
  {{ return(backup_relation.incorporate(type=backup_relation_type)) }}
{% endmacro %}
