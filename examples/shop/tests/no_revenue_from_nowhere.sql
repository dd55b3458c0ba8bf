-- A day without orders has no revenue.
select day, orders, revenue from {{ ref('revenue_by_day') }} where orders = 0 and revenue > 0
