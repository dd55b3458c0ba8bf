{# What table and view have in common: built aside, then swapped in. #}

{# Drops what a run that was interrupted has left behind. #}
{% macro internal__drop_leftovers(relations) %}
  {% for relation in relations %}
    {% do drop_relation_if_exists(relation) %}
  {% endfor %}
{% endmacro %}


{# Of what type the relation is that makes room. #}
{% macro internal__backup_type(existing_relation, type) %}
  {% do return(type if existing_relation is none else existing_relation.type) %}
{% endmacro %}


{% macro internal__swap_in(existing_relation, intermediate_relation, target_relation, backup_relation) %}
  {% if existing_relation is not none %}
    {#- It may be gone since: dropping what it depended on has dropped it. -#}
    {% set still_there = load_cached_relation(existing_relation) %}
    {% if still_there is not none %}
      {% do adapter.rename_relation(still_there, backup_relation) %}
    {% endif %}
  {% endif %}
  {% do adapter.rename_relation(intermediate_relation, target_relation) %}
{% endmacro %}
