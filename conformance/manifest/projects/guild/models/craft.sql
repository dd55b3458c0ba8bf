{{ config(group='crafts', access='protected', contract={'enforced': true}, materialized='incremental', on_schema_change='fail') }}
select 1 as craft_id, 'smith' as craft
