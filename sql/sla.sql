-- Rounds and their states; waits, and what begins and ends them; policies.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm
CREATE FUNCTION t.say(who text, topic bigint, visibility text DEFAULT 'all') RETURNS bigint LANGUAGE sql
RETURN (onefin.call(who, 'send', jsonb_build_object('topic', topic, 'text', who, 'visibility', visibility)) #>> '{result,message,id}')::bigint;
CREATE VIEW t.waits AS SELECT w.id, w.kind, w.topic_id AS topic, w.ticket_id AS ticket, w.message_id AS message, w.outcome, a.login AS responder, w.answer_id AS answer,
    w.duration IS NOT NULL AS measured, w.paused_at IS NOT NULL AS paused FROM onefin.wait w LEFT JOIN onefin.account a ON a.id = w.responder_id;
-- What the journal tells of a round's waits.
CREATE VIEW t.told AS SELECT j.id, j.kind, j.audience, j.subject_id AS subject, a.login, j.detail FROM onefin.journal j LEFT JOIN onefin.account a ON a.id = j.actor_id
    WHERE j.kind LIKE ANY ('{ticket.%,wait.%,sla.%,rating.%}') OR j.kind LIKE 'message.%' AND j.detail IS NOT NULL;
CREATE FUNCTION t.news(topic bigint DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s %s %s by %s%s', n.audience, n.kind, n.subject, n.login, ' ' || n.detail::text)
    FROM t.told n JOIN onefin.journal j USING (id) WHERE news.topic IS NULL OR j.topic_id = news.topic ORDER BY n.id
$$;
\pset tuples_only off
\pset footer off

-- The client's first message begins the waits for a response and for the resolution; more of them change nothing, and notes and
-- edits end nothing. The first public answer ends it, whoever is assigned; the next question is another wait.
SELECT t.say('ali', 1) AS q \gset
SELECT t.say('ali', 1), t.say('acc1', 1, 'staff');
SELECT t.call('ali', 'edit', jsonb_build_object('message', :q, 'version', 1, 'text', 'Edited'), '{message,version}');
SELECT * FROM t.waits ORDER BY id;
SELECT t.say('sup1', 1), t.say('acc1', 1);
SELECT t.say('ali', 1), t.say('acc1', 1);
SELECT * FROM t.waits ORDER BY id;
SELECT t.news(1);

-- Where the firm speaks first, the client's question is no first one; a note is no word of the firm's.
SELECT t.say('acc1', 2, 'staff'), t.say('acc1', 2), t.say('ali', 2);
SELECT t.say('acc1', 3, 'staff'), t.say('ali', 3);
SELECT * FROM t.waits WHERE topic IN (2, 3) ORDER BY id;

-- Machines begin and end nothing, on either side.
SELECT t.call('boss', 'accounts', '{"id": 4, "machine": true}', '{account,machine}'), t.call('boss', 'accounts', '{"id": 6, "machine": true}', '{account,machine}');
SELECT t.say('acc1', 3), t.say('ali', 4);
SELECT count(*) FILTER (WHERE topic = 3 AND outcome IS NULL) AS open, count(*) FILTER (WHERE topic = 4) AS begun FROM t.waits;
SELECT last_staff_id FROM onefin.ticket WHERE topic_id = 3;
UPDATE onefin.account SET machine = false;

-- What a client takes back is asked no more, once nothing else is.
SELECT t.say('ali', 4) AS a, t.say('ali', 4) AS b \gset
SELECT t.call('ali', 'delete', jsonb_build_object('message', :a, 'version', 1), '{message,version}');
SELECT kind, outcome FROM t.waits WHERE topic = 4 ORDER BY id;
SELECT t.call('ali', 'delete', jsonb_build_object('message', :b, 'version', 1), '{message,version}');
SELECT kind, outcome, responder, measured FROM t.waits WHERE topic = 4 ORDER BY id;
SELECT t.news(4);
-- An answer that is deleted was given.
SELECT t.say('ali', 5) AS q, t.say('acc1', 5) AS a \gset
SELECT t.call('acc1', 'delete', jsonb_build_object('message', :a, 'version', 1), '{message,version}');
SELECT kind, outcome, responder, measured FROM t.waits WHERE topic = 5 ORDER BY id;

-- A round waits for the client: the clocks stand, for staff only; the client's word has them go on, a note or a word of staff does not.
SELECT t.call('ali', 'await_client', '{"topic": 2}'), t.call('acc2', 'await_client', '{"topic": 2}'), t.call('acc1', 'await_client', '{"topic": 7}');
SELECT t.call('acc1', 'await_client', '{"topic": 2}'), t.call('acc1', 'await_client', '{"topic": 2}', '{state}') AS again;
SELECT kind, paused FROM t.waits WHERE topic = 2 ORDER BY id;
SELECT t.say('acc1', 2, 'staff'), t.say('acc1', 2);
SELECT kind, outcome, paused FROM t.waits WHERE topic = 2 ORDER BY id;
SELECT t.say('ali', 2);
SELECT kind, outcome, paused FROM t.waits WHERE topic = 2 ORDER BY id;
SELECT t.call('acc1', 'await_client', '{"topic": 2}', '{state}'), t.call('acc1', 'reopen', '{"topic": 2}', '{state}'), t.call('acc1', 'reopen', '{"topic": 2}', '{state}') AS again;
SELECT t.news(2);

-- Closing ends what is open: the resolution is credited to who is accountable, a response that was owed is owed no more.
SELECT t.call('acc1', 'close', '{"topic": 2}', '{state}'), t.call('acc1', 'close', '{"topic": 2}', '{state}') AS again, t.call('acc1', 'await_client', '{"topic": 2}');
SELECT kind, outcome, responder, measured FROM t.waits WHERE topic = 2 ORDER BY id;
SELECT t.id, state, closed_how, c.login AS closer, a.login AS accountable, previous_id FROM onefin.ticket t LEFT JOIN onefin.account c ON c.id = closed_by
    LEFT JOIN onefin.account a ON a.id = accountable_id WHERE topic_id IN (1, 2) ORDER BY 1;
-- Accountable is who spoke last, else who serves the company, else who closes.
SELECT t.say('bek', 6), t.call('boss', 'close', '{"topic": 6}', '{state}');
UPDATE onefin.assignment SET until_at = now() WHERE org_id = 2;
SELECT t.say('bek', 7), t.call('boss', 'close', '{"topic": 7}', '{state}');
SELECT topic_id, accountable_id FROM onefin.ticket WHERE topic_id IN (6, 7);
INSERT INTO onefin.assignment (org_id, account_id) VALUES (2, 5);
-- The next round: by a message, or by hand, also by the client; a topic without any has none to go on with.
SELECT t.say('ali', 2), t.call('bek', 'reopen', '{"topic": 6}', '{state}'), t.call('bek', 'reopen', '{"topic": 9}'), t.call('ali', 'reopen', '{"topic": 6}');
SELECT id, state, opened_by, previous_id FROM onefin.ticket WHERE topic_id IN (2, 6) ORDER BY id;
SELECT t.news(6);

-- Needs no answer: says who serves the company, or an admin; an answered one does, and a resolution.
SELECT id AS w FROM onefin.wait WHERE topic_id = 2 AND ended_at IS NULL AND kind <> 'resolution' \gset
SELECT who, t.call(who, 'dismiss_wait', jsonb_build_object('wait', :w)) FROM unnest('{ali,sup1,acc2}'::text[]) who;
SELECT t.call('acc1', 'dismiss_wait', jsonb_build_object('wait', :w, 'reason', 'Rahmat'), '{wait,outcome}'),
    t.call('acc1', 'dismiss_wait', jsonb_build_object('wait', :w), '{wait,outcome}') AS again,
    t.call('boss', 'dismiss_wait', '{"wait": 1}'), t.call('boss', 'dismiss_wait', '{"wait": 2}') AS resolution, t.call('boss', 'dismiss_wait', '{"wait": 999}');
SELECT t.news(2) OFFSET 9;

-- Policies: for the company and kind before that for the company, the kind, all; then the latest that holds. Only admins make them, nobody
-- changes one, and a wait keeps the one that it started under.
SELECT t.call('acc1', 'policies', '{"set": true}'), t.call('boss', 'policies', '{"set": true, "kind": "tax"}'), t.call('boss', 'policies', '{"set": true, "org": 77}'),
    t.call('boss', 'policies', '{"set": true, "first": 0}'), t.call('boss', 'policies', '{"set": true, "warn_share": 1.5}'), t.call('ali', 'policies');
SELECT t.call('boss', 'policies', p || '{"set": true}', '{policy}') FROM unnest(ARRAY['{"first": 3600, "next": 1800, "resolution": 86400}', '{"first": 60, "kind": "contract"}',
    '{"first": 120, "org": 1}', '{"first": 30, "org": 1, "kind": "contract", "warn_share": 0.5}', '{"first": 1, "from": "2090-01-01T00:00:00Z"}',
    '{"first": 240, "org": 2, "from": "2020-01-01T00:00:00Z"}', '{"first": 480, "org": 2, "from": "2019-01-01T00:00:00Z"}']::jsonb[]) p;
UPDATE onefin.policy SET first_target = 1;
SELECT who, (SELECT count(*) FROM jsonb_array_elements(onefin.call(who, 'policies') #> '{result,policies}')) AS sees FROM unnest('{boss,sup1,acc1,acc2}'::text[]) who;
SELECT t.call('acc1', 'policies', '{"kind": "contract"}', '{policies,0}'), t.call('boss', 'policies', '{"org": 2}', '{policies,1,first}');
CALL t.leave();
