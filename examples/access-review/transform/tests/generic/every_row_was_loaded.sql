{% test every_row_was_loaded(model, stream) %}
-- As many rows in the warehouse as the tap counted when it had read the list to its end.
with loaded as (select count(*) as row_count from {{ model }})

select reads.row_count as rows_read, loaded.row_count as rows_loaded
from loaded left join {{ ref('reads') }} as reads on reads.stream = '{{ stream }}'
where reads.row_count is distinct from loaded.row_count
{% endtest %}
