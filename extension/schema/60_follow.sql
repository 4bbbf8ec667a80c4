-- What is shown of a row, to whoever may see it, and the events made of it.

CREATE VIEW onefin.account_body WITH (security_invoker) AS
    SELECT a.id, a.name, jsonb_build_object(
        'id', a.id, 'login', a.login, 'name', a.name, 'role', a.role, 'org', a.org_id,
        'department', a.department_id, 'language', a.language, 'email', a.email, 'machine', a.machine, 'disabled', a.disabled_at IS NOT NULL) AS body
    FROM onefin.account a;
COMMENT ON VIEW onefin.account_body IS 'An account as JSON';

CREATE VIEW onefin.document_body WITH (security_invoker) AS
    SELECT d.id, d.topic_id, d.message_id, d.revision, d.changed_entry, jsonb_build_object(
        'id', d.id, 'org', d.org_id, 'topic', d.topic_id, 'message', d.message_id,
        'name', coalesce(d.stamped_name, d.name), 'type', coalesce(d.stamped_type, d.type),
        'size', coalesce(d.stamped_size, d.size), 'sha256', encode(coalesce(d.stamped_sha256, d.sha256), 'hex'),
        'uploader', d.uploader_id, 'uploader_name', d.uploader_name, 'at', d.at, 'erased_at', d.erased_at,
        'revision', d.revision, 'state', d.state, 'reason', d.reason, 'stamped', d.stamped_size IS NOT NULL, 'signed', d.signed,
        'preview', d.preview_size IS NOT NULL,
        'original', CASE WHEN d.stamped_size IS NOT NULL THEN jsonb_build_object('name', d.name, 'type', d.type,
            'size', d.size, 'sha256', encode(d.sha256, 'hex')) END,
        'marks', (SELECT coalesce(jsonb_agg(jsonb_build_object('mark', m.mark, 'at', m.at, 'by', m.account_id,
            'by_name', m.account_name, 'reason', m.reason) ORDER BY m.id), '[]')
            FROM onefin.document_mark m WHERE m.document_id = d.id)) AS body,
        jsonb_build_object(
        'id', d.id, 'org', d.org_id, 'topic', d.topic_id, 'message', d.message_id, 'name', d.name, 'type', d.type,
        'size', d.size, 'sha256', encode(d.sha256, 'hex'),
        'uploader', d.uploader_id, 'uploader_name', d.uploader_name, 'at', d.at, 'erased_at', d.erased_at,
        'revision', 0, 'state', CASE WHEN d.by_client THEN 'ready' ELSE 'stamping' END, 'reason', NULL, 'stamped', false,
        'signed', false, 'preview', false, 'original', NULL, 'marks', jsonb '[]') AS first
    FROM onefin.document d;
COMMENT ON VIEW onefin.document_body IS 'A document as JSON: as it is, and as it was first';

CREATE VIEW onefin.job_body WITH (security_invoker) AS
    SELECT j.id, j.state, jsonb_build_object('id', j.id, 'kind', j.kind, 'state', j.state, 'document', j.document_id,
        'document_name', d.name, 'account', j.account_id, 'org', j.org_id, 'topic', j.topic_id, 'attempts', j.attempt,
        'at', j.at, 'due_at', j.due_at, 'gateway', j.gateway, 'reason', j.reason, 'message', j.message) AS body
    FROM onefin.job j LEFT JOIN onefin.document d ON d.id = j.document_id;
COMMENT ON VIEW onefin.job_body IS 'A job as JSON';

CREATE FUNCTION onefin.message_json(m onefin.message, documents jsonb) RETURNS jsonb
    LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'onefin_message_json';
COMMENT ON FUNCTION onefin.message_json(onefin.message, jsonb) IS 'The newest version of a message as JSON, with the documents given';

