{% macro convert_datetime(date_str, date_fmt) %}
  {% set complaint = "The date '" ~ date_str ~ "' does not have the form '" ~ date_fmt ~ "'" %}
  {% do return(try_or_compiler_error(complaint, modules.datetime.datetime.strptime, date_str.strip(), date_fmt)) %}
{% endmacro %}


{# Every day from the first to the last, both included. #}
{% macro dates_in_range(start_date_str, end_date_str=none, in_fmt="%Y%m%d", out_fmt="%Y%m%d") %}
  {% set first = convert_datetime(start_date_str, in_fmt) %}
  {% set last = first if end_date_str is none else convert_datetime(end_date_str, in_fmt) %}
  {% if last < first %}
    {% do exceptions.raise_compiler_error("The range of partitions ends (" ~ last ~ ") before it starts (" ~ first ~ ")", model) %}
  {% endif %}

  {% set days = [] %}
  {% for number in range((last - first).days + 1) %}
    {% set day = first + modules.datetime.timedelta(days=number) %}
    {% do days.append(day.strftime(out_fmt) if out_fmt else day) %}
  {% endfor %}
  {% do return(days) %}
{% endmacro %}


{# `20260101` or `20260101,20260131` #}
{% macro partition_range(raw_partition_date, date_fmt='%Y%m%d') %}
  {% set bounds = (raw_partition_date | string).split(',') %}
  {% if bounds | length > 2 %}
    {% do exceptions.raise_compiler_error("A range of partitions is {start date}[,{end date}], not: " ~ raw_partition_date) %}
  {% endif %}
  {% set last = bounds[1] if bounds | length == 2 else none %}
  {% do return(dates_in_range(bounds[0], last, in_fmt=date_fmt)) %}
{% endmacro %}


{% macro py_current_timestring() %}
  {% do return(modules.datetime.datetime.now().strftime('%Y%m%d%H%M%S%f')) %}
{% endmacro %}
