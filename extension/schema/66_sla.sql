-- Waits, policies and rated rounds as JSON, for whom the rows are in sight.
CREATE VIEW onefin.wait_body WITH (security_invoker) AS
    SELECT w.id, jsonb_build_object('id', w.id, 'kind', w.kind, 'org', w.org_id, 'org_name', o.name,
        'topic', w.topic_id, 'topic_kind', k.code, 'ticket', w.ticket_id, 'message', w.message_id, 'imported', w.imported,
        'started_at', w.started_at, 'ended_at', w.ended_at, 'outcome', w.outcome, 'responder', w.responder_id, 'answer', w.answer_id,
        'target', w.target / 1e6::float8, 'duration', w.duration / 1e6::float8, 'warn_at', w.warn_at, 'due_at', w.due_at, 'paused_at', w.paused_at,
        'warned_at', w.warned_at, 'breached_at', w.breached_at) AS body
    FROM onefin.wait w JOIN onefin.org o ON o.id = w.org_id JOIN onefin.topic_kind k ON k.id = w.kind_id;
COMMENT ON VIEW onefin.wait_body IS 'A wait as JSON; seconds of business time';

CREATE VIEW onefin.policy_body WITH (security_invoker) AS
    SELECT p.id, p.from_at, jsonb_build_object('id', p.id, 'kind', k.code, 'org', p.org_id, 'org_name', o.name, 'from', p.from_at,
        'first', p.first_target / 1e6::float8, 'next', p.next_target / 1e6::float8, 'resolution', p.resolution_target / 1e6::float8, 'warn_share', p.warn_share) AS body
    FROM onefin.policy p LEFT JOIN onefin.topic_kind k ON k.id = p.kind_id LEFT JOIN onefin.org o ON o.id = p.org_id;
COMMENT ON VIEW onefin.policy_body IS 'A policy as JSON; seconds of business time';

CREATE VIEW onefin.rated_body WITH (security_invoker) AS
    SELECT t.id, t.org_id, t.closed_at, jsonb_build_object('ticket', t.id, 'org', t.org_id, 'org_name', o.name, 'topic', t.topic_id, 'kind', k.code,
        'accountable', t.accountable_id, 'accountable_name', (SELECT a.name FROM onefin.account a WHERE a.id = t.accountable_id),
        'opened_at', t.opened_at, 'closed_at', t.closed_at, 'reminded_at', t.reminded_at,
        'score', r.score, 'comment', r.comment, 'at', r.at, 'first_at', r.first_at, 'account', r.account_id,
        'editable', o.archived_at IS NULL AND NOT coalesce(onefin.payroll_month_closed(r.first_at), false)) AS body
    FROM onefin.ticket t JOIN onefin.org o ON o.id = t.org_id JOIN onefin.topic p ON p.id = t.topic_id JOIN onefin.topic_kind k ON k.id = p.kind_id
        LEFT JOIN onefin.rating_now r ON r.ticket_id = t.id
    WHERE t.closed_how = 'person';
COMMENT ON VIEW onefin.rated_body IS 'A round that a person closed, with its rating, as JSON; score is null where there is none';
