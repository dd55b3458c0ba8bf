{{ config(tags=['singular'], fail_calc='sum(weight)') }}
select weight from {{ ref('stg_weighings') }} where weight < 0
