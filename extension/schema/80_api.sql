-- The calls. Reads are single SQL statements, which onefin.call's plan takes in whole: planned once
-- per method and role. Writes are C. What changes the configuration is plpgsql: it is rare, and all
-- its rules are in 70_rules.sql.

CREATE FUNCTION onefin_api.me() RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('seal', onefin.position(), 'account', a.body,
        'settings', jsonb_build_object('client_sees_versions', onefin.setting_on('client_sees_versions'),
            'upload_bytes', onefin.setting_number('upload_bytes')))
    FROM onefin.account_body a WHERE a.id = (SELECT onefin.current_account());
END;
COMMENT ON FUNCTION onefin_api.me() IS 'Who I am: {seal, account, settings}';

CREATE FUNCTION onefin_api.topics(org bigint DEFAULT NULL) RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('seal', onefin.position(), 'orgs', coalesce(jsonb_agg(listed.body ORDER BY listed.name), '[]'))
    FROM (
        SELECT o.name, jsonb_build_object('id', o.id, 'name', o.name, 'department', o.department_id,
            'archived', o.archived_at IS NOT NULL, 'topics', (
                SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'kind', k.code, 'names', k.names,
                    'state', (SELECT r.state FROM onefin.ticket r WHERE r.topic_id = t.id ORDER BY r.id DESC LIMIT 1),
                    'unread', (SELECT count(*) FROM (
                        SELECT FROM onefin.message m
                        WHERE m.topic_id = t.id AND m.deleted_at IS NULL
                            AND m.author_id <> (SELECT onefin.current_account())
                            AND m.id > coalesce((SELECT max(r.message_id) FROM onefin.read_mark r
                                WHERE r.topic_id = t.id AND r.account_id = (SELECT onefin.current_account())), 0)
                        LIMIT 1000) unread),
                    'last', (SELECT m.body FROM onefin.message_body m WHERE m.topic_id = t.id ORDER BY m.id DESC LIMIT 1)
                    ) ORDER BY k.id), '[]')
                FROM onefin.topic t JOIN onefin.topic_kind k ON k.id = t.kind_id
                WHERE t.org_id = o.id)) AS body
        FROM onefin.org o
        WHERE topics.org IS NULL OR o.id = topics.org) listed;
END;
COMMENT ON FUNCTION onefin_api.topics(bigint) IS
    'My companies and their topics, or one company''s: {seal, orgs: [{id, name, department, archived, topics: [{id, kind, names, state, unread, last}]}]}; unread counts up to 1000';

CREATE FUNCTION onefin_api.members(org bigint) RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('seal', onefin.position(),
        'members', (SELECT coalesce(jsonb_agg(to_jsonb(m) ORDER BY m.name), '[]') FROM onefin.org_members(members.org) m),
        'marks', (SELECT coalesce(jsonb_agg(jsonb_build_object('topic', r.topic, 'account', r.account, 'message', r.message)), '[]')
            FROM (SELECT r.topic_id AS topic, r.account_id AS account, max(r.message_id) AS message
                FROM onefin.read_mark r JOIN onefin.topic t ON t.id = r.topic_id
                WHERE t.org_id = members.org AND NOT r.ghost GROUP BY 1, 2) r));
END;
COMMENT ON FUNCTION onefin_api.members(bigint) IS
    'Who takes part in a company''s chat and how far each has read: {seal, members: [{id, name, role}], marks: [{topic, account, message}]}; never those who watch unseen';