CREATE VIEW onefin.message_body WITH (security_invoker) AS
    SELECT m.id, m.topic_id, m.version, onefin.message_json(m,
        CASE WHEN m.document_ids IS NULL OR m.deleted_at IS NOT NULL THEN '[]'::jsonb ELSE (
            SELECT coalesce(jsonb_agg(d.body ORDER BY d.id), '[]'::jsonb)
            FROM onefin.document_body d WHERE d.id = ANY (m.document_ids)) END) AS body
    FROM onefin.message m;
COMMENT ON VIEW onefin.message_body IS 'The newest version of a message as JSON';

-- An event shows its message as it was left by it. When the message was changed again before the
-- event was read, it names the message only: the event of that change follows, and shows it to those
-- who see it then. So it is with a document; and one that a message carries is shown as it was first,
-- when it was changed since: of two pictures of a document the one with the greater revision is newer.
-- So nobody reads in an old event what was said after they lost the company.
--
-- Doings on the configuration, and of those who watch, name their actor to admins only; an account's
-- own changes are told to it, too.
CREATE VIEW onefin.event_body WITH (security_invoker) AS
    SELECT j.id, j.kind, j.org_id, j.topic_id, j.audience, j.account_id,
        CASE WHEN j.kind LIKE 'session.%' THEN j.subject_id END AS session_id, onefin.access_reach(j.kind, j.detail) AS access, j.at,
        jsonb_build_object('kind', j.kind, 'at', j.at, 'org', j.org_id, 'topic', j.topic_id)
        || CASE
            WHEN j.kind LIKE 'message.%' THEN jsonb_build_object('actor', j.actor_id, 'message',
                CASE WHEN m.version = j.version THEN onefin.message_json(m,
                    CASE WHEN m.document_ids IS NULL OR m.deleted_at IS NOT NULL THEN '[]'::jsonb ELSE (
                        SELECT coalesce(jsonb_agg(CASE WHEN d.changed_entry > j.id THEN d.first ELSE d.body END ORDER BY d.id), '[]'::jsonb)
                        FROM onefin.document_body d WHERE d.id = ANY (m.document_ids)) END)
                    ELSE jsonb_build_object('id', m.id, 'org', j.org_id, 'topic', j.topic_id, 'author', m.author_id,
                    'visibility', m.visibility, 'version', j.version) END)
            WHEN j.kind = 'topic.read' THEN jsonb_build_object('actor', j.actor_id, 'account', j.actor_id, 'message', j.subject_id)
            WHEN j.kind LIKE 'ticket.%' THEN jsonb_build_object('actor', j.actor_id, 'ticket', j.subject_id, 'state', j.detail -> 'state',
                'how', j.detail -> 'how')
            WHEN j.kind LIKE 'rating.%' THEN jsonb_build_object('actor', j.actor_id, 'ticket', j.subject_id)
            WHEN j.kind LIKE ANY ('{wait.%,sla.%}') THEN jsonb_build_object('actor', j.actor_id, 'wait', j.subject_id)
            WHEN j.kind LIKE 'document.%' AND j.version IS NOT NULL THEN jsonb_build_object('actor', j.actor_id, 'document',
                (SELECT CASE WHEN d.revision = j.version THEN d.body ELSE jsonb_build_object('id', d.id, 'org', j.org_id,
                    'topic', j.topic_id, 'revision', j.version) END FROM onefin.document_body d WHERE d.id = j.subject_id))
            WHEN j.kind LIKE 'document.%' THEN jsonb_build_object('actor', j.actor_id, 'document', j.subject_id)
            WHEN j.kind LIKE 'session.%' THEN jsonb_build_object('account', j.account_id, 'session', j.subject_id)
                || coalesce(j.detail, '{}')
            WHEN j.audience = 'admin' AND j.account_id IS NULL THEN jsonb_build_object('actor', j.actor_id, 'subject', j.subject_id)
            ELSE jsonb_build_object('account', j.account_id)
        END AS body
    FROM onefin.journal j
        LEFT JOIN onefin.message m ON j.kind LIKE 'message.%' AND m.id = j.subject_id
    WHERE j.audience <> 'none';
