{% macro get_show_grant_sql(relation) %}
  {{ return(adapter.dispatch('get_show_grant_sql', 'dbt')(relation)) }}
{% endmacro %}

{% macro default__get_show_grant_sql(relation) %}
  show grants on {{ relation.render() }}
{% endmacro %}


{% macro get_grant_sql(relation, privilege, grantees) %}
  {{ return(adapter.dispatch('get_grant_sql', 'dbt')(relation, privilege, grantees)) }}
{% endmacro %}

{%- macro default__get_grant_sql(relation, privilege, grantees) -%}
  grant {{ privilege }} on {{ relation.render() }} to {{ grantees | join(', ') }}
{%- endmacro -%}


{% macro get_revoke_sql(relation, privilege, grantees) %}
  {{ return(adapter.dispatch('get_revoke_sql', 'dbt')(relation, privilege, grantees)) }}
{% endmacro %}

{# The names come from the warehouse, so they are quoted. #}
{%- macro default__get_revoke_sql(relation, privilege, grantees) -%}
  revoke {{ privilege }} on {{ relation.render() }} from {{ get_quoted_csv(grantees) }}
{%- endmacro -%}


{# Whether one statement may name several grantees. #}
{% macro support_multiple_grantees_per_dcl_statement() %}
  {{ return(adapter.dispatch('support_multiple_grantees_per_dcl_statement', 'dbt')()) }}
{% endmacro %}

{% macro default__support_multiple_grantees_per_dcl_statement() %}
  {{ return(True) }}
{% endmacro %}


{# The statements for a dictionary of privileges and grantees. `get_dcl_macro` writes one of them. #}
{% macro get_dcl_statement_list(relation, grant_config, get_dcl_macro) %}
  {{ return(adapter.dispatch('get_dcl_statement_list', 'dbt')(relation, grant_config, get_dcl_macro)) }}
{% endmacro %}

{% macro default__get_dcl_statement_list(relation, grant_config, get_dcl_macro) %}
  {% set statements = [] %}
  {% for privilege, grantees in grant_config.items() if grantees %}
    {% set groups = [grantees] if support_multiple_grantees_per_dcl_statement() else grantees | batch(1) %}
    {% for group in groups %}
      {% do statements.append(get_dcl_macro(relation, privilege, group)) %}
    {% endfor %}
  {% endfor %}
  {% do return(statements) %}
{% endmacro %}


{% macro call_dcl_statements(dcl_statement_list) %}
  {{ return(adapter.dispatch('call_dcl_statements', 'dbt')(dcl_statement_list)) }}
{% endmacro %}

{# All in one go, so that nobody sees a half of them. #}
{% macro default__call_dcl_statements(dcl_statement_list) %}
  {% call statement('grants') %}
    {% for dcl_statement in dcl_statement_list %}
      {{ dcl_statement }};
    {% endfor %}
  {% endcall %}
{% endmacro %}
