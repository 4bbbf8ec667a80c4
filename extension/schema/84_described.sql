-- What the catalog does not say of the calls and of the events, for rpc.discover (85_discover.sql): lists
-- that people read, too. sql/discover.sql and test/gateway/discover.test.mjs prove them.
--
-- A shape is JSON that shows what there is: {"id": "id", "orgs": [{"name": "text"}]}. A string is a type of
-- json_types() or a shape of json_shapes(), with a question mark where it may be null; true is anything.

CREATE FUNCTION onefin.json_types() RETURNS TABLE (name text, schema jsonb) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    VALUES
    ('id', '{"type": "integer", "format": "int64", "minimum": 1}'::jsonb),
    ('number', '{"type": "integer", "format": "int64"}'),
    ('numbers', '{"type": "array", "items": {"type": "integer", "format": "int64"}}'),
    ('small', '{"type": "integer", "format": "int32", "minimum": -2147483648, "maximum": 2147483647}'),
    ('decimal', '{"type": "number"}'),
    ('seal', '{"type": "integer", "format": "int64", "minimum": 0}'),
    ('flag', '{"type": "boolean"}'),
    ('text', '{"type": "string"}'),
    ('time', '{"type": "string", "format": "date-time"}'),
    ('uuid', '{"type": "string", "format": "uuid"}'),
    ('sha256', '{"type": "string", "pattern": "^[0-9a-f]{64}$"}'),
    ('role', '{"type": "string", "enum": ["admin", "supervisor", "accountant", "client"]}'),
    ('language', '{"type": "string", "enum": ["uz", "ru", "en"]}'),
    ('visibility', '{"type": "string", "enum": ["all", "staff"]}'),
    ('state', '{"type": "string", "enum": ["open", "waiting_client", "closed"]}'),
    ('document_state', '{"type": "string", "enum": ["stamping", "ready", "failed"]}'),
    ('document_reason', '{"type": "string", "enum": ["encrypted", "broken", "too_large", "no_pages", "unsupported", "office_off", "time", "died", "lost"]}'),
    ('job_state', '{"type": "string", "enum": ["waiting", "running", "failed"]}'),
    ('mark', '{"type": "string", "enum": ["processed", "returned"]}'),
    ('document_shown', '{"anyOf": [{"$ref": "#/components/schemas/document"}, {"$ref": "#/components/schemas/document_named"}]}'),
    ('operation', '{"type": "string", "enum": ["send", "edit", "delete"]}'),
    ('message_shown', '{"anyOf": [{"$ref": "#/components/schemas/message"}, {"$ref": "#/components/schemas/message_named"}]}');
END;
COMMENT ON FUNCTION onefin.json_types() IS 'Types of values in parameters, results and events, as JSON Schemas';