COMMENT ON VIEW onefin.event_body IS 'Journal entries as they are told to their audience; read by the C code only';

CREATE FUNCTION onefin.position() RETURNS bigint
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_position';
COMMENT ON FUNCTION onefin.position() IS 'The newest seal number, 0 when there is none';

CREATE FUNCTION onefin.seal_lag() RETURNS double precision
    LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'onefin_seal_lag';
COMMENT ON FUNCTION onefin.seal_lag() IS 'Age of the oldest journal entry that is not sealed yet, in seconds; 0 when all are';

CREATE FUNCTION onefin.events(after bigint, max_seals integer DEFAULT 1000)
    RETURNS TABLE (seal bigint, index integer, kind text, org bigint, topic bigint, audience text,
                   account bigint, session bigint, access text, at double precision, event text)
    LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'onefin_events';
COMMENT ON FUNCTION onefin.events(bigint, integer) IS
    'Events of the next seals after the given one, in order, at most max_seals of them and fewer when they are large; then one row of kind position with the newest seal read. access: whose audience it may change, its company''s (org) or any (all); at: when it happened, in seconds since 1970';

CREATE FUNCTION onefin.audience(org bigint, seal bigint DEFAULT NULL, index integer DEFAULT NULL)
    RETURNS TABLE (account bigint, role text)
    LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'onefin_audience';
COMMENT ON FUNCTION onefin.audience(bigint, bigint, integer) IS
    'Active accounts that may see the company: now, or at an entry''s place in the order, where an entry that changes it has those of before and after';

CREATE FUNCTION onefin.presence_tell(gateway text, came bigint[], went bigint[], ask boolean) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'onefin_presence_tell';
COMMENT ON FUNCTION onefin.presence_tell(text, bigint[], bigint[], boolean) IS
    'A gateway tells the gateways who came to it and who went, but for those who watch unseen; with ask they are to tell all of theirs';
CREATE FUNCTION onefin.presence_audience(accounts bigint[]) RETURNS TABLE (account bigint, viewer bigint)
    LANGUAGE C STABLE STRICT AS 'MODULE_PATHNAME', 'onefin_presence_audience';
COMMENT ON FUNCTION onefin.presence_audience(bigint[]) IS 'Who is told that these accounts are there or not';

CREATE FUNCTION onefin.watches_keep(connections uuid[]) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'onefin_watches_keep';
COMMENT ON FUNCTION onefin.watches_keep(uuid[]) IS 'A gateway tells that these connections, through which is watched, are there; not told for 30 s, their watches end';
CREATE FUNCTION onefin.watches_end(connection uuid) RETURNS void
    LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'onefin_watches_end';
COMMENT ON FUNCTION onefin.watches_end(uuid) IS 'A gateway tells that a connection is gone: ends what was watched through it';

CREATE FUNCTION onefin.require_topic(topic bigint) RETURNS bigint
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_require_topic';
COMMENT ON FUNCTION onefin.require_topic(bigint) IS 'The same topic when the acting account may see it; else an error that does not tell whether it exists';

CREATE FUNCTION onefin.org_members(org bigint) RETURNS TABLE (id bigint, name text, role text)
    LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'onefin_org_members';
COMMENT ON FUNCTION onefin.org_members(bigint) IS 'Who takes part in a company''s chat: its people and its accountants, never those who watch';

CREATE FUNCTION onefin.current_session() RETURNS bigint
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_current_session';
COMMENT ON FUNCTION onefin.current_session() IS 'The session that acts, inside onefin.call; else NULL';

CREATE FUNCTION onefin.password_hash(password text) RETURNS text
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_password_hash';
COMMENT ON FUNCTION onefin.password_hash(text) IS 'argon2id hash of a password of at least 8 characters, to be stored';
