"""Decide in the database which of many wants fit into what is left, in their order."""

# Decided one after the other: who does not fit takes nothing, and whoever comes after
# may still fit. What is left stands in arrays, one element for each source, so that a
# step touches no table; a want is met whole, from sources that are open on its day.
#
# Reads `wanted` (reference, units, on_day, nth from 1 without gaps) and `free` (ids,
# starts, ends, units: one row of arrays in the order of drawing).
FITTING = """
listed AS MATERIALIZED (
    SELECT array_agg(units ORDER BY nth) AS units, array_agg(on_day ORDER BY nth)
           AS days, count(*) AS wants FROM wanted
), decided AS (
    SELECT CAST(0 AS bigint) AS nth, (SELECT units FROM free) AS free,
           CAST(NULL AS bigint[]) AS taken
    UNION ALL
    SELECT d.nth + 1, s.free, s.taken
      FROM decided d
     CROSS JOIN LATERAL (
         SELECT array_agg(units - take ORDER BY i) AS free,
                array_agg(take ORDER BY i) AS taken
           FROM (SELECT i, units, CASE
                            WHEN sum(open) OVER () < want THEN 0
                            ELSE greatest(0, least(open, want
                                     - (sum(open) OVER (ORDER BY i) - open)))
                        END::bigint AS take
                   FROM (SELECT i, d.free[i] AS units,
                                (SELECT units[d.nth + 1] FROM listed) AS want,
                                CASE WHEN (SELECT days[d.nth + 1] FROM listed)
                                          BETWEEN (SELECT starts[i] FROM free)
                                              AND (SELECT ends[i] FROM free)
                                     THEN d.free[i] ELSE 0 END AS open
                           FROM generate_subscripts(d.free, 1) AS i) opened) taken
     ) s
     WHERE d.nth < (SELECT wants FROM listed)
), taken AS (
    SELECT w.reference, f.id, t.units
      FROM decided d
      JOIN wanted w ON w.nth = d.nth
     CROSS JOIN LATERAL unnest(d.taken) WITH ORDINALITY AS t(units, i)
      JOIN (SELECT id, i FROM free, unnest(ids) WITH ORDINALITY AS f(id, i)) f
        ON f.i = t.i
     WHERE t.units > 0
)
"""
