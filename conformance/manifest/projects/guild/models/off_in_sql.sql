{{ config(enabled=var('no_such_var', false)) }}
select 1 as id from {{ ref('craft') }}