CREATE FUNCTION onefin.json_shapes() RETURNS TABLE (name text, shape jsonb, description text) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    VALUES
    ('account', '{"id": "id", "login": "text", "name": "text", "role": "role", "org": "id?", "department": "id?", "language": "language", "email": "text?", "disabled": "flag"}'::jsonb,
        'A person: org is a client''s company, department that of staff; email is where unread messages are told of'),
    ('document', '{"id": "id", "org": "id", "topic": "id", "message": "id?", "name": "text", "type": "text", "size": "number", "sha256": "sha256", "uploader": "id", "uploader_name": "text", "at": "time", "erased_at": "time?", "revision": "number", "state": "document_state", "reason": "document_reason?", "stamped": "flag", "signed": "flag", "preview": "flag", "original": "original?", "marks": ["document_mark"]}',
        'A file; its bytes are at /files/ID once it is ready. Of staff''s, name, type, size and sha256 are the stamped rendition''s then, and original tells what was uploaded. reason is why it failed; signed: what was uploaded has a digital signature; the last mark holds; of two with one id the one with the greater revision is newer'),
    ('original', '{"name": "text", "type": "text", "size": "number", "sha256": "sha256"}', 'What was uploaded, where a rendition stands for it'),
    ('document_mark', '{"mark": "mark", "at": "time", "by": "id", "by_name": "text", "reason": "text?"}', 'What staff made of a client''s document'),
    ('document_named', '{"id": "id", "org": "id", "topic": "id", "revision": "number"}',
        'A document that has changed again since: it is named, and the event of that change shows it'),
    ('document_entry', '{"id": "id", "at": "time", "action": "text", "document": "id", "document_name": "text?", "account": "id?", "account_name": "text?", "role": "role?", "org": "id?", "topic": "id?", "variant": "text?", "address": "text?", "device": "text?", "why": "text?"}',
        'What was done with a document: uploaded, downloaded, previewed, presigned, refused (why), processed, returned; and what became of it'),
    ('job', '{"id": "id", "kind": "text", "state": "job_state", "document": "id?", "document_name": "text?", "account": "id?", "org": "id?", "topic": "id?", "attempts": "number", "at": "time", "due_at": "time", "gateway": "text?", "reason": "text?", "message": "text?"}',
        'Work of the gateways: kind is stamp, preview, logo, notify, mail or webhook; reason and message are of the last attempt that failed'),
    ('logo', '{"id": "id", "at": "time", "state": "text", "message": "text?", "image": "text?"}', 'The newest logo: checking, ready, or failed (message)'),
    ('logo_used', '{"id": "id", "at": "time", "image": "text"}', 'The logo that is on the stamps, a PNG in base64'),
    ('message', '{"id": "id", "org": "id", "topic": "id", "ticket": "id", "author": "id", "author_name": "text", "author_role": "role", "at": "time", "text": "text?", "version": "number?", "edited_at": "time?", "deleted_at": "time?", "redacted_at": "time?", "visibility": "visibility", "imported": "flag", "reply_to": "id?", "client_key": "uuid?", "documents": ["document"]}',
        'A message in its newest version; text is null when it is deleted, redacted or hidden, version when it is hidden'),
    ('message_named', '{"id": "id", "org": "id", "topic": "id", "author": "id", "visibility": "visibility", "version": "number"}',
        'A message that has changed again since: it is named, and the event of that change shows it'),
    ('topic', '{"id": "id", "kind": "text", "names": {"uz": "text", "ru": "text", "en": "text"}, "state": "state?", "unread": "number", "last": "message?"}',
        'A direction of a company''s chat; state is its newest round''s, unread counts up to 1000'),
    ('org', '{"id": "id", "name": "text", "department": "id?", "archived": "flag", "topics": [{"id": "id", "kind": "text"}]}', 'A company'),
    ('session', '{"id": "id", "device": "text?", "address": "text?", "created_at": "time", "last_seen": "time", "expires_at": "time", "current": "flag"}',
        'A logged-in device'),
    ('version', '{"version": "number", "at": "time", "author": "id", "author_name": "text", "operation": "operation", "text": "text?", "digest": "sha256?", "diff": true}',
        'A version of a message; diff is what changed from the one before, word by word: [{op: keep, remove or add, text}], or null'),
    ('policy', '{"max_sessions": "number", "when_full": "text", "idle_minutes": "number", "lifetime_minutes": "number"}', 'The sessions of a role'),
    ('department', '{"id": "id", "name": "text"}', 'A department of the firm'),
    ('entry', '{"id": "id", "at": "time", "kind": "text", "audience": "text", "actor": "id?", "actor_name": "text?", "org": "number?", "topic": "id?", "subject": "id?", "account": "id?", "version": "number?", "session": "id?", "db_user": "text", "application": "text?", "address": "text?", "digest": "sha256?", "record": "sha256?", "detail": true}',
        'An entry of the journal'),
    ('event', '{"seal": "seal", "index": "number", "kind": "text", "at": "time", "org": "id?", "topic": "id?"}',
        'What every event has; the rest depends on its kind, see x-asyncapi');
END;
COMMENT ON FUNCTION onefin.json_shapes() IS 'Objects in results and events';

CREATE FUNCTION onefin.rpc_errors() RETURNS TABLE (code integer, name text, message text, description text) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    VALUES
    (-32700, 'ParseError', 'Parse error', 'Not JSON; id of the answer is null. Mend the client'),
    (-32600, 'InvalidRequest', 'Invalid request', 'No JSON-RPC request, a batch, a second login. Mend the client'),
    (-32601, 'MethodNotFound', 'Unknown method', 'There is no such method. Mend the client'),
    (-32602, 'InvalidParams', 'Bad parameters', 'Missing, unknown, of the wrong type or out of bounds, empty or too long text. Show it'),
    (-32603, 'InternalError', 'Internal error', 'The database''s log has it. Report it'),
    (-32001, 'NotLoggedIn', 'Not logged in', 'Not logged in, wrong password, token expired or revoked. Log in'),
    (-32002, 'NotAllowed', 'Not allowed', 'Your role may not, or it is somebody else''s. Show it'),
    (-32003, 'NotFound', 'Not there', 'Not there, or not yours: one answer for both. Show it'),
    (-32004, 'StaleVersion', 'Stale version', 'Somebody edited the message meanwhile. Reload the message, ask the person'),
    (-32005, 'Conflict', 'Conflict', 'Against what is there already. Show it'),
    (-32006, 'LimitReached', 'A limit is reached', 'The hint says how long to wait, or what to end. Wait, then repeat'),
    (-32007, 'Unavailable', 'Unavailable', 'The database is away or took too long; whether the call was done is not known. Repeat the same call, after a moment');
