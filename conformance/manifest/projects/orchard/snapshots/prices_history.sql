{% snapshot prices_history %}
{{ config(target_schema='history', unique_key='variety', strategy='check', check_cols=['price'], invalidate_hard_deletes=true) }}
select * from {{ ref('prices') }}
{% endsnapshot %}

{% snapshot trees_history %}
    {{ config(unique_key='tree_id', strategy='timestamp', updated_at='planted_on', schema='history', hard_deletes='new_record') }}
    select * from {{ ref('trees') }}
{% endsnapshot %}