-- Without as_of the plan knows that the second arm gives nothing, and is that of the first. The topic is
-- required in HAVING, too: a plan that comes by no row that is in sight asks for nothing in WHERE.
CREATE FUNCTION onefin_api.history(topic bigint, before bigint DEFAULT NULL, "limit" integer DEFAULT 50,
    as_of timestamptz DEFAULT NULL) RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('seal', onefin.position(),
        'messages', coalesce(jsonb_agg(page.body ORDER BY page.id) FILTER (WHERE page.place <= page.size), '[]'),
        'more', coalesce(bool_or(page.place > page.size), false))
    FROM (
        SELECT m.id, m.body, row_number() OVER (ORDER BY m.id DESC) AS place,
            least(greatest(history."limit", 1), 200) AS size
        FROM onefin.message_body m
        WHERE m.topic_id = (SELECT onefin.require_topic(history.topic))
            AND m.id < coalesce(history.before, 9223372036854775807)
        ORDER BY m.id DESC
        LIMIT least(greatest(history."limit", 1), 200) + 1) page
    HAVING history.as_of IS NULL AND onefin.require_topic(history.topic) IS NOT NULL
    UNION ALL
    SELECT onefin.history_at(history.topic, history.before, history."limit", history.as_of)
    WHERE history.as_of IS NOT NULL;
END;
COMMENT ON FUNCTION onefin_api.history(bigint, bigint, integer, timestamptz) IS
    'Messages of a topic before the given one, the newest page first: {seal, messages: [oldest..newest], more}; limit 1 to 200. With as_of as it stood then, journaled: each message in the version that held, or hidden: true where that is not mine to see; imported messages count from when they were said';

CREATE FUNCTION onefin_api.documents(topic bigint) RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('seal', onefin.position(), 'documents', coalesce(jsonb_agg(d.body ORDER BY d.id), '[]'))
    FROM onefin.document_body d WHERE d.topic_id = (SELECT onefin.require_topic(documents.topic))
    HAVING onefin.require_topic(documents.topic) IS NOT NULL;
END;
COMMENT ON FUNCTION onefin_api.documents(bigint) IS 'Documents of a topic: {seal, documents}';

CREATE FUNCTION onefin_api.process(document bigint, mark text, reason text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_process';
COMMENT ON FUNCTION onefin_api.process(bigint, text, text) IS
    'Marks a client''s document as processed, or as returned with a reason, for staff: {document}; my same mark again is harmless, another''s is refused';

CREATE FUNCTION onefin_api.document_log(document bigint DEFAULT NULL, account bigint DEFAULT NULL, before bigint DEFAULT NULL,
    "limit" integer DEFAULT 50) RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('entries', coalesce(jsonb_agg(entry.body ORDER BY entry.id DESC), '[]'))
    FROM (
        SELECT j.id, jsonb_build_object('id', j.id, 'at', j.at, 'action', substr(j.kind, 10), 'document', j.subject_id,
            'document_name', d.name, 'account', j.actor_id, 'account_name', a.name, 'role', a.role, 'org', j.org_id,
            'topic', j.topic_id, 'variant', j.detail -> 'variant', 'address', host(j.address), 'device', s.device,
            'why', j.detail -> 'why') AS body
        FROM onefin.journal j
            LEFT JOIN onefin.document d ON d.id = j.subject_id
            LEFT JOIN onefin.account a ON a.id = j.actor_id
            LEFT JOIN onefin.session s ON s.id = j.session_id
        WHERE j.kind LIKE 'document.%'
            AND (document_log.document IS NULL OR j.subject_id = document_log.document)
            AND (document_log.account IS NULL OR j.actor_id = document_log.account)
            AND j.id < coalesce(document_log.before, 9223372036854775807)
        ORDER BY j.id DESC
        LIMIT least(greatest(document_log."limit", 1), 200)) entry;
END;
COMMENT ON FUNCTION onefin_api.document_log(bigint, bigint, bigint, integer) IS
    'What was done with documents, or with one, by all or by one account, the newest first, before an id; for admins: {entries: [{id, at, action, document, document_name, account, account_name, role, org, topic, variant, address, device, why}]}; limit 1 to 200';

CREATE FUNCTION onefin_api.jobs(state text DEFAULT NULL, before bigint DEFAULT NULL, "limit" integer DEFAULT 50) RETURNS SETOF jsonb
    LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('jobs', coalesce(jsonb_agg(page.body ORDER BY page.id DESC), '[]'))
    FROM (
        SELECT j.id, j.body FROM onefin.job_body j
        WHERE (jobs.state IS NULL OR j.state = jobs.state) AND j.id < coalesce(jobs.before, 9223372036854775807)
        ORDER BY j.id DESC
        LIMIT least(greatest(jobs."limit", 1), 200)) page;
END;
COMMENT ON FUNCTION onefin_api.jobs(text, bigint, integer) IS
    'What gateways have yet to do (waiting, running), and what was set aside (failed), the newest first, before an id; for admins: {jobs}; limit 1 to 200';
CREATE FUNCTION onefin_api.retry_job(job bigint) RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_retry_job';
COMMENT ON FUNCTION onefin_api.retry_job(bigint) IS 'Has a job that failed done again, for admins; journaled: {job}';

CREATE FUNCTION onefin_api.logo(image text DEFAULT NULL, type text DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_logo';
COMMENT ON FUNCTION onefin_api.logo(text, text) IS
    'The firm''s logo on the stamps; with an image (base64) has a new one tried, for admins: {logo: {id, at, state, message, image}, current: {id, at, image}}';

CREATE FUNCTION onefin_api.sessions(account bigint DEFAULT NULL) RETURNS SETOF jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('sessions', coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'device', s.device,
        'address', host(s.address), 'created_at', s.created_at, 'last_seen', s.last_seen, 'expires_at', s.expires_at,
        'current', s.id IS NOT DISTINCT FROM onefin.current_session()) ORDER BY s.id), '[]'))
    FROM onefin.session s
    WHERE s.account_id = (SELECT onefin.session_owner(sessions.account)) AND s.ended_at IS NULL AND s.expires_at > now();
