-- The journal as lines: what is in them, who may have them, and the same in pages for the gateway.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

SELECT t.call('ali', 'send', '{"topic": 1, "text": "birinchi"}', '{message,id}'),
    t.call('acc1', 'send', '{"topic": 1, "text": "eslatma", "visibility": "staff"}', '{message,id}'),
    t.call('ali', 'edit', '{"message": 1, "version": 1, "text": "ikkinchi"}', '{message,version}'),
    t.call('bek', 'send', '{"topic": 6, "text": "uchinchi"}', '{message,id}');
SET application_name = '=1+1';
INSERT INTO onefin.department (name) VALUES ('Three');
SET application_name = '-1"';
INSERT INTO onefin.department (name) VALUES (E'Four,\n"quoted"');
SET application_name = '''quoted';
INSERT INTO onefin.department (name) SELECT 'many ' || n FROM generate_series(1, 1000) n;
SET application_name = 'regress';
CALL t.sealed();
SELECT onefin.position() AS last, (SELECT count(*) FROM onefin.journal) AS entries \gset

-- Begin, entries and their seals in order, end.
CREATE TABLE t.line AS SELECT n, line, line::json AS j, (line::jsonb) ->> 'line' AS kind
    FROM onefin.journal_export('jsonl') WITH ORDINALITY l (line, n);
SELECT regexp_replace(string_agg(kind, ' ' ORDER BY n), '(entry )+', 'entries ', 'g') ~ '^begin (entries seal )+end$' FROM t.line;
SELECT kind, count(*) FILTER (WHERE kind IN ('begin', 'end')), (j ->> 'from')::bigint = 1 AS "from",
    (j ->> 'to')::bigint = :last AS "to", j ->> 'filter' AS filter, j ->> 'before' = repeat('0', 64) AS before,
    (j ->> 'seals')::bigint = :last AS seals, (j ->> 'entries')::bigint = :entries AS entries,
    (j ->> 'shown')::bigint = :entries AS shown,
    decode(j ->> 'hash', 'hex') = (SELECT hash FROM onefin.seal WHERE number = :last) AS hash
FROM t.line WHERE kind IN ('begin', 'end') GROUP BY n, kind, line, j::text, "from", "to", filter, before, seals,
    entries, shown, hash ORDER BY n;
-- Every column of every entry and seal says what the tables say.
SELECT count(*) = :entries, bool_and(
    (l.j ->> 'id')::bigint = e.id AND (l.j ->> 'index')::bigint = e.place - 1 AND (l.j ->> 'seal')::bigint = e.number
    AND l.j ->> 'check' = encode(substr(e.checks, 8 * e.place::integer - 7, 8), 'hex')
    AND l.j ->> 'xact' = j.xact::text
    AND l.j ->> 'at' = to_char(j.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    AND (l.j ->> 'actor', l.j ->> 'session', l.j ->> 'org', l.j ->> 'topic', l.j ->> 'subject', l.j ->> 'account')
        IS NOT DISTINCT FROM (j.actor_id::text, j.session_id::text, j.org_id::text, j.topic_id::text, j.subject_id::text,
        j.account_id::text)
    AND (l.j ->> 'version', l.j ->> 'kind', l.j ->> 'audience', l.j ->> 'db_user', l.j ->> 'application', l.j ->> 'address')
        IS NOT DISTINCT FROM (j.version::text, j.kind, j.audience, j.db_user, j.application, j.address::text)
    AND (l.j ->> 'digest', l.j ->> 'record', l.j ->> 'detail')
        IS NOT DISTINCT FROM (encode(j.digest, 'hex'), encode(j.record, 'hex'), j.detail::text)) AS "as in the table"
FROM t.line l, (SELECT number, id, place, checks FROM onefin.seal, unnest(entries) WITH ORDINALITY u (id, place)) e
    JOIN onefin.journal j USING (id)
WHERE l.kind = 'entry' AND (l.j ->> 'id')::bigint = e.id;
SELECT count(*) = :last, bool_and(s.hash = decode(l.j ->> 'hash', 'hex') AND s.snapshot::text = l.j ->> 'snapshot'
    AND s.cluster::text = l.j ->> 'cluster' AND s.base_id = (l.j ->> 'base_id')::bigint
    AND cardinality(s.entries) = (l.j ->> 'entries')::bigint
    AND l.j ->> 'at' = to_char(s.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) AS "as in the table"
FROM t.line l JOIN onefin.seal s ON l.kind = 'seal' AND s.number = (l.j ->> 'seal')::bigint;
-- No text of a message is in it.
SELECT count(*) FROM t.line WHERE line ~ 'birinchi|ikkinchi|eslatma|uchinchi';

-- CSV: a header, all columns, quotes where they must be, nothing that a spreadsheet runs.
SELECT line FROM onefin.journal_export('csv', 1, 1) line LIMIT 1;
SELECT regexp_replace(line, '^.*,department\.created,admin,[^,]*,(.*?),,,,"\{""after"": (.*)\}",+$', '\1  \2')
FROM onefin.journal_export('csv') line WHERE line LIKE '%department.created%' AND line ~ 'Three|Four|many 7""';

-- Filters leave digests in the place of entries.
CREATE FUNCTION t.shown_by(wish text) RETURNS TABLE (kinds text, shown bigint, withheld bigint, lines bigint, ended text)
LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        SELECT string_agg(DISTINCT j ->> 'kind', ' '), count(*) FILTER (WHERE j ->> 'line' = 'entry'),
            sum((j ->> 'entries')::bigint) FILTER (WHERE j ->> 'line' = 'withheld')::bigint,
            count(*) FILTER (WHERE j ->> 'line' = 'withheld'),
            max(concat_ws(' of ', j ->> 'shown', j ->> 'entries')) FILTER (WHERE j ->> 'line' = 'end')
        FROM (SELECT line::jsonb AS j FROM onefin.journal_export('jsonl', "to" => %s, %s) line) x$q$,
        current_setting('t.last'), wish);
END
$$;
SELECT set_config('t.last', :'last', false) = :'last';
SELECT s.kinds, s.shown, s.shown + s.withheld = :entries AS all, s.ended = format('%s of %s', s.shown, :entries)
FROM unnest(ARRAY['kind => ''message.sent''', 'kind => ''message.*''', 'kind => ''message''', 'kind => ''''',
    'org => 2', 'org => 2, kind => ''message.*''', 'actor => 4', 'actor => 4, org => 2', 'since => ''tomorrow''',
    'until => ''yesterday''']) wish, t.shown_by(wish) s;
