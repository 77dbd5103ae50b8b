-- For everyone who thinks in postings: two signed lines per transfer; debits
-- are positive.
CREATE VIEW ledger.posting AS
SELECT t.member_id, t.id, t.line, t.kind, p.account, t.unit, p.amount,
       t.effective_on, t.occurred_at, t.recorded_at
  FROM ledger.transfer t
 CROSS JOIN LATERAL (VALUES (t.debit, t.amount), (t.credit, -t.amount)) p(account, amount);

-- What entered and left each lot; units put into a lot are positive.
CREATE VIEW ledger.lot_draw AS
SELECT t.member_id, t.id, t.line, t.kind, t.unit, x.issuer, x.funding, x.cost_class, x.earned_in,
       CASE WHEN t.credit = 'available' THEN coalesce(x.grace_on, x.expires_on) ELSE x.expires_on END AS expires_on,
       CASE WHEN t.credit = 'available' AND x.grace_on IS NOT NULL THEN x.expires_on ELSE x.origin_on END AS origin_on,
       CASE t.credit WHEN 'available' THEN x.units ELSE -x.units END AS units,
       t.effective_on
  FROM ledger.transfer t
 CROSS JOIN LATERAL unnest(t.draws) x
 WHERE 'available' IN (t.debit, t.credit);
