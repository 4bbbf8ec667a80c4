-- Bonus and payroll: rules, what a month counts for whom, closing it, what stays, corrections, who sees it.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- Facts are made by hand, at times of 2025. A client's document of a topic; a mark; both at once; a rated ticket of
-- Alfa's contracts; an answer there, in time or not.
CREATE FUNCTION t.document(topic bigint) RETURNS bigint LANGUAGE sql AS $$
    INSERT INTO onefin.document (id, org_id, topic_id, uploader_id, uploader_name, by_client, name, type, size, sha256, store_key, state)
    SELECT n, (topic + 4) / 5, topic, 6, 'Ali', true, 'paper' || n || '.pdf', 'application/pdf', 1, sha256('x'), 'key' || n, 'ready'
    FROM nextval('onefin.document_id_seq') n RETURNING id
$$;
CREATE FUNCTION t.mark(document bigint, account bigint, mark text, at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO onefin.document_mark (document_id, org_id, at, account_id, account_name, mark, reason)
    SELECT d.id, d.org_id, mark.at, mark.account, 'x', mark.mark, 'x' FROM onefin.document d WHERE d.id = mark.document
$$;
CREATE FUNCTION t.process(account bigint, topic bigint, at timestamptz) RETURNS void LANGUAGE sql
RETURN t.mark(t.document(topic), account, 'processed', at);
CREATE FUNCTION t.score(ticket bigint, score integer, at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO onefin.rating (ticket_id, org_id, topic_id, accountable_id, account_id, first_at, score)
    SELECT k.id, 1, 2, k.accountable_id, 6, score.at, score.score FROM onefin.ticket k WHERE k.id = ticket
$$;
CREATE FUNCTION t.rate(account bigint, score integer, at timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    made bigint;
BEGIN
    INSERT INTO onefin.ticket (org_id, topic_id, state, opened_at, opened_by, closed_at, closed_by, closed_how, accountable_id)
    VALUES (1, 2, 'closed', at, 6, at, account, 'person', account) RETURNING id INTO made;
    PERFORM t.score(made, score, at);
    RETURN made;
END
$$;
CREATE FUNCTION t.answer(account bigint, at timestamptz, minutes integer, target integer DEFAULT 60, kind text DEFAULT 'first', outcome text DEFAULT 'answered',
    imported boolean DEFAULT false) RETURNS void LANGUAGE sql AS $$
    INSERT INTO onefin.wait (id, org_id, topic_id, ticket_id, message_id, responder_id, answer_id, started_at, ended_at, target, duration, paused, kind_id, imported, kind, outcome)
    VALUES (nextval('onefin.wait_id_seq'), 1, 2, 1, 1, account, 2, at - interval '1 hour', at, target * 60000000::bigint, minutes * 60000000::bigint, 0, 2, imported, kind, outcome)
$$;
CREATE VIEW t.line AS SELECT who, m AS month, p ->> 'name' AS name, l ->> 'line' AS line, l ->> 'kind' AS kind, l ->> 'topic_kind' AS topic_kind, l ->> 'share' AS share,
        l ->> 'quantity' AS quantity, l ->> 'rate' AS rate, l ->> 'amount' AS amount, l ->> 'rule' AS rule, l ->> 'reason' AS reason
    FROM unnest('{boss,sup1,sup2,acc1,acc2}'::text[]) who, generate_series('2025-01-01'::timestamp, '2025-12-01', '1 month') d, to_char(d, 'YYYY-MM-DD') m,
        jsonb_array_elements(onefin.call(who, 'bonus', jsonb_build_object('month', m)) #> '{result,people}') p, jsonb_array_elements(p -> 'lines') l;
CREATE FUNCTION t.lines(who text, month text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', name, line, kind, topic_kind, share, quantity, 'x', rate, '=', amount, 'rule ' || rule, reason) FROM t.line l WHERE l.who = lines.who AND l.month = lines.month
$$;
CREATE FUNCTION t.total(who text, month text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(' ', p ->> 'name', p ->> 'department_name', p ->> 'total') FROM jsonb_array_elements(onefin.call(who, 'bonus', jsonb_build_object('month', month)) #> '{result,people}') p
$$;
CREATE FUNCTION t.close(month text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' - ', t.answer(r, '{}'), r #>> '{error,data,hint}') FROM onefin.call('boss', 'close_payroll', jsonb_build_object('month', month)) r
$$;
CREATE FUNCTION t.rule("from" text, rules jsonb, path text[] DEFAULT '{rule}') RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' - ', t.answer(r, path), r #>> '{error,data,hint}') FROM onefin.call('boss', 'bonus_rules', jsonb_build_object('from', "from", 'rules', rules)) r
$$;

-- Rules: made by admins, read by staff; amounts are exact; what a rule cannot be is refused.
SELECT t.rule('2025-02-01', '{}');
SELECT t.rule('2025-03-01', '{"document_rates": {"contract": 5000, "bank_payment": "1000.5"}, "rating_rate": "10000", "sla_tiers":
    [{"share": 0.9, "amount": 200000}, {"share": 0.95, "amount": "300000.00"}], "cap": "500000"}');
SELECT rules, t.rule('2025-03-01', rules) FROM unnest(ARRAY['[]', '7', '{"colour": 1}', '{"document_rates": []}', '{"document_rates": {"nosuch": 1}}',
    '{"document_rates": {"contract": -1}}', '{"document_rates": {"contract": "1e3"}}', '{"document_rates": {"contract": 0.005}}', '{"document_rates": {"contract": null}}',
    '{"rating_rate": 1000000000000}', '{"rating_rate": "-1"}', '{"rating_min": 0}', '{"rating_min": 6}', '{"rating_min": 4.5}', '{"min_documents": -1}', '{"min_documents": 1.5}', '{"cap": "x"}',
    '{"sla_tiers": {}}', '{"sla_tiers": [7]}', '{"sla_tiers": [{"share": 0.9}]}', '{"sla_tiers": [{"share": 0.9, "amount": 1, "x": 1}]}', '{"sla_tiers": [{"share": 1.1, "amount": 1}]}',
    '{"sla_tiers": [{"share": 0, "amount": 1}]}', '{"sla_tiers": [{"share": 0.12345, "amount": 1}]}',
    '{"sla_tiers": [{"share": 0.9, "amount": 1}, {"share": 0.9, "amount": 2}]}', '{"sla_tiers": [{"share": 0.95, "amount": 1}, {"share": 0.9, "amount": 2}]}']::jsonb[]) rules;
SELECT t.call('boss', 'bonus_rules', '{"rules": {}}'), t.call('boss', 'bonus_rules', '{"from": "2025-03-01"}'), t.rule('infinity', '{}'), t.call('boss', 'bonus_rules', '{"from": "March", "rules": {}}');
SELECT t.call('acc1', 'bonus_rules', '{}', '{rules,0}');
SELECT who, t.call(who, 'bonus_rules', '{"from": "2025-03-01", "rules": {}}'), t.call(who, 'bonus_rules', '{}', '{rules,1,id}') FROM unnest('{sup1,acc1,ali}'::text[]) who;
SELECT actor_id, subject_id, audience, detail #> '{after,rating_rate}' FROM onefin.journal WHERE kind = 'bonus_rule.created' ORDER BY id;

-- A month by hand. Acc1: 12 contracts at 5000 and 3 bank payments at 1000.50; ratings 5, 4, 3; 19 of 20 answers in time.
-- 60000 + 3001.50 + 2 x 10000 + 300000 = 383001.50. Acc2: one contract, 8 of 9 in time, which is below 0.9; nobody rated.
SELECT count(t.process(4, 2, '2025-03-05 10:00+05')) FROM generate_series(1, 12);
SELECT count(t.process(4, 1, '2025-03-06 10:00+05')) FROM generate_series(1, 3);
SELECT count(t.rate(4, score, '2025-03-07 10:00+05')) FROM unnest('{5,4,3}'::integer[]) score;
SELECT count(t.answer(4, '2025-03-08 10:00+05', CASE n WHEN 20 THEN 61 ELSE 60 END)) FROM generate_series(1, 20) n;
SELECT t.process(5, 7, '2025-03-09 10:00+05'), count(t.answer(5, '2025-03-08 10:00+05', CASE n WHEN 9 THEN 61 ELSE 5 END, kind => 'next')) FROM generate_series(1, 9) n;
SELECT * FROM t.lines('boss', '2025-03-01');
SELECT * FROM t.total('boss', '2025-03-01');
SELECT t.call('boss', 'bonus', '{"month": "2025-03-01", "account": 5}', '{people,0,total}'), t.call('boss', 'bonus', '{"month": "2025-03-01", "account": 5}', '{people,1}'),
    t.call('boss', 'bonus', '{"month": "2025-03-01"}', '{state}'), t.call('acc1', 'bonus', '{}', '{state}'), t.call('boss', 'bonus', '{"month": "2025-03-02"}');
-- In a savepoint each: what counts not, or elsewhere.
CREATE TABLE t.before AS SELECT * FROM t.lines('boss', '2025-03-01') before;
CREATE FUNCTION t.change() RETURNS TABLE (line text) LANGUAGE sql AS $$
    SELECT '- ' || before FROM t.before EXCEPT SELECT '- ' || l FROM t.lines('boss', '2025-03-01') l
    UNION ALL (SELECT '+ ' || l FROM t.lines('boss', '2025-03-01') l EXCEPT SELECT '+ ' || before FROM t.before) ORDER BY 1
$$;
BEGIN;
-- Answers: resolutions, without a target, imported, dismissed, of another month; nothing.
SELECT t.answer(5, '2025-03-08 10:00+05', 1, kind => 'resolution', outcome => 'closed'), t.answer(5, '2025-03-08 10:00+05', 1, target => NULL), t.answer(5, '2025-03-08 10:00+05', 1, imported => true),
    t.answer(5, '2025-03-08 10:00+05', NULL, outcome => 'closed'), t.answer(NULL, '2025-03-08 10:00+05', NULL, outcome => 'dismissed'), t.answer(5, '2025-04-01 00:00+05', 1), t.answer(5, '2025-02-28 23:59:59.999999+05', 1);
-- Documents: of April, of February, where the rule paid nothing.
SELECT t.process(5, 7, '2025-04-01 00:00+05'), t.process(5, 7, '2025-02-28 23:59+05');
-- What a machine did.
SET LOCAL session_replication_role = replica;
UPDATE onefin.account SET machine = true WHERE id = 3;
SELECT t.process(3, 7, '2025-03-03 10:00+05'), t.rate(3, 5, '2025-03-08 10:00+05') > 0;
-- Ratings: about nobody, of another month.
SELECT t.rate(NULL, 5, '2025-03-08 10:00+05') > 0, t.rate(5, 5, '2025-04-01 00:00+05') > 0;
SELECT * FROM t.change();
ROLLBACK;
BEGIN;
-- At the very end of the month in the firm's time zone, and one answer more in time: 9 of 10 reach 0.9. No answers, no tier.
SELECT t.process(5, 8, '2025-03-31 23:59:59.999999+05'), t.answer(5, '2025-03-31 23:59:59.999999+05', 60), t.rate(5, 4, '2025-03-01 00:00+05') > 0, t.rate(2, 5, '2025-03-02 00:00+05') > 0;
SELECT * FROM t.change();
ROLLBACK;
BEGIN;
-- The last mark before the month's end holds: returned and processed again by another in March; returned in March; returned
-- in April only; processed in April again, which is April's.
SELECT t.document(2) AS a, t.document(2) AS b, t.document(2) AS c, t.document(2) AS d \gset
SELECT t.mark(:a, 4, 'processed', '2025-03-10 10:00+05'), t.mark(:a, 4, 'returned', '2025-03-11 10:00+05'), t.mark(:a, 2, 'processed', '2025-03-12 10:00+05'),
    t.mark(:b, 4, 'processed', '2025-03-10 10:00+05'), t.mark(:b, 4, 'returned', '2025-03-11 10:00+05'),
    t.mark(:c, 4, 'processed', '2025-03-10 10:00+05'), t.mark(:c, 4, 'returned', '2025-04-01 00:00+05'),
    t.mark(:d, 4, 'processed', '2025-03-10 10:00+05'), t.mark(:d, 4, 'returned', '2025-03-11 10:00+05'), t.mark(:d, 4, 'processed', '2025-04-02 10:00+05');
SELECT * FROM t.change();
SELECT * FROM t.lines('boss', '2025-04-01');
ROLLBACK;
BEGIN;
-- Of a ticket the last rating holds, in the month of the first.
SELECT t.rate(4, 1, '2025-03-31 10:00+05') AS k \gset
SELECT t.score(:k, 5, '2025-03-31 10:00+05'), t.score(:k, 4, '2025-03-31 10:00+05');
SELECT * FROM t.change();
ROLLBACK;
BEGIN;
-- A rule in the middle of the month: documents and ratings by that of their day, tiers and limits by the last day's.
SELECT t.rule('2025-03-07', '{"document_rates": {"contract": "7000"}, "rating_rate": "20000", "rating_min": 5, "sla_tiers": [{"share": 0.8, "amount": "50000"}]}', '{rule,id}');
SELECT t.process(4, 2, '2025-03-06 23:59+05'), t.process(4, 2, '2025-03-07 00:00+05'), t.process(4, 3, '2025-03-07 00:00+05'), t.process(4, 1, '2025-03-07 00:00+05');
SELECT * FROM t.change();
-- Of two of one day the later one.
SELECT t.rule('2025-03-07', '{"document_rates": {"contract": "8000"}}', '{rule,id}');
SELECT * FROM t.change();
ROLLBACK;
BEGIN;
-- Before the first rule nothing counts, answers neither.
SELECT t.rule('2025-01-20', '{"document_rates": {"contract": "7"}, "rating_rate": "7", "sla_tiers": [{"share": 0.6, "amount": "70"}]}', '{rule,id}');
SELECT t.process(4, 2, at), t.rate(4, 5, at) > 0, t.answer(4, at, 60 + CASE extract(day FROM at) WHEN 19 THEN 1 ELSE 0 END) FROM unnest('{2025-01-19 23:59+05,2025-01-20 00:00+05}'::timestamptz[]) at;
SELECT * FROM t.lines('boss', '2025-01-01');
ROLLBACK;
BEGIN;
-- The cap takes away what is above it, exactly that is not touched.
SELECT t.rule('2025-03-31', '{"document_rates": {"contract": "5000"}, "rating_rate": 1, "sla_tiers": [{"share": 0.8, "amount": "50000.01"}], "cap": "100000.02"}', '{rule,id}');
SELECT * FROM t.change();
SELECT t.rule('2025-03-31', '{"sla_tiers": [{"share": 0.8, "amount": 50000}], "cap": "133001.50"}', '{rule,id}');
SELECT * FROM t.change();
SELECT t.rule('2025-03-31', '{"cap": 0}', '{rule,id}');
SELECT * FROM t.change();
ROLLBACK;
BEGIN;
-- With fewer documents than the minimum all is taken away, and there is no cap besides; with as many it is not.
SELECT t.rule('2025-03-31', '{"min_documents": 2, "cap": "3000"}', '{rule,id}');
SELECT * FROM t.change();
SELECT t.rule('2025-03-31', '{"min_documents": 15}', '{rule,id}'), t.rule('2025-03-31', '{"min_documents": 16}', '{rule,id}');
SELECT * FROM t.total('boss', '2025-03-01');
ROLLBACK;

-- Closing: an ended month by its first day, in order, by admins.
SELECT t.close('2025-03-15'), t.close('infinity'), t.close('x');
SELECT who, t.call(who, 'close_payroll', '{"month": "2025-03-01"}') FROM unnest('{sup1,acc1,ali}'::text[]) who;
SELECT t.answer(onefin.call('boss', 'close_payroll', jsonb_build_object('month', date_trunc('month', now() AT TIME ZONE 'Asia/Tashkent')::date)), '{}') ~ '55000 the month \S+ has not ended' AS early;
SELECT t.process(5, 7, '2025-02-03 10:00+05'), t.process(5, 7, '2025-01-03 10:00+05');
SELECT t.close('2025-03-01');
SELECT t.call('boss', 'bonus', '{"month": "2025-02-01"}', '{people,0,lines}'), t.call('boss', 'bonus', '{"month": "2025-01-01"}', '{people}');
SELECT t.close('2025-02-01');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT t.close('2025-03-01');
ROLLBACK;
CREATE TABLE t.march AS SELECT * FROM t.line WHERE month = '2025-03-01';
CREATE TABLE t.slip AS SELECT onefin.call('boss', 'payslip', '{"month": "2025-03-01", "account": 4}') -> 'result' AS slip;
SELECT t.close('2025-03-01');
SELECT t.close('2025-03-01');
SELECT t.close('2025-01-01');
-- What was shown before is what is kept.
SELECT count(*) FROM t.march;
SELECT * FROM t.line WHERE month = '2025-03-01' EXCEPT SELECT * FROM t.march;
SELECT slip - 'state' = (onefin.call('boss', 'payslip', '{"month": "2025-03-01", "account": 4}') -> 'result') - 'state' AS same, slip -> 'state' FROM t.slip;
SELECT t.call('boss', 'bonus', '{"month": "2025-03-01"}', '{state}'), t.call('acc1', 'bonus', '{"month": "2025-03-01"}', '{people}');
SELECT actor_id, audience, subject_id, detail, digest = onefin.payroll_digest((detail ->> 'month')::date) AS digest FROM onefin.journal WHERE kind = 'payroll.closed' ORDER BY id;
SELECT line, source, count(*), count(*) FILTER (WHERE counts) AS counts, count(*) FILTER (WHERE within) AS within FROM onefin.payroll_item WHERE month = '2025-03-01' AND account_id = 4 GROUP BY 1, 2 ORDER BY 1;

-- Nothing of it changes: by rules, names, roles, departments, the data that it was computed from, or time.
CREATE TABLE t.closed AS SELECT * FROM t.line WHERE who = 'boss' AND month <= '2025-03-01';
CREATE TABLE t.slips AS SELECT account, onefin.call('boss', 'payslip', jsonb_build_object('month', '2025-03-01', 'account', account)) AS slip FROM unnest('{4,5}'::bigint[]) account;
CREATE VIEW t.moved AS SELECT 'line' AS what, c.line FROM (TABLE t.closed EXCEPT SELECT * FROM t.line WHERE who = 'boss' AND month <= '2025-03-01') c UNION ALL
    SELECT 'slip', account::text FROM t.slips s WHERE slip <> onefin.call('boss', 'payslip', jsonb_build_object('month', '2025-03-01', 'account', account)) UNION ALL
    SELECT 'digest', detail ->> 'month' FROM onefin.journal WHERE kind = 'payroll.closed' AND digest <> onefin.payroll_digest((detail ->> 'month')::date);
BEGIN;
SELECT t.rule('2025-04-01', '{"document_rates": {"contract": 1}}', '{rule,id}');
SELECT t.call('boss', 'accounts', '{"id": 4, "name": "Renamed", "department": 2}', '{account,name}'), t.call('boss', 'accounts', '{"id": 5, "role": "client", "org": 2}', '{account,role}'),
    t.call('boss', 'departments', '{"id": 1, "name": "Renamed"}', '{department,name}'), t.call('boss', 'orgs', '{"id": 1, "name": "Renamed"}', '{org,name}'), t.call('boss', 'settings', '{"name": "time_zone", "value": "UTC"}', '{settings,time_zone}');
SET LOCAL session_replication_role = replica;
UPDATE onefin.topic_kind SET code = 'renamed' WHERE id = 2;
DELETE FROM onefin.wait;
DELETE FROM onefin.ticket;
RESET session_replication_role;
SELECT * FROM t.moved;
-- Who was moved is seen by the old department's supervisor: the line is of that.
SELECT who, t.total(who, '2025-03-01') FROM unnest('{sup1,sup2}'::text[]) who;
ROLLBACK;
-- Documents that were paid are not paid again, whoever processes them once more; nor is a rating changed.
SELECT document_id AS d FROM onefin.payroll_item WHERE month = '2025-03-01' AND source = 'document' ORDER BY 1 LIMIT 1 \gset
SELECT ticket_id AS k FROM onefin.payroll_item WHERE month = '2025-03-01' AND source = 'rating' ORDER BY 1 LIMIT 1 \gset
SELECT t.mark(:d, 5, 'returned', '2025-04-05 10:00+05'), t.mark(:d, 5, 'processed', '2025-04-06 10:00+05'), t.attempt(format('SELECT t.score(%s, 1, ''2025-03-07 10:00+05'')', :k));
SELECT * FROM t.lines('boss', '2025-04-01');
-- Not even by superusers, at rest too; what is done by force shows.
SET client_min_messages = warning;
SELECT t.attempt(format('UPDATE onefin.%I SET %s = %2$s', relation, col)), t.attempt(format('DELETE FROM onefin.%I', relation)), t.attempt(format('TRUNCATE onefin.%I CASCADE', relation))
    FROM (VALUES ('bonus_rule', 'id'), ('payroll', 'month'), ('payroll_line', 'line'), ('payroll_item', 'line'), ('payroll_correction', 'id')) r (relation, col);
RESET client_min_messages;
SET session_replication_role = replica;
SELECT t.attempt('UPDATE onefin.payroll_line SET amount = amount'), t.attempt('DELETE FROM onefin.payroll_item');
RESET session_replication_role;
SELECT t.attempt('INSERT INTO onefin.payroll_item SELECT month, account_id, line, department_id, source, -source_id, at, org_id, org_name, topic_id, topic_kind, document_id, message_id, answer_id, ticket_id, score, duration, target, within, counts FROM onefin.payroll_item WHERE source = ''document'''),
    t.attempt('INSERT INTO onefin.payroll_line SELECT month, account_id, 99, account_name, department_id, department, kind, topic_kind, rule_id, share, quantity, rate, amount + 0.01, reason, NULL FROM onefin.payroll_line') LIKE '23514%' AS "sum wrong";
SELECT * FROM t.moved;
BEGIN;
ALTER TABLE onefin.payroll_line DISABLE TRIGGER refuse;
UPDATE onefin.payroll_line SET quantity = quantity + 1, amount = (quantity + 1) * rate WHERE month = '2025-03-01' AND account_id = 4 AND line = 1;
SELECT what FROM t.moved;
SELECT v #>> '{broken,what}', v #> '{broken,entry}' = to_jsonb(j.id) FROM onefin.journal_verify() v, onefin.journal j WHERE j.kind = 'payroll.closed' AND j.detail ->> 'month' = '2025-03-01';
ROLLBACK;
BEGIN;
ALTER TABLE onefin.payroll DISABLE TRIGGER ALL;
INSERT INTO onefin.payroll VALUES ('2025-11-01', '2025-11-01', '2025-12-01', 'UTC', now(), 1, NULL, 0, 0);
SELECT onefin.journal_verify() #> '{broken}';
ROLLBACK;
SELECT onefin.journal_verify() -> 'ok';
BEGIN;
ALTER TABLE onefin.payroll_item DISABLE TRIGGER refuse;
UPDATE onefin.payroll_item SET score = 4 WHERE score = 5;
SELECT what FROM t.moved;
ROLLBACK;

-- Rules do not reach into a closed month; by hand neither.
SELECT t.rule('2025-03-31', '{}'), t.attempt('INSERT INTO onefin.bonus_rule (from_day) VALUES (''2025-03-31'')'), t.rule('2025-04-01', '{"document_rates": {"contract": "6000"}}', '{rule,id}');

-- What was committed after its month was closed is the next one's, by the rule of its own day; months without anything need not be closed.
SELECT t.process(4, 2, '2025-03-30 10:00+05'), t.rate(4, 5, '2025-03-30 10:00+05') > 0, t.answer(4, '2025-03-30 10:00+05', 5);
SELECT t.process(5, 7, '2025-06-03 10:00+05');
SELECT t.lines('boss', '2025-04-01');
SELECT t.close('2025-06-01');
SELECT t.close('2025-04-01');
SELECT t.lines('boss', '2025-04-01');
SELECT t.close('2025-06-01'), t.close('2025-05-01');
SELECT t.call('boss', 'bonus', '{"month": "2025-05-01"}', '{state}'), t.lines('boss', '2025-06-01');
SELECT onefin.payroll_month_closed(at) FROM unnest('{2025-05-10 10:00+05,2025-06-30 23:59:59.999999+05,2025-07-01 00:00+05}'::timestamptz[]) at;

-- Corrections: of closed months, for staff, exact, with a reason; lines of the next month, once, whatever the cap and the minimum.
CREATE FUNCTION t.correct(month text, account bigint, amount jsonb, reason text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' - ', t.answer(r, '{correction}'), r #>> '{error,data,hint}') FROM onefin.call('boss', 'correct_payroll', jsonb_build_object('month', month, 'account', account, 'amount', amount, 'reason', reason)) r
$$;
SELECT t.correct('2025-07-01', 4, '1', 'x'), t.correct('2025-03-02', 4, '1', 'x'), t.correct('2025-03-01', 6, '1', 'x'), t.correct('2025-03-01', 99, '1', 'x');
SELECT amount, t.correct('2025-03-01', 4, amount, 'x') FROM unnest('{0,0.001,1.005,1000000000000,"\"1\""}'::jsonb[]) amount;
SELECT t.correct('2025-03-01', 4, '1', ' '), t.correct('2025-03-01', 4, '1', repeat('x', 1001)) LIKE '-32602%' AS "too long";
SELECT t.correct('2025-03-01', 4, '-1500.50', 'counted twice'), t.correct('2025-03-01', 3, '200000', 'forgotten');
SELECT who, t.call(who, 'correct_payroll', '{"month": "2025-03-01", "account": 4, "amount": 1, "reason": "x"}') FROM unnest('{sup1,acc1,ali}'::text[]) who;
SELECT subject_id, audience, detail #> '{after,amount}' FROM onefin.journal WHERE kind = 'payroll_correction.created' ORDER BY id;
SELECT t.rule('2025-07-01', '{"min_documents": 5, "cap": "1000", "document_rates": {"contract": 10}}', '{rule,id}'), t.process(4, 2, '2025-07-02 10:00+05');
SELECT * FROM t.lines('boss', '2025-07-01');
SELECT count(*) FROM t.lines('boss', '2025-08-01');
SELECT t.close('2025-08-01');
SELECT t.close('2025-07-01');
SELECT * FROM t.lines('boss', '2025-07-01');
SELECT count(*) FROM t.lines('boss', '2025-08-01');
SELECT * FROM t.moved;

-- Who sees what: an admin all, a supervisor the department's and the own, others the own, clients nothing; the same as a file.
SELECT who, t.total(who, '2025-03-01') FROM unnest('{boss,sup1,sup2,acc1,acc2}'::text[]) who;
SELECT who, t.total(who, '2025-07-01') FROM unnest('{boss,sup1,sup2,acc1,acc2}'::text[]) who;
SELECT who, account, left(t.call(who, 'payslip', jsonb_build_object('month', '2025-03-01', 'account', account), '{total}'), 40) FROM unnest('{boss,sup1,acc1,acc2}'::text[]) who, unnest('{2,4,5,6,99}'::bigint[]) account;
SELECT who, t.call(who, 'bonus'), t.call(who, 'payslip') FROM unnest('{ali}'::text[]) who;
-- In a month that is not closed by the department of now, without lines too.
SET session_replication_role = replica; -- or the session would end
UPDATE onefin.account SET department_id = 2 WHERE id = 4;
SELECT t.process(4, 2, '2025-09-02 10:00+05');
SELECT who, t.total(who, '2025-09-01') FROM unnest('{sup1,sup2}'::text[]) who;
SELECT who, t.call(who, 'payslip', '{"month": "2025-10-01", "account": 4}', '{lines}') FROM unnest('{boss,sup1,sup2,acc1}'::text[]) who;
UPDATE onefin.account SET department_id = 1 WHERE id = 4;
RESET session_replication_role;

-- A payslip goes down to documents, ratings and answers, of companies too that are no longer one's own.
UPDATE onefin.assignment SET until_at = now() WHERE account_id = 4;
SELECT slip - '{lines,items}'::text[] FROM CAST(onefin.call('acc1', 'payslip', '{"month": "2025-03-01"}') -> 'result' AS jsonb) slip;
SELECT DISTINCT ON (i -> 'source', i -> 'counts', i -> 'within') t.shown(jsonb_strip_nulls(i - '{id,document,ticket}'::text[])::text)
    FROM jsonb_array_elements(onefin.call('acc1', 'payslip', '{"month": "2025-03-01"}') #> '{result,items}') i ORDER BY i -> 'source', i -> 'counts', i -> 'within', i -> 'id';
SELECT jsonb_path_query_array(onefin.call('acc1', 'payslip', '{"month": "2025-09-01"}'), '$.result.items[*].document_name');

SELECT replace(r #>> '{result,lines}', E'\r', '') FROM onefin.payroll_csv('boss', '{"format": "csv", "month": "2025-07-01"}') r;
UPDATE onefin.account SET name = '=cmd("x")' WHERE id = 4;
SELECT replace(r #>> '{result,lines}', E'\r', ''), r #> '{result,next}' FROM onefin.payroll_csv('acc1', '{"format": "csv", "month": "2025-09-01"}') r;
UPDATE onefin.account SET name = 'Acc1' WHERE id = 4;
SELECT who, regexp_count(onefin.payroll_csv(who, '{"month": "2025-03-01"}') #>> '{result,lines}', '\n') FROM unnest('{boss,sup1,sup2,acc1,acc2}'::text[]) who;
SELECT t.answer(onefin.payroll_csv('ali', '{}'), '{}'), t.answer(onefin.payroll_csv('x', '{}'), '{}'), t.answer(onefin.payroll_csv(NULL, '{}'), '{}'),
    t.answer(onefin.payroll_csv('boss', '{"month": "x"}'), '{}'), t.answer(onefin.payroll_csv('boss', '{"month": "2025-03-02"}'), '{}'), t.answer(onefin.payroll_csv('boss', '{"org": "1"}'), '{}');
SELECT actor_id, audience, detail FROM onefin.journal WHERE kind = 'payroll.exported' ORDER BY id;

-- A closed month is of the time zone of its closing: the next begins where it ended, and nothing falls between.
SELECT t.call('boss', 'settings', '{"name": "time_zone", "value": "America/New_York"}', '{settings,time_zone}');
SELECT onefin.month_of('2025-08-01 00:00+05'), onefin.payroll_month_closed('2025-08-01 00:00+05');
SELECT t.process(4, 2, '2025-08-01 00:00+05');
SELECT * FROM t.lines('boss', '2025-08-01');
SELECT t.close('2025-08-01');
SELECT t.call('boss', 'settings', '{"name": "time_zone", "value": "Asia/Tokyo"}', '{settings,time_zone}');
SELECT t.process(4, 3, '2025-08-31 23:00-04');
SELECT * FROM t.lines('boss', '2025-09-01');
SELECT t.close('2025-09-01');
SELECT * FROM t.moved;
SELECT document_id FROM onefin.payroll_item WHERE source = 'document' GROUP BY 1 HAVING count(*) > 1;

-- What may be asked by SQL; whether a month is closed by clients, too, who see on it whether a rating may change.
SET SESSION AUTHORIZATION regress_ali;
SELECT onefin.payroll_month_closed('2025-03-10 10:00+05'), onefin.payroll_month_closed('2025-12-10 10:00+05'), t.attempt('SELECT FROM onefin.payroll_line'), t.attempt('SELECT FROM onefin.bonus_rule');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_acc1;
SELECT count(*) > 0, count(*) FILTER (WHERE account_id <> 4) FROM onefin.payroll_line;
SELECT onefin_api.payslip('2025-03-01') ->> 'total', t.attempt('SELECT onefin_api.payslip(''2025-03-01'', 5)'), t.attempt('SELECT FROM onefin.payroll'), t.attempt('SELECT onefin.payroll_compute(''2025-03-01'')'),
    t.attempt('SELECT onefin_api.close_payroll(''2025-03-01'')'), t.attempt('INSERT INTO onefin.payroll_correction (month, account_id, amount, reason) VALUES (''2025-03-01'', 4, 1, ''x'')');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_boss;
INSERT INTO onefin.payroll_correction (month, account_id, amount, reason) VALUES ('2025-03-01', 4, 1, 'by hand') RETURNING id;
SELECT t.attempt('INSERT INTO onefin.payroll (month) VALUES (''2025-12-01'')');
RESET SESSION AUTHORIZATION;
SELECT detail #> '{after,reason}' FROM onefin.journal WHERE kind = 'payroll_correction.created' ORDER BY id DESC LIMIT 1;
CALL t.leave();