END;
COMMENT ON FUNCTION onefin.rpc_errors() IS 'The error codes of the protocol; what each means, and what a client does';

-- A method that is not here may answer any error, and its result is what its comment shows.
CREATE FUNCTION onefin.rpc_methods() RETURNS TABLE (name text, errors integer[], result jsonb) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    VALUES
    ('login', '{-32600,-32006}'::integer[], '{"token": "text", "session": "id", "seal": "seal", "account": "account"}'::jsonb),
    ('resume', '{-32600}', '{"session": "id", "seal": "seal", "account": "account", "reset": "flag", "events": ["event"]}'),
    ('logout', '{}', '{}'),
    ('rpc.discover', '{}', '{"openrpc": "text", "info": {"title": "text", "version": "text"}, "methods": [{"name": "text"}], "components": {"errors": true, "schemas": true}, "x-asyncapi": {"asyncapi": "text"}}'),
    ('me', '{}', '{"seal": "seal", "account": "account", "settings": {"client_sees_versions": "flag", "upload_bytes": "number"}}'),
    ('topics', '{}', '{"seal": "seal", "orgs": [{"id": "id", "name": "text", "department": "id?", "archived": "flag", "topics": ["topic"]}]}'),
    ('members', '{-32003}', '{"seal": "seal", "members": [{"id": "id", "name": "text", "role": "role"}], "marks": [{"topic": "id", "account": "id", "message": "id"}]}'),
    ('history', '{-32003}', '{"seal": "seal", "messages": ["message"], "more": "flag"}'),
    ('versions', '{-32002,-32003}', '{"seal": "seal", "message": "id", "versions": ["version"], "documents": ["document"]}'),
    ('documents', '{-32003}', '{"seal": "seal", "documents": ["document"]}'),
    ('process', '{-32002,-32003,-32005}', '{"document": "document"}'),
    ('document_log', '{}', '{"entries": ["document_entry"]}'),
    ('jobs', '{}', '{"jobs": ["job"]}'),
    ('retry_job', '{-32003}', '{"job": "job"}'),
    ('logo', '{}', '{"logo": "logo?", "current": "logo_used?"}'),
    ('send', '{-32002,-32003,-32005}', '{"message": "message", "repeated": "flag"}'),
    ('edit', '{-32002,-32003,-32004,-32005}', '{"message": "message"}'),
    ('delete', '{-32002,-32003,-32004,-32005}', '{"message": "message"}'),
    ('read', '{-32003}', '{"topic": "id", "message": "id"}'),
    ('typing', '{-32003}', '{}'),
    ('presence', '{-32003}', '{"org": "id", "accounts": ["id"]}'),
    ('close', '{-32003,-32005}', '{"topic": "id", "ticket": "id", "state": "state"}'),
    ('watch', '{-32003}', '{"topic": "id?", "org": "id?", "department": "id?"}'),
    ('unwatch', '{}', '{}'),
    ('sessions', '{-32003}', '{"sessions": ["session"]}'),
    ('revoke_session', '{-32003}', '{"session": "id"}'),
    ('revoke_sessions', '{-32003}', '{"account": "id", "ended": "number"}'),
    ('change_password', '{-32006}', '{}'),
    ('accounts', '{-32002,-32003,-32005}', '[{"accounts": ["account"]}, {"account": "account"}]'),
    ('orgs', '{-32002,-32003,-32005}', '[{"orgs": ["org"]}, {"org": "org"}]'),
    ('departments', '{-32002,-32003,-32005}', '[{"departments": ["department"]}, {"department": "department"}]'),
    ('assign', '{-32003,-32005}', '{"assignment": {"org": "id", "account": "id", "from": "time", "until": "time?"}}'),
    ('settings', '{}', '{"settings": true}'),
    ('session_policies', '{}', '{"policies": {"admin": "policy", "supervisor": "policy", "accountant": "policy", "client": "policy"}}'),
    ('redact', '{-32003,-32004}', '{"message": "message"}'),
    ('erase', '{-32003,-32005}', '{"org": "id", "messages": "number", "versions": "number", "documents": "number", "accounts": "number", "sessions": "number"}'),
    ('import', '{-32002,-32003,-32005}', '{"message": "message", "repeated": "flag"}'),
    ('journal', '{}', '{"seal": "seal", "entries": ["entry"]}'),
    ('journal_verify', '{-32003}', '{"ok": "flag", "seals": "number", "entries": "number", "hash": "sha256?", "broken": true}');