SELECT s.shown = :entries FROM unnest(ARRAY['kind => ''*''', 'since => ''yesterday'', until => ''tomorrow''']) wish, t.shown_by(wish) s;
CREATE TABLE t.told AS SELECT j.* FROM onefin.journal j WHERE id IN (SELECT unnest(entries) FROM onefin.seal WHERE number <= :last);
SELECT at AS instant FROM onefin.journal WHERE subject_id = 2 AND kind = 'message.sent' \gset
SELECT s.shown = (SELECT count(*) FROM t.told WHERE at >= :'instant') AS since
FROM t.shown_by(format('since => %L', :'instant')) s;
SELECT s.shown = (SELECT count(*) FROM t.told WHERE at < :'instant') AS until
FROM t.shown_by(format('until => %L', :'instant')) s;
-- Withheld: runs of at most 400, their check, and what they would be.
SELECT max((j ->> 'entries')::integer), bool_and(length(j ->> 'digests') = 64 * (j ->> 'entries')::integer
    AND j ->> 'check' = encode(substr(sha256(decode(j ->> 'digests', 'hex')), 1, 8), 'hex')) AS checked
FROM (SELECT line::jsonb AS j FROM onefin.journal_export('jsonl', kind => 'none') line) x WHERE j ->> 'line' = 'withheld';

-- A range, and the next.
SELECT string_agg(DISTINCT j ->> 'seal', ' ' ORDER BY j ->> 'seal'), max(j ->> 'from'), max(j ->> 'to'),
    max(j ->> 'before') FILTER (WHERE j ->> 'line' = 'end') = (SELECT encode(hash, 'hex') FROM onefin.seal WHERE number = 1) AS before
FROM (SELECT line::jsonb AS j FROM onefin.journal_export('jsonl', 2, 3) line) x;
SELECT string_agg(j ->> 'line', ' '), bool_and((j ->> 'to')::bigint + 1 = (j ->> 'from')::bigint) AS empty
FROM (SELECT line::jsonb AS j FROM onefin.journal_export('jsonl', onefin.position() + 1) line) x;
SELECT bool_and((j ->> 'to')::bigint = onefin.position()) AS "to the newest"
FROM (SELECT line::jsonb AS j FROM onefin.journal_export('jsonl', onefin.position(), 1000000) line) x WHERE j ->> 'line' = 'end';

