-- pgbench would take what follows a colon for a variable.
\set member random(1, :members)
\set ref random(1, 9000000000000000)
SELECT 1 / (a.outcome = 'posted')::int
  FROM ledger.post(ARRAY[(
      0, :member, 'bench:' || :ref, md5(:ref ::text)::uuid, 'activity_accrual',
      'issued.partner:' || 'CEB', 'available', ARRAY['CUP'], 150, NULL,
      ('CEB', 'CEB', 'activity', '2007-10-01', '2010-10-31', '2010-10-31', NULL, NULL),
      NULL, '2007-10-05', '2007-10-05', 'bench', 1)::ledger.draft]) a;
