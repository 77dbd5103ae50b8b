\set member random(:first, :last)
\set ref random(1, 9000000000000000)
SELECT 1 / (a.outcome = 'posted')::int
  FROM ledger.post(ARRAY[(
      0, :member, 'bench:' || :ref, md5(:ref ::text)::uuid, 'redemption',
      'available', 'redeemed.product', ARRAY['CUP', 'UNI'], 300, NULL, NULL,
      NULL, '2007-10-05', '2007-10-05', 'bench', 1)::ledger.draft]) a;
