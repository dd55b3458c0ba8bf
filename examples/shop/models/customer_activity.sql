-- What is known of every customer today: what the model is asked about.
{{ config(materialized='table') }}
{{ activity_before(var('today')) }}