-- Refused: what makes no sense.
SELECT t.attempt(format('SELECT onefin.journal_export(%s)', wish)) FROM unnest(ARRAY['NULL', '''xml''', '''csv'', 0',
    '''csv'', 3, 2', '''csv'', "to" => -1', '''csv'', 1000000', '''csv'', actor => 0', '''csv'', org => -1', '''csv'', kind => ''a*b''',
    '''csv'', kind => ''**''']) wish;
BEGIN READ ONLY;
SELECT t.attempt('SELECT onefin.journal_export(''csv'')');
COMMIT;

-- Refused: everybody but admins, and admins who are none any more.
CREATE FUNCTION t.as(who text, statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    EXECUTE format('SET SESSION AUTHORIZATION %I', who);
    said := t.attempt(statement);
    RESET SESSION AUTHORIZATION;
    RETURN said;
END
$$;
CALL t.join('chief', 'admin', NULL, NULL);
SELECT who, regexp_replace(t.as(who, 'SELECT onefin.journal_export(''csv'', 1, 1)'), '^\d+ rows', 'N rows')
FROM unnest(ARRAY['regress_boss', 'regress_chief', 'regress_sup1', 'regress_acc1', 'regress_ali', 'onefin_analyst',
    'onefin_owner', 'onefin_gateway', 'onefin_admin']) who;
UPDATE onefin.account SET disabled_at = now() WHERE login = 'chief';
SELECT t.as('regress_chief', 'SELECT onefin.journal_export(''csv'', 1, 1)');
SELECT t.as('regress_boss', format('SELECT onefin.%s', f)) FROM unnest(ARRAY['export_begin(''boss'', ''{"format": "csv"}'')',
    'export_next(''boss'', ''{}'')']) f;

-- Journaled: who, what, which range.
SELECT actor_id, session_id, audience, db_user, detail FROM onefin.journal
WHERE kind = 'journal.exported' AND db_user LIKE 'regress_%' ORDER BY id;
SELECT DISTINCT t.shown((detail - 'from' - 'to')::text) FROM onefin.journal
WHERE kind = 'journal.exported' AND (detail ? 'actor' OR detail ? 'since' AND detail ? 'until') ORDER BY 1;

-- In pages for the gateway: the same lines, each page of a size, journaled once.
CREATE FUNCTION t.pages(who text, params jsonb, OUT pages integer, OUT largest integer, OUT lines text) LANGUAGE plpgsql AS $$
DECLARE
    page jsonb := onefin.export_begin(who, params, '192.0.2.9') -> 'result';
BEGIN
    pages := 0; largest := 0; lines := '';
    LOOP
        pages := pages + 1;
        largest := greatest(largest, length(page ->> 'lines'));
        lines := lines || (page ->> 'lines');
        EXIT WHEN page -> 'next' = 'null';
        page := onefin.export_next(who, page -> 'next', '192.0.2.9') -> 'result';
    END LOOP;
END
$$;
INSERT INTO onefin.department (name) SELECT 'more ' || n FROM generate_series(1, 5000) n;
CALL t.sealed();
SELECT onefin.position() AS last \gset
SELECT wish ->> 'format' AS format, p.pages > 1 AS "more than one", p.largest BETWEEN 262144 AND 300000 AS "of its size",
    p.lines = (SELECT string_agg(line, e'\r\n') || e'\r\n' FROM onefin.journal_export('csv', "to" => :last) line) AS csv,
    p.lines = (SELECT string_agg(line, e'\n') || e'\n' FROM onefin.journal_export('jsonl', "to" => :last, kind => 'department.*', org => 1) line) AS jsonl
FROM (VALUES ('{"format": "csv"}'::jsonb), ('{"format": "jsonl", "kind": "department.*", "org": "1"}')) v (wish),
    t.pages('boss', wish || jsonb_build_object('to', :last)) p;
SELECT actor_id, session_id IS NOT NULL AS session, address, detail - 'to' FROM onefin.journal
WHERE kind = 'journal.exported' AND address IS NOT NULL ORDER BY id;
-- Who may not, or asks for what makes no sense, is told as by a call.
SELECT who, t.answer(onefin.export_begin(who, '{"format": "csv"}'), '{}') FROM unnest(ARRAY['sup1', 'acc1', 'ali', 'stranger', NULL]) who;
SELECT t.answer(onefin.export_begin('boss', params::jsonb), '{}') FROM unnest(ARRAY[NULL, '{}', '[]', '{"format": "xml"}',
    '{"format": "csv", "colour": 1}', '{"format": "csv", "from": "x"}', '{"format": "csv", "from": [1]}', '{"format": "csv", "actor": 0}',
    '{"format": "csv", "since": "then"}', '{"format": "csv", "from": 1000000}', '{"format": "csv", "kind": true}']) params;
-- Another session does not go on with it, nor does one that has ended; what was not begun has no pages.
SELECT onefin.export_begin('boss', '{"format": "csv"}') #> '{result,next}' AS next \gset
INSERT INTO onefin.session (account_id, token_hash, expires_at) VALUES (1, sha256('boss2'), now() + interval '1 day');
SELECT t.answer(onefin.export_next(who, :'next'), '{}') FROM unnest(ARRAY['boss2', 'ali']) who;
SELECT t.answer(onefin.export_next('boss', next), '{}')
FROM unnest(ARRAY[NULL, '{}', '[]', '"x"', '{"export": "1"}', :'next'::jsonb || '{"export": 1}', :'next'::jsonb - 'shown']) next;
SELECT t.call('boss', 'logout');
SELECT t.answer(onefin.export_next('boss', :'next'), '{}');

-- What somebody did to the record shows: an entry gone, one changed where it is withheld.
ALTER TABLE onefin.journal DISABLE TRIGGER ALL;
DELETE FROM onefin.journal WHERE id = 3;
UPDATE onefin.journal SET actor_id = 5 WHERE id = 5;
ALTER TABLE onefin.journal ENABLE TRIGGER ALL;
SELECT j ->> 'line', j ->> 'id', (j ->> 'check' = encode(substr(sha256(decode(j ->> 'digests', 'hex')), 1, 8), 'hex')) AS checked,
    count(*) = 1 AS once
FROM (SELECT line::jsonb AS j FROM onefin.journal_export('jsonl', kind => 'none') line) x
WHERE j ->> 'line' IN ('missing', 'withheld') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

CALL t.leave();
\set ECHO none
