{{ config(alias='calendar', schema='time', database='warehouse', event_time='day', hours_to_expiration=3) }}
select cast('2026-01-01' as date) as day, '{{ env_var("PARITY_NOT_SET", "usual") }}' as said
