{# The policies of an environment say who may see what; its relations have no rights of their own. #}

{% macro millstream__apply_grants(relation, grant_config, should_revoke=True) %}
{% endmacro %}


{% macro millstream__copy_grants() %}
  {{ return(False) }}
{% endmacro %}
