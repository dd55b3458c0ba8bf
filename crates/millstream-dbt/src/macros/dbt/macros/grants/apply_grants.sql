{# Makes the rights on a relation those that its configuration lists: no more, no less. #}
{% macro apply_grants(relation, grant_config, should_revoke) %}
  {{ return(adapter.dispatch('apply_grants', 'dbt')(relation, grant_config, should_revoke)) }}
{% endmacro %}

{% macro default__apply_grants(relation, grant_config, should_revoke=True) %}
  {% if grant_config %}
    {% set missing, superfluous = grant_config, {} %}
    {% if should_revoke %}
      {% set found = adapter.standardize_grants_dict(run_query(get_show_grant_sql(relation))) %}
      {% set missing = diff_of_two_dicts(grant_config, found) %}
      {% set superfluous = diff_of_two_dicts(found, grant_config) %}
      {% if not (missing or superfluous) %}
        {% do log('On ' ~ relation.render() ~ ': All grants are in place, no revocation or granting needed.') %}
      {% endif %}
    {% endif %}
    {% set statements = get_dcl_statement_list(relation, superfluous, get_revoke_sql)
      + get_dcl_statement_list(relation, missing, get_grant_sql) %}
    {% if statements %}
      {% do call_dcl_statements(statements) %}
    {% endif %}
  {% endif %}
{% endmacro %}


{# Whether a relation may have rights that nobody asked for. #}
{% macro should_revoke(existing_relation, full_refresh_mode=True) %}
  {% if not existing_relation %}
    {% do return(False) %}
  {% endif %}
  {% do return(copy_grants() if full_refresh_mode else True) %}
{% endmacro %}


{# Whether a relation that replaces another one has its rights. #}
{% macro copy_grants() %}
  {{ return(adapter.dispatch('copy_grants', 'dbt')()) }}
{% endmacro %}

{# To believe so costs a query; not to believe so may leave rights that were taken away. #}
{% macro default__copy_grants() %}
  {{ return(True) }}
{% endmacro %}