END;
COMMENT ON FUNCTION onefin_api.sessions(bigint) IS
    'My open sessions, or for an admin an account''s: {sessions: [{id, device, address, created_at, last_seen, expires_at, current}]}';

CREATE FUNCTION onefin_api.journal(after bigint DEFAULT 0, "limit" integer DEFAULT 100, kind text DEFAULT NULL, org bigint DEFAULT NULL,
    since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, actor bigint DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_journal';
COMMENT ON FUNCTION onefin_api.journal(bigint, integer, text, bigint, timestamptz, timestamptz, bigint) IS
    'Journal entries after an id, of a kind (message.* or mess* for all that begin so), a company, an actor, since..until (until itself not): {seal, entries}; limit 1 to 1000; for admins; journaled';
CREATE FUNCTION onefin_api.journal_verify("from" bigint DEFAULT 1, "to" bigint DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_journal_verify';
COMMENT ON FUNCTION onefin_api.journal_verify(bigint, bigint) IS 'Recomputes the sealed journal, as onefin.journal_verify; for admins; journaled';

CREATE FUNCTION onefin_api.resume(after bigint DEFAULT NULL, index integer DEFAULT NULL) RETURNS jsonb
    LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'onefin_api_resume';
COMMENT ON FUNCTION onefin_api.resume(bigint, integer) IS
    'What I may see since a position: {session, seal, account, reset, events}; reset means too far back: read the state anew';
CREATE FUNCTION onefin_api.logout() RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_logout';
COMMENT ON FUNCTION onefin_api.logout() IS 'Ends this session';
CREATE FUNCTION onefin_api.revoke_session(session bigint) RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_revoke_session';
COMMENT ON FUNCTION onefin_api.revoke_session(bigint) IS 'Ends a session of mine, or for an admin anybody''s: {session}';
CREATE FUNCTION onefin_api.revoke_sessions(account bigint DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_revoke_sessions';
COMMENT ON FUNCTION onefin_api.revoke_sessions(bigint) IS
    'Ends all my other sessions, or for an admin all of an account: {account, ended}; ended is how many';
CREATE FUNCTION onefin_api.change_password(old text, new text) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_change_password';
COMMENT ON FUNCTION onefin_api.change_password(text, text) IS
    'Gives me a new password, for the old one: {}; ends all my other sessions. Tries with a wrong one count as failed logins';

CREATE FUNCTION onefin_api.send(topic bigint, text text DEFAULT '', client_key uuid DEFAULT NULL, visibility text DEFAULT 'all',
    reply_to bigint DEFAULT NULL, documents bigint[] DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_send';
COMMENT ON FUNCTION onefin_api.send(bigint, text, uuid, text, bigint, bigint[]) IS
    'Sends a message: {message, repeated}; the same client_key again gives the first message and repeated: true';
CREATE FUNCTION onefin_api.import(topic bigint, author bigint, text text, at timestamptz, client_key uuid) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_import';
COMMENT ON FUNCTION onefin_api.import(bigint, bigint, text, timestamptz, uuid) IS
    'Brings in what was said elsewhere, with its time and author: {message, repeated}; journaled as imported; for admins';
CREATE FUNCTION onefin_api.edit(message bigint, version integer, text text) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_edit';
COMMENT ON FUNCTION onefin_api.edit(bigint, integer, text) IS
    'Changes my message, made from the version named: {message}; refused (40OF1) when that is no longer the newest, unless this very edit was made: repeating is harmless';
CREATE FUNCTION onefin_api.delete(message bigint, version integer) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_delete';
COMMENT ON FUNCTION onefin_api.delete(bigint, integer) IS 'Deletes my message, leaving a tombstone and its versions: {message}; repeating is harmless';
CREATE FUNCTION onefin_api.redact(message bigint, reason text, version integer DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_redact';
COMMENT ON FUNCTION onefin_api.redact(bigint, text, integer) IS
    'Takes the text of a message out of all its versions for good, for admins; journaled with the reason: {message}; refused (40OF1) when a version is given that is no longer the newest';
CREATE FUNCTION onefin_api.versions(message bigint) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_versions';
COMMENT ON FUNCTION onefin_api.versions(bigint) IS
    'Every version of a message, oldest first, for those who may see them; journaled: {seal, message, versions: [{version, at, author, author_name, operation, text, digest, diff}], documents}; diff is onefin.word_diff from the version before';
CREATE FUNCTION onefin_api.read(topic bigint, message bigint) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_read';
COMMENT ON FUNCTION onefin_api.read(bigint, bigint) IS 'I have read the topic up to this message: {topic, message}; never goes back';
CREATE FUNCTION onefin_api.typing(topic bigint) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_typing';
COMMENT ON FUNCTION onefin_api.typing(bigint) IS 'I am typing: told to the others of the topic at most once in 2 s, not stored; nothing is told of supervisors and admins';
CREATE FUNCTION onefin_api.presence(org bigint) RETURNS jsonb
    LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'onefin_api_presence';
COMMENT ON FUNCTION onefin_api.presence(bigint) IS
    'Whose presence in a company I am told of: {org, accounts}; through a gateway only those who are there now';
CREATE FUNCTION onefin_api.watch(topic bigint DEFAULT NULL, org bigint DEFAULT NULL, department bigint DEFAULT NULL, connection uuid DEFAULT NULL)
    RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_watch';
COMMENT ON FUNCTION onefin_api.watch(bigint, bigint, bigint, uuid) IS
    'Watches unseen a topic, or all of a company, or all of a department, for supervisors and admins; journaled: {topic, org, department}; ends with the connection, which a gateway names';
CREATE FUNCTION onefin_api.unwatch(topic bigint DEFAULT NULL, org bigint DEFAULT NULL, department bigint DEFAULT NULL, connection uuid DEFAULT NULL)
    RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_unwatch';
COMMENT ON FUNCTION onefin_api.unwatch(bigint, bigint, bigint, uuid) IS 'Ends watching of what is named, or of all that this connection watches: {}';

CREATE FUNCTION onefin_api.departments(id bigint DEFAULT NULL, name text DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    made onefin.department;
BEGIN
    IF departments.id IS NULL AND departments.name IS NULL THEN
        RETURN jsonb_build_object('departments',
            (SELECT coalesce(jsonb_agg(to_jsonb(d) ORDER BY d.name), '[]') FROM onefin.department d));
    ELSIF departments.id IS NULL THEN
        INSERT INTO onefin.department (name) VALUES (departments.name) RETURNING * INTO made;
    ELSE
        UPDATE onefin.department d SET name = coalesce(departments.name, d.name) WHERE d.id = departments.id RETURNING * INTO made;
        PERFORM onefin.require_found(made.id, 'department', departments.id);
    END IF;
    RETURN jsonb_build_object('department', to_jsonb(made));
END
$$;
COMMENT ON FUNCTION onefin_api.departments(bigint, text) IS 'Lists departments; with a name makes one, with an id changes one (admins): {departments} or {department: {id, name}}';

CREATE FUNCTION onefin_api.orgs(id bigint DEFAULT NULL, name text DEFAULT NULL, department bigint DEFAULT NULL, archived boolean DEFAULT NULL)
    RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    target bigint := orgs.id;
BEGIN
    IF target IS NULL AND orgs.name IS NULL AND orgs.department IS NULL AND orgs.archived IS NULL THEN
        RETURN jsonb_build_object('orgs', (SELECT coalesce(jsonb_agg(onefin.org_body(o.id) ORDER BY o.name), '[]') FROM onefin.org o));
    ELSIF target IS NULL THEN
        INSERT INTO onefin.org (name, department_id) VALUES (orgs.name, orgs.department) RETURNING org.id INTO target;
    ELSE
        UPDATE onefin.org o SET name = coalesce(orgs.name, o.name), department_id = coalesce(orgs.department, o.department_id),
            archived_at = CASE orgs.archived WHEN true THEN coalesce(o.archived_at, now()) WHEN false THEN NULL ELSE o.archived_at END
        WHERE o.id = orgs.id RETURNING o.id INTO target;
        PERFORM onefin.require_found(target, 'company', orgs.id);
    END IF;
    RETURN jsonb_build_object('org', onefin.org_body(target));
END
$$;
COMMENT ON FUNCTION onefin_api.orgs(bigint, text, bigint, boolean) IS
    'Lists companies; without an id makes one, with an id changes one (admins): {orgs} or {org: {id, name, department, archived, topics: [{id, kind}]}}';

CREATE FUNCTION onefin_api.erase(org bigint, reason text) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_api_erase';
COMMENT ON FUNCTION onefin_api.erase(bigint, text) IS
    'Erases the personal data of a company that was archived retention_days ago, for admins; journaled with the reason: {org, messages, versions, documents, accounts, sessions}, how many';

CREATE FUNCTION onefin_api.accounts(id bigint DEFAULT NULL, login text DEFAULT NULL, password text DEFAULT NULL, name text DEFAULT NULL,
    role text DEFAULT NULL, org bigint DEFAULT NULL, department bigint DEFAULT NULL, language text DEFAULT NULL,
    db_role text DEFAULT NULL, disabled boolean DEFAULT NULL, email text DEFAULT NULL, machine boolean DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    target bigint := accounts.id;
    hash text;
BEGIN
    -- Apart, so that who may not hash a password can still list.
    IF accounts.password IS NOT NULL THEN
        hash := onefin.password_hash(accounts.password);
    END IF;
    IF num_nonnulls(target, accounts.login, hash, accounts.name, accounts.role, accounts.org, accounts.department,
        accounts.language, accounts.db_role, accounts.disabled, accounts.email, accounts.machine) = 0 THEN
        RETURN jsonb_build_object('accounts', (SELECT coalesce(jsonb_agg(a.body ORDER BY a.name), '[]') FROM onefin.account_body a));
    ELSIF target IS NULL THEN
        INSERT INTO onefin.account (login, name, role, org_id, department_id, language, db_role, email, password_hash, machine, disabled_at)
        VALUES (accounts.login, accounts.name, accounts.role, accounts.org, accounts.department, coalesce(accounts.language, 'uz'),
            accounts.db_role, nullif(accounts.email, ''), hash, coalesce(accounts.machine, false), CASE WHEN accounts.disabled THEN now() END)
        RETURNING account.id INTO target;
    ELSIF hash IS NOT NULL THEN
        UPDATE onefin.account a SET password_hash = hash WHERE a.id = target;
    END IF;
    IF accounts.id IS NOT NULL THEN
        -- A company is a client's, a department is staff's: who changes sides leaves the one behind.
        UPDATE onefin.account a SET login = coalesce(accounts.login, a.login), name = coalesce(accounts.name, a.name),
            role = coalesce(accounts.role, a.role),
            org_id = CASE WHEN accounts.role <> 'client' THEN accounts.org ELSE coalesce(accounts.org, a.org_id) END,
            department_id = CASE accounts.role WHEN 'client' THEN accounts.department
                ELSE coalesce(accounts.department, a.department_id) END, language = coalesce(accounts.language, a.language),
            db_role = coalesce(accounts.db_role, a.db_role), email = nullif(coalesce(accounts.email, a.email), ''),
            machine = coalesce(accounts.machine, a.machine),
            disabled_at = CASE accounts.disabled WHEN true THEN coalesce(a.disabled_at, now()) WHEN false THEN NULL ELSE a.disabled_at END
        WHERE a.id = accounts.id RETURNING a.id INTO target;
        PERFORM onefin.require_found(target, 'account', accounts.id);
    END IF;
    RETURN jsonb_build_object('account', (SELECT a.body FROM onefin.account_body a WHERE a.id = target));
END
$$;
COMMENT ON FUNCTION onefin_api.accounts(bigint, text, text, text, text, bigint, bigint, text, text, boolean, text, boolean) IS
    'Lists the accounts that I may see; without an id makes one, with an id changes one (admins): {accounts} or {account}';

CREATE FUNCTION onefin_api.assign(org bigint, account bigint, ended boolean DEFAULT false) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    made onefin.assignment;
BEGIN
    IF assign.ended THEN
        UPDATE onefin.assignment s SET until_at = greatest(s.from_at, now())
        WHERE s.org_id = assign.org AND s.account_id = assign.account AND s.until_at IS NULL RETURNING * INTO made;
        IF made.id IS NULL THEN
            SELECT * INTO made FROM onefin.assignment s
            WHERE s.org_id = assign.org AND s.account_id = assign.account ORDER BY s.id DESC LIMIT 1;
        END IF;
        PERFORM onefin.require_found(made.id, 'assignment of account', assign.account);
    ELSE
        PERFORM onefin.require_found((SELECT o.id FROM onefin.org o WHERE o.id = assign.org), 'company', assign.org);
        INSERT INTO onefin.assignment (org_id, account_id) VALUES (assign.org, assign.account)
        ON CONFLICT (account_id, org_id) WHERE until_at IS NULL DO NOTHING;
        SELECT * INTO made FROM onefin.assignment s
        WHERE s.org_id = assign.org AND s.account_id = assign.account AND s.until_at IS NULL;
    END IF;
    RETURN jsonb_build_object('assignment', jsonb_build_object('org', made.org_id, 'account', made.account_id,
        'from', made.from_at, 'until', made.until_at));
END
$$;
COMMENT ON FUNCTION onefin_api.assign(bigint, bigint, boolean) IS
    'Assigns an accountant to a company, or ends it at once; repeating is harmless (admins): {assignment: {org, account, from, until}}';

CREATE FUNCTION onefin_api.settings(name text DEFAULT NULL, value jsonb DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found_name text;
BEGIN
    IF settings.name IS NOT NULL THEN
        INSERT INTO onefin.setting AS s (name, value)
        SELECT d.name, settings.value FROM onefin.setting_default d
        WHERE d.name = settings.name AND jsonb_typeof(d.value) = jsonb_typeof(settings.value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value RETURNING s.name INTO found_name;
        IF found_name IS NULL THEN
            RAISE invalid_parameter_value USING MESSAGE = format('no setting "%s" takes this value', settings.name),
                HINT = 'settings without parameters lists names and values; a value keeps its JSON type.';
        END IF;
    END IF;
    RETURN jsonb_build_object('settings', (SELECT jsonb_object_agg(s.name, s.value) FROM onefin.setting_now s));
END
$$;
COMMENT ON FUNCTION onefin_api.settings(text, jsonb) IS 'Lists the firm''s settings; with a name and value changes one first (admins): {settings}';

CREATE FUNCTION onefin_api.session_policies(role text DEFAULT NULL, max_sessions integer DEFAULT NULL, when_full text DEFAULT NULL,
    idle_minutes integer DEFAULT NULL, lifetime_minutes integer DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF num_nonnulls(session_policies.max_sessions, session_policies.when_full, session_policies.idle_minutes,
        session_policies.lifetime_minutes) > 0 THEN
        INSERT INTO onefin.session_policy AS p (role, max_sessions, when_full, idle_minutes, lifetime_minutes)
        SELECT d.role, coalesce(session_policies.max_sessions, d.max_sessions),
            coalesce(session_policies.when_full, d.when_full), coalesce(session_policies.idle_minutes, d.idle_minutes),
            coalesce(session_policies.lifetime_minutes, d.lifetime_minutes)
        FROM onefin.session_policy_now d WHERE d.role = session_policies.role
        ON CONFLICT (role) DO UPDATE SET max_sessions = coalesce(session_policies.max_sessions, p.max_sessions),
            when_full = coalesce(session_policies.when_full, p.when_full),
            idle_minutes = coalesce(session_policies.idle_minutes, p.idle_minutes),
            lifetime_minutes = coalesce(session_policies.lifetime_minutes, p.lifetime_minutes);
        IF NOT FOUND THEN
            RAISE invalid_parameter_value USING MESSAGE = 'no role of this name', HINT = 'The roles are admin, supervisor, accountant and client.';
        END IF;
    END IF;
    RETURN jsonb_build_object('policies', (SELECT jsonb_object_agg(p.role, to_jsonb(p) - 'role') FROM onefin.session_policy_now p));
EXCEPTION
    WHEN check_violation THEN
        RAISE invalid_parameter_value USING MESSAGE = 'the session policy is out of bounds',
            HINT = 'max_sessions is 1 to 1000, when_full refuse or evict, idle_minutes and lifetime_minutes are 5 to 525600 (a year).';
END
$$;
COMMENT ON FUNCTION onefin_api.session_policies(text, integer, text, integer, integer) IS
    'Lists the session policies; with a role and values changes that one first, for open sessions, too (admins): {policies: {role: {max_sessions, when_full, idle_minutes, lifetime_minutes}}}';

-- Helpers of the functions above.
CREATE FUNCTION onefin.require_found(row_id bigint, what text, id bigint) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF row_id IS NULL THEN
        RAISE no_data_found USING MESSAGE = format('no %s %s', what, id), HINT = 'Check the id against the list.';
    END IF;
END
$$;
COMMENT ON FUNCTION onefin.require_found(bigint, text, bigint) IS 'Raises no_data_found when nothing was found';

CREATE FUNCTION onefin.org_body(org bigint) RETURNS jsonb LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT jsonb_build_object('id', o.id, 'name', o.name, 'department', o.department_id, 'archived', o.archived_at IS NOT NULL,
        'topics', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', t.id, 'kind', k.code) ORDER BY k.id), '[]')
            FROM onefin.topic t JOIN onefin.topic_kind k ON k.id = t.kind_id WHERE t.org_id = o.id))
    FROM onefin.org o WHERE o.id = org_body.org;
END;
COMMENT ON FUNCTION onefin.org_body(bigint) IS 'A company as JSON';