END;
COMMENT ON FUNCTION onefin.rpc_methods() IS
    'Of each method the errors beside those that every one may answer, and the shape of its result, or a list of those that it may have';

CREATE FUNCTION onefin.rpc_params() RETURNS TABLE (name text, methods text[], schema jsonb, description text) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    VALUES
    ('topic', NULL::text[], '{}'::jsonb, 'A topic; topics lists them'),
    ('org', NULL, '{}', 'A company; topics lists them'),
    ('org', '{accounts}', '{}', 'The company of a client'),
    ('account', NULL, '{}', 'An account'),
    ('account', '{sessions,revoke_sessions}', '{}', 'Whose sessions, for an admin; without it mine'),
    ('department', NULL, '{}', 'A department'),
    ('message', NULL, '{}', 'A message'),
    ('message', '{read}', '{}', 'The newest message that I have read'),
    ('document', NULL, '{}', 'A document'),
    ('document', '{document_log}', '{}', 'Only of this document'),
    ('account', '{document_log}', '{}', 'Only what this account did'),
    ('mark', NULL, '{"enum": ["processed", "returned"]}', 'What was made of it'),
    ('reason', '{process}', '{"maxLength": 1000}', 'Why it is returned, and what the client is to do; needed for that'),
    ('before', '{document_log,jobs}', '{}', 'Only those with a smaller id'),
    ('limit', '{document_log,jobs}', '{"minimum": 1, "maximum": 200}', 'How many at most'),
    ('state', '{jobs}', '{"enum": ["waiting", "running", "failed"]}', 'Only those in this state'),
    ('job', NULL, '{}', 'A job; jobs lists them'),
    ('image', '{logo}', '{"contentEncoding": "base64"}', 'PNG or SVG of up to 128 KiB, in base64'),
    ('type', '{logo}', '{"enum": ["image/png", "image/svg+xml"]}', 'Its media type'),
    ('email', '{accounts}', '{"maxLength": 254}', 'Where the person is told of unread messages; empty: nowhere'),
    ('session', NULL, '{}', 'A session; sessions lists them'),
    ('id', NULL, '{}', 'Which one to change; without it a new one is made'),
    ('name', NULL, '{"maxLength": 200}', 'A name, unique for companies and departments'),
    ('name', '{settings}', '{}', 'The setting to change'),
    ('value', '{settings}', '{}', 'Its new value, of the JSON type that it has'),
    ('text', NULL, '{"maxLength": 16384}', 'What is said; not empty, but with documents'),
    ('client_key', NULL, '{}', 'Chosen by the client for each message: repeated with the same, a call is done once'),
    ('visibility', NULL, '{"enum": ["all", "staff"]}', 'staff makes it a note, which clients never see'),
    ('reply_to', NULL, '{}', 'The message of the same topic that this one answers'),
    ('documents', NULL, '{}', 'Uploaded documents to attach'),
    ('version', '{edit,delete}', '{}', 'The version that the change is made from'),
    ('version', '{redact}', '{}', 'The version that was seen; refused when it is no longer the newest'),
    ('reason', NULL, '{"minLength": 1}', 'On what ground; the journal keeps it'),
    ('author', '{import}', '{}', 'Whose words they are'),
    ('at', '{import}', '{}', 'When it was said'),
    ('before', '{history}', '{}', 'Only messages before this one; without it the newest'),
    ('limit', '{history}', '{"minimum": 1, "maximum": 200}', 'How many messages at most'),
    ('limit', '{journal}', '{"minimum": 1, "maximum": 1000}', 'How many entries at most'),
    ('as_of', '{history}', '{}', 'The topic as it stood at that time; that is journaled'),
    ('after', '{resume}', '{"minimum": 0}', 'The seal of the last event that was applied; without it no events are asked for'),
    ('index', '{resume}', '{}', 'The index of that event; without it the whole seal counts as seen'),
    ('after', '{journal}', '{}', 'Only entries with a greater id'),
    ('kind', '{journal}', '{}', 'Only entries of this kind; message.* is all that begin so'),
    ('since', '{journal}', '{}', 'Only entries from this time on'),
    ('until', '{journal}', '{}', 'Only entries before this time'),
    ('actor', '{journal}', '{}', 'Only what this account did'),
    ('from', '{journal_verify}', '{}', 'The first seal'),
    ('to', '{journal_verify}', '{}', 'The last seal; without it the newest'),
    ('login', NULL, '{"maxLength": 200}', 'The login of an account'),
    ('password', NULL, '{}', 'Its password'),
    ('password', '{accounts}', '{"minLength": 8}', 'Its new password, of 8 to 1024 bytes'),
    ('device', '{login}', '{"maxLength": 200}', 'A name for the list of sessions, the same at each login of the device'),
    ('old', '{change_password}', '{}', 'The password that I have'),
    ('new', '{change_password}', '{"minLength": 8}', 'The one to have, of 8 to 1024 bytes'),
    ('role', NULL, '{"enum": ["admin", "supervisor", "accountant", "client"]}', 'A role'),
    ('language', NULL, '{"enum": ["uz", "ru", "en"]}', 'The language of the page'),
    ('db_role', '{accounts}', '{}', 'The database role with which the person uses SQL directly'),
    ('disabled', '{accounts}', '{}', 'Whether the account is out'),
    ('archived', '{orgs}', '{}', 'Whether the company has left'),
    ('ended', '{assign}', '{}', 'True ends the assignment'),
    ('max_sessions', NULL, '{"minimum": 1, "maximum": 1000}', 'Open sessions of an account at most'),
    ('when_full', NULL, '{"enum": ["refuse", "evict"]}', 'What a login does at the maximum'),
    ('idle_minutes', NULL, '{"minimum": 5, "maximum": 525600}', 'Minutes without a call after which a session ends'),
    ('lifetime_minutes', NULL, '{"minimum": 5, "maximum": 525600}', 'Minutes after the login at which a session ends in any case');
