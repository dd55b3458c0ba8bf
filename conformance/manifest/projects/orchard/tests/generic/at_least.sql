{% test at_least(model, column_name, minimum=0) %}
    {{ config(severity='error', meta={'said': 'in the test'}) }}
    select {{ column_name }} from {{ model }} where {{ column_name }} < {{ minimum }}
{% endtest %}
