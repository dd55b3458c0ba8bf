{% macro build_ref_function(model) %}
  {%- set names = {} -%}
  {%- for reference in model.refs -%}
    {%- set words = [reference['package'], reference['name']] if reference.get('package') else [reference['name']] -%}
    {%- set relation = ref(*words, v=reference.get('version')) -%}
    {#- A project's own `ref` may give text. A relation is asked for all of its rows. -#}
    {%- if relation.render is defined and relation.render is callable -%}
      {%- set relation = relation.render() -%}
    {%- endif -%}
    {%- set words = words + ['v' ~ reference['version']] if reference.get('version') else words -%}
    {%- do names.update({words | join('.'): resolve_model_name(relation)}) -%}
  {%- endfor -%}

def ref(*args, **kwargs):
    names = {{ names | tojson }}
    key = '.'.join(args)
    version = kwargs.get("v") or kwargs.get("version")
    if version:
        key += f".v{version}"
    return kwargs.get("dbt_load_df_function")(names[key])

{% endmacro %}


{% macro build_source_function(model) %}
  {%- set names = {} -%}
  {%- for words in model.sources -%}
    {%- do names.update({words | join('.'): resolve_model_name(source(*words))}) -%}
  {%- endfor -%}

def source(*args, dbt_load_df_function):
    names = {{ names | tojson }}
    return dbt_load_df_function(names['.'.join(args)])

{% endmacro %}


{# Only those settings that the code asks for. #}
{% macro build_config_dict(model) %}
  {%- set settings = {} -%}
  {%- for key, otherwise in zip(model.config.config_keys_used, model.config.config_keys_defaults) | list -%}
    {%- do settings.update({key: model.config.get(key, otherwise)}) -%}
  {%- endfor -%}
  {%- set meta = {} -%}
  {%- if model.config.meta_keys_used -%}
    {%- set given = model.config.meta or {} -%}
    {%- for key, otherwise in zip(model.config.meta_keys_used, model.config.meta_keys_defaults) | list -%}
      {%- do meta.update({key: given[key] if key in given else otherwise}) -%}
    {%- endfor -%}
  {%- endif -%}
config_dict = {{ settings }}
meta_dict = {{ meta }}
{% endmacro %}