END;
COMMENT ON FUNCTION onefin.rpc_params() IS
    'Parameters, of the methods named or of all others: what their type does not say, as a JSON Schema and in words';

-- An event has, beside its members here, what the shape "event" has.
CREATE FUNCTION onefin.event_kinds() RETURNS TABLE (kind text, audience text, members jsonb, description text) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    VALUES ('message.sent', 'org', '{"actor": "id", "message": "message_shown"}'::jsonb, 'A message was sent'),
    ('message.edited', 'org', '{"actor": "id", "message": "message_shown"}', 'Its author changed a message'),
    ('message.deleted', 'org', '{"actor": "id", "message": "message_shown"}', 'Its author deleted a message'),
    ('message.imported', 'org', '{"actor": "id", "message": "message_shown"}', 'A message that was said elsewhere was brought in'),
    ('message.redacted', 'org', '{"actor": "id?", "message": "message_shown"}', 'An admin took out the text of a message'),
    ('topic.read', 'org', '{"actor": "id", "account": "id", "message": "id"}', 'Somebody has read a topic up to a message'),
    ('ticket.opened', 'org', '{"actor": "id", "ticket": "id", "state": "state"}', 'A round of a topic began'),
    ('ticket.changed', 'org', '{"actor": "id", "ticket": "id", "state": "state"}', 'A round of a topic was closed'),
    ('session.started', 'account', '{"account": "id", "session": "id", "device": "text?", "address": "text?", "new_device": "flag"}', 'The account logged in'),
    ('session.ended', 'account', '{"account": "id", "session": "id", "why": "text"}', 'A session ended: logout or expired'),
    ('session.revoked', 'account', '{"account": "id", "session": "id", "why": "text"}', 'A session was ended: revoked, evicted, password, rights or disabled'),
    ('account.password_changed', 'admin', '{"account": "id"}', 'An account has a new password'),
    ('document.uploaded', 'admin', '{"actor": "id?", "document": "id"}', 'A document came into the store'),
    ('document.downloaded', 'admin', '{"actor": "id?", "document": "id"}', 'Somebody got a document'),
    ('document.previewed', 'admin', '{"actor": "id?", "document": "id"}', 'Somebody saw the preview of a document'),
    ('document.presigned', 'admin', '{"actor": "id?", "document": "id"}', 'Somebody got an address of the store for a document'),
    ('document.refused', 'admin', '{"actor": "id?", "document": "id"}', 'Somebody asked for a document and did not get it'),
    ('document.ready', 'org', '{"actor": "id?", "document": "document_shown"}', 'A document is stamped, or has a preview'),
    ('document.failed', 'org', '{"actor": "id?", "document": "document_shown"}', 'A document could not be stamped'),
    ('document.stamping', 'org', '{"actor": "id?", "document": "document_shown"}', 'An admin has a document stamped once more'),
    ('document.processed', 'org', '{"actor": "id?", "document": "document_shown"}', 'Staff have processed a client''s document'),
    ('document.returned', 'org', '{"actor": "id?", "document": "document_shown"}', 'Staff cannot use a client''s document'),
    ('job.failed', 'admin', '{"actor": "id?", "subject": "id"}', 'A job was set aside'),
    ('job.retried', 'admin', '{"actor": "id?", "subject": "id"}', 'An admin has a job that failed done again'),
    ('logo.changed', 'admin', '{"actor": "id?", "subject": "id"}', 'The firm has another logo, or one could not be drawn'),
    ('document.erased', 'admin', '{"actor": "id?", "document": "id"}', 'The bytes of an erased document are gone from the store'),
    ('ghost.started', 'admin', '{"actor": "id?", "subject": "id"}', 'Somebody watches unseen'),
    ('ghost.ended', 'admin', '{"actor": "id?", "subject": "id"}', 'Watching unseen ended'),
    ('versions.read', 'admin', '{"actor": "id?", "subject": "id"}', 'Somebody read the versions of a message, the subject'),
    ('history.read', 'admin', '{"actor": "id?", "subject": "id?"}', 'Somebody read a topic as it stood at a past time'),
    ('org.erased', 'admin', '{"actor": "id?", "subject": "id"}', 'The personal data of a company was erased'),
    ('journal.exported', 'admin', '{"actor": "id?", "subject": "id?"}', 'Somebody exported the journal'),
    ('schema.changed', 'admin', '{"actor": "id?", "subject": "id?"}', 'A table, function or right of onefin''s schemas was changed')
    UNION ALL
    SELECT concat(t.name, '.', c.change), t.audience, t.members, concat(t.what, ' was ', c.change, t.advice)
    FROM (VALUES ('org', 'org', '{"account": "id?"}'::jsonb, 'A company', ': reload topics'),
        ('assignment', 'org', '{"account": "id"}', 'The assignment of an accountant to a company', ': reload topics'),
        ('account', 'admin', '{"account": "id"}', 'An account', ''),
        ('department', 'admin', '{"actor": "id?", "subject": "id?"}', 'A department', ''),
        ('setting', 'admin', '{"actor": "id?", "subject": "id?"}', 'A setting of the firm', ''),
        ('setting_default', 'admin', '{"actor": "id?", "subject": "id?"}', 'The default of a setting', ''),
        ('session_policy', 'admin', '{"actor": "id?", "subject": "id?"}', 'A session policy', ''),
        ('session_policy_default', 'admin', '{"actor": "id?", "subject": "id?"}', 'The default of a session policy', ''),
        ('topic_kind', 'admin', '{"actor": "id?", "subject": "id?"}', 'A direction of all chats', ''),
        ('topic', 'admin', '{"actor": "id?", "subject": "id?"}', 'A topic, by hand,', '')) t (name, audience, members, what, advice),
        (VALUES ('created'), ('changed'), ('deleted')) c (change);
END;
COMMENT ON FUNCTION onefin.event_kinds() IS
    'The kinds of events that are told to anybody: to whom, and their members. Notes, and what was read of them, go to staff only; what one did who watches unseen, to the account only';

CREATE FUNCTION onefin.notifications() RETURNS TABLE (method text, params jsonb, description text) LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    VALUES
    ('typing', '{"org": "id", "topic": "id", "account": "id"}'::jsonb, 'Somebody is typing. Not stored, may be lost'),
    ('presence', '{"account": "id", "online": "flag"}', 'Somebody came or went. Not stored'),
    ('position', '{"seal": "seal"}', 'All up to this seal was delivered, nothing of it was for you: a cursor does not grow old'),
    ('stalled', '{"stalled": "flag"}', 'True when the database is away and events wait, false when all of them were delivered');
END;
COMMENT ON FUNCTION onefin.notifications() IS 'What a gateway tells beside events';
