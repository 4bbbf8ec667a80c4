-- Sessions: how many and how long, the logged-in devices, failed logins, logging in.

CREATE TABLE onefin.session_policy_default (
    role text PRIMARY KEY,
    max_sessions integer NOT NULL,
    when_full text NOT NULL,
    idle_minutes integer NOT NULL,
    lifetime_minutes integer NOT NULL
);
COMMENT ON TABLE onefin.session_policy_default IS 'The sessions of each role, until an admin sets otherwise';

INSERT INTO onefin.session_policy_default (role, max_sessions, when_full, idle_minutes, lifetime_minutes) VALUES
    ('admin', 10, 'evict', 7 * 1440, 30 * 1440),
    ('supervisor', 10, 'evict', 7 * 1440, 30 * 1440),
    ('accountant', 10, 'evict', 7 * 1440, 30 * 1440),
    ('client', 10, 'evict', 30 * 1440, 90 * 1440);

-- Not less than five minutes: a session's use is noted once a minute only (touch() in session.c).
CREATE TABLE onefin.session_policy (
    role text PRIMARY KEY REFERENCES onefin.session_policy_default,
    max_sessions integer NOT NULL CHECK (max_sessions BETWEEN 1 AND 1000),
    when_full text NOT NULL CHECK (when_full IN ('refuse', 'evict')),
    idle_minutes integer NOT NULL CHECK (idle_minutes BETWEEN 5 AND 525600),
    lifetime_minutes integer NOT NULL CHECK (lifetime_minutes BETWEEN 5 AND 525600)
);
COMMENT ON TABLE onefin.session_policy IS 'The sessions of a role, as an admin has set; holds for open sessions, too';
COMMENT ON COLUMN onefin.session_policy.max_sessions IS 'Open sessions of an account at most; when lowered, the next login brings them down';
COMMENT ON COLUMN onefin.session_policy.when_full IS
    'What a login does at the maximum: refuse, or evict the session that was unused for longest';
COMMENT ON COLUMN onefin.session_policy.idle_minutes IS 'Minutes without a call after which a session ends';
COMMENT ON COLUMN onefin.session_policy.lifetime_minutes IS 'Minutes after the login at which a session ends in any case';

CREATE VIEW onefin.session_policy_now WITH (security_invoker) AS
    SELECT d.role, coalesce(p.max_sessions, d.max_sessions) AS max_sessions,
        coalesce(p.when_full, d.when_full) AS when_full, coalesce(p.idle_minutes, d.idle_minutes) AS idle_minutes,
        coalesce(p.lifetime_minutes, d.lifetime_minutes) AS lifetime_minutes
    FROM onefin.session_policy_default d LEFT JOIN onefin.session_policy p ON p.role = d.role;
COMMENT ON VIEW onefin.session_policy_now IS 'The sessions of each role, as they hold now';

CREATE SEQUENCE onefin.session_id_seq;
CREATE TABLE onefin.session (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.session_id_seq'),
    account_id bigint NOT NULL REFERENCES onefin.account,
    token_hash bytea NOT NULL UNIQUE,
    device text,
    address inet,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz NOT NULL DEFAULT 'infinity',
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);
-- No index on the times: a call moves them once a minute, in place (a heap-only tuple).
CREATE INDEX session_account ON onefin.session (account_id) WHERE ended_at IS NULL;
CREATE INDEX session_device ON onefin.session (account_id, address);
COMMENT ON TABLE onefin.session IS 'A logged-in device';
COMMENT ON COLUMN onefin.session.token_hash IS 'SHA-256 of the token; the token itself is with the device only';
COMMENT ON COLUMN onefin.session.last_seen IS 'Last call, kept to the minute';
COMMENT ON COLUMN onefin.session.ends_at IS 'When it ends in any case: the lifetime of its policy after the login';
COMMENT ON COLUMN onefin.session.expires_at IS 'When it ends if no call comes: ends_at, or before that the last call and the policy''s idle time';
COMMENT ON COLUMN onefin.session.ended_at IS 'When it was ended; NULL while it is open or has expired unnoticed';

CREATE TABLE onefin.login_failure (
    key text PRIMARY KEY,
    level double precision NOT NULL,
    at timestamptz NOT NULL
);
COMMENT ON TABLE onefin.login_failure IS
    'Failed logins by account and address, by address and by account: what the next one has to wait for (throttle.c). Not dumped';
COMMENT ON COLUMN onefin.login_failure.key IS
    'pair NAME ADDRESS, address ADDRESS or account NAME; NAME is of the SHA-256 of the login, since what is typed there may be a password';
COMMENT ON COLUMN onefin.login_failure.level IS 'Failures at the time of the last one, those forgotten meanwhile taken off';
COMMENT ON COLUMN onefin.login_failure.at IS 'The last failure';

CREATE FUNCTION onefin.session_policy_apply() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_session_policy_apply';
COMMENT ON FUNCTION onefin.session_policy_apply() IS 'Moves the ends of the open sessions of a role whose policy changed';
CREATE TRIGGER apply AFTER INSERT OR UPDATE OR DELETE ON onefin.session_policy
    FOR EACH ROW EXECUTE FUNCTION onefin.session_policy_apply();

-- A disabled account, or one with another role, company or password, starts anew: its sessions end.
CREATE FUNCTION onefin.account_end_sessions() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_account_end_sessions';
COMMENT ON FUNCTION onefin.account_end_sessions() IS 'Ends the sessions of an account whose rights or password changed, and journals the latter';
CREATE TRIGGER end_sessions AFTER UPDATE ON onefin.account FOR EACH ROW
    WHEN (OLD.role <> NEW.role OR OLD.org_id IS DISTINCT FROM NEW.org_id
          OR OLD.department_id IS DISTINCT FROM NEW.department_id
          OR OLD.password_hash IS DISTINCT FROM NEW.password_hash
          OR OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL)
    EXECUTE FUNCTION onefin.account_end_sessions();

CREATE FUNCTION onefin.session_owner(account bigint) RETURNS bigint
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_session_owner';
COMMENT ON FUNCTION onefin.session_owner(bigint) IS
    'Whose sessions are meant: NULL is mine, another''s are an admin''s to see and to end; else an error that does not tell whether there is such an account';

CREATE FUNCTION onefin.end_expired_sessions() RETURNS integer
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_end_expired_sessions';
COMMENT ON FUNCTION onefin.end_expired_sessions() IS
    'Ends sessions that have expired and forgets old failed logins, a batch of them; the sealer does so every minute. Returns how many sessions; for superusers';

CREATE FUNCTION onefin.create_admin(login text, password text, name text) RETURNS bigint
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_create_admin';
COMMENT ON FUNCTION onefin.create_admin(text, text, text) IS
    'Makes an admin account, for the first one of a new firm; for superusers. Returns its id';

CREATE FUNCTION onefin.login(login text, password text, device text DEFAULT NULL, address inet DEFAULT NULL)
    RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_login';
COMMENT ON FUNCTION onefin.login(text, text, text, inet) IS
    'Opens a session: {"result": {token, session, seal, account}} or {"error": ...}; the only time the token is told';
