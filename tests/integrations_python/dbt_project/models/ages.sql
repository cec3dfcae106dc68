select id, name, year(to_date(born)) as year from {{ ref('people') }}
