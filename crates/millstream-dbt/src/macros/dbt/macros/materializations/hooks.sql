{# Runs those hooks that belong inside the transaction, or those that do not. #}
{% macro run_hooks(hooks, inside_transaction=True) %}
  {% for hook in hooks | selectattr('transaction', 'equalto', inside_transaction) %}
    {% if loop.first and not inside_transaction %}
      {% do internal__run_hook('commit;', inside_transaction) %}
    {% endif %}
    {% set rendered = render(hook.get('sql')) | trim %}
    {% if rendered %}
      {% do internal__run_hook(rendered, inside_transaction) %}
    {% endif %}
  {% endfor %}
{% endmacro %}


{% macro internal__run_hook(sql, inside_transaction) %}
  {% call statement(auto_begin=inside_transaction) %}
    {{ sql }}
  {% endcall %}
{% endmacro %}


{# Hooks with their place, for configurations. #}

{% macro make_hook_config(sql, inside_transaction) %}
  {{ tojson({'sql': sql, 'transaction': inside_transaction}) }}
{% endmacro %}

{% macro before_begin(sql) %}
  {{ make_hook_config(sql, inside_transaction=False) }}
{% endmacro %}

{% macro in_transaction(sql) %}
  {{ make_hook_config(sql, inside_transaction=True) }}
{% endmacro %}

{% macro after_commit(sql) %}
  {{ make_hook_config(sql, inside_transaction=False) }}
{% endmacro %}
