{{ config(materialized='view') }}
select max(year) as year, count(*) as n from {{ ref('ages') }}
