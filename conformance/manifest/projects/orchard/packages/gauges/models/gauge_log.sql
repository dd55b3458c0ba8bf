select {{ in_unit("'1'") }} as reading, '{{ var("gauges_own") }}' as own
