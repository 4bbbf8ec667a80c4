-- Who is who: settings of the firm, departments, accounts.

CREATE TABLE onefin.setting_default (
    name text PRIMARY KEY,
    value jsonb NOT NULL,
    description text NOT NULL
);
COMMENT ON TABLE onefin.setting_default IS 'Settings that there are, with the value that holds until an admin sets another';
COMMENT ON COLUMN onefin.setting_default.value IS 'The value as JSON; another one has the same JSON type';

INSERT INTO onefin.setting_default (name, value, description) VALUES
    ('client_sees_versions', 'false', 'Clients may read earlier versions of messages of their own company'),
    ('client_sees_presence', 'false', 'Clients are told which of the staff that serves them is there'),
    ('resume_seals', '100000', 'Seals that a returning client may be behind; one further back loads the state anew'),
    ('resume_events', '2000', 'Events that a returning client is told; one that missed more loads the state anew'),
    ('time_zone', '"Asia/Tashkent"', 'Time zone of the firm, for the times that it shows'),
    ('upload_types', '"application/pdf image/jpeg image/png image/webp image/tiff image/heic image/gif application/vnd.openxmlformats-officedocument.wordprocessingml.document application/vnd.openxmlformats-officedocument.spreadsheetml.sheet application/vnd.openxmlformats-officedocument.presentationml.presentation application/vnd.oasis.opendocument.text application/vnd.oasis.opendocument.spreadsheet application/vnd.oasis.opendocument.presentation application/x-ole-storage application/zip application/octet-stream"', 'Media types of files that are taken, separated by spaces; application/octet-stream is what has no other. Of these, staff may upload what can be stamped'),
    ('upload_bytes', '104857600', 'Bytes of a file at most'),
    ('upload_keep_seconds', '86400', 'Seconds after which an upload that did not come to its end is given up'),
    ('office_to_pdf', 'false', 'Office files of staff are turned into PDF and stamped; else they are refused'),
    ('notify_by_mail', 'false', 'Who is away is told of unread messages by mail, where the account has an address'),
    ('notify_by_webhook', 'false', 'The firm''s other systems are told of unread messages of who is away'),
    ('notify_after_seconds', '300', 'Seconds after a message in which who is away may come and read it untold'),
    ('close_after_hours', '0', 'Hours of silence after which a round in which the client waits for nothing closes by itself; 0: never'),
    ('remind_after_hours', '24', 'Hours after which a client who has not rated a round that was closed is reminded, once; 0: never'),
    ('retention_days', '1825', 'Days that the data of an archived company is kept before an admin may erase it');

CREATE TABLE onefin.setting (
    name text PRIMARY KEY REFERENCES onefin.setting_default,
    value jsonb NOT NULL
);
COMMENT ON TABLE onefin.setting IS 'Settings of the firm that an admin has set';

-- What the type of a value does not say.
CREATE FUNCTION onefin.setting_check() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.name = 'time_zone' THEN
        PERFORM now() AT TIME ZONE (NEW.value #>> '{}');
    ELSIF NEW.name LIKE ANY ('{upload%,notify_after_seconds}') AND jsonb_typeof(NEW.value) = 'number'
        AND NEW.value::numeric NOT BETWEEN 1 AND 1e12 THEN
        RAISE invalid_parameter_value USING MESSAGE = format('%s is out of bounds', NEW.name), HINT = 'Give a number from 1 on.';
    ELSIF NEW.name LIKE '%_after_hours' AND jsonb_typeof(NEW.value) = 'number' AND NEW.value::numeric NOT BETWEEN 0 AND 87600 THEN
        RAISE invalid_parameter_value USING MESSAGE = format('%s is out of bounds', NEW.name), HINT = 'Give hours, up to ten years; 0 is never.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION onefin.setting_check() IS 'Refuses values that a setting cannot have';
CREATE TRIGGER "check" BEFORE INSERT OR UPDATE ON onefin.setting FOR EACH ROW EXECUTE FUNCTION onefin.setting_check();

CREATE VIEW onefin.setting_now WITH (security_invoker) AS
    SELECT d.name, coalesce(s.value, d.value) AS value, d.description
    FROM onefin.setting_default d LEFT JOIN onefin.setting s ON s.name = d.name;
COMMENT ON VIEW onefin.setting_now IS 'Settings as they hold now';

CREATE SEQUENCE onefin.department_id_seq;
CREATE TABLE onefin.department (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.department_id_seq'),
    name text NOT NULL UNIQUE CHECK (btrim(name) <> '' AND length(name) <= 200)
);
COMMENT ON TABLE onefin.department IS 'A department of the firm (bo''lim); a supervisor sees the companies of one';

CREATE SEQUENCE onefin.org_id_seq;
CREATE TABLE onefin.org (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.org_id_seq'),
    name text NOT NULL UNIQUE CHECK (btrim(name) <> '' AND length(name) <= 200),
    department_id bigint REFERENCES onefin.department,
    created_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz
);
COMMENT ON TABLE onefin.org IS 'A client company (mijoz)';
COMMENT ON COLUMN onefin.org.archived_at IS 'Since when only admins see the company, and nobody writes to it; NULL while it is served';
CREATE INDEX org_department ON onefin.org (department_id);

CREATE SEQUENCE onefin.account_id_seq;
CREATE TABLE onefin.account (
    id bigint PRIMARY KEY DEFAULT nextval('onefin.account_id_seq'),
    login text NOT NULL CHECK (btrim(login) <> '' AND length(login) <= 200),
    name text NOT NULL CHECK (btrim(name) <> '' AND length(name) <= 200),
    role text NOT NULL CHECK (role IN ('admin', 'supervisor', 'accountant', 'client')),
    org_id bigint REFERENCES onefin.org,
    department_id bigint REFERENCES onefin.department,
    language text NOT NULL DEFAULT 'uz' CHECK (language IN ('uz', 'ru', 'en')),
    db_role name UNIQUE,
    email text CHECK (email ~ '^[^@[:space:][:cntrl:]<>,;"]+@[^@[:space:][:cntrl:]<>,;"]+$' AND length(email) <= 254),
    password_hash text,
    machine boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    CONSTRAINT account_client_has_org CHECK ((role = 'client') = (org_id IS NOT NULL)),
    CONSTRAINT account_client_has_no_department CHECK (role <> 'client' OR department_id IS NULL),
    CONSTRAINT account_supervisor_has_department CHECK (role <> 'supervisor' OR department_id IS NOT NULL)
);
CREATE UNIQUE INDEX account_login_key ON onefin.account (lower(login));
CREATE INDEX account_org ON onefin.account (org_id) WHERE role = 'client';
CREATE INDEX account_department ON onefin.account (department_id) WHERE role = 'supervisor';
CREATE INDEX account_admin ON onefin.account (id) WHERE role = 'admin';
COMMENT ON TABLE onefin.account IS 'A person who takes part: staff of the firm or of a client company';
COMMENT ON COLUMN onefin.account.role IS 'admin (egasi), supervisor (rahbar), accountant (xodim) or client (mijoz)';
COMMENT ON COLUMN onefin.account.db_role IS 'Database role with which this person uses SQL directly, if any';
COMMENT ON COLUMN onefin.account.email IS 'Where the person is told of unread messages; NULL: nowhere';
COMMENT ON COLUMN onefin.account.password_hash IS 'argon2id, as libsodium writes it; readable to no application role';
COMMENT ON COLUMN onefin.account.machine IS 'It is no person: what it writes starts and ends no wait';
COMMENT ON COLUMN onefin.account.disabled_at IS 'Since when the account has no access; NULL while it has';

CREATE FUNCTION onefin.current_account() RETURNS bigint
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_current_account';
COMMENT ON FUNCTION onefin.current_account() IS
    'The account that acts: the session''s inside onefin.call, else the one whose db_role is the session user; NULL if none';

CREATE FUNCTION onefin.acting_as(role text) RETURNS boolean
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_acting_as';
COMMENT ON FUNCTION onefin.acting_as(text) IS
    'Whether the account that acts is active and has this role; analyst: whether a database user acts who has no account';

CREATE FUNCTION onefin.my_orgs(role text DEFAULT NULL) RETURNS bigint[]
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_my_orgs';
COMMENT ON FUNCTION onefin.my_orgs(text) IS
    'Companies that the acting account may see now, ascending, read once per statement; with a role given: none unless the account has that role';

CREATE FUNCTION onefin.may_read_support(internal) RETURNS internal
    LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'onefin_may_read_support';
COMMENT ON FUNCTION onefin.may_read_support(internal) IS 'Tells the planner that may_read() is mostly true';
CREATE FUNCTION onefin.may_read(role text, org bigint, visibility text) RETURNS boolean
    LANGUAGE C STABLE STRICT PARALLEL RESTRICTED SUPPORT onefin.may_read_support AS 'MODULE_PATHNAME', 'onefin_may_read';
COMMENT ON FUNCTION onefin.may_read(text, bigint, text) IS
    'Whether the acting account has this role and may read this: of a company that it sees, a note only as staff; for policies on tables that are read by another key than the company';

CREATE FUNCTION onefin.my_department() RETURNS bigint
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_my_department';
COMMENT ON FUNCTION onefin.my_department() IS 'Department of the acting supervisor; NULL for everybody else';

CREATE FUNCTION onefin.may_post(org bigint, author bigint, visibility text) RETURNS boolean
    LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_may_post';
COMMENT ON FUNCTION onefin.may_post(bigint, bigint, text) IS
    'Whether the acting account may post this: as itself, to a company that it sees, a note only as staff';

CREATE FUNCTION onefin.setting_on(name text) RETURNS boolean
    LANGUAGE C STABLE PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_setting_on';
COMMENT ON FUNCTION onefin.setting_on(text) IS 'Whether a setting of the firm is true';

CREATE FUNCTION onefin.setting_number(name text) RETURNS bigint
    LANGUAGE C STABLE STRICT PARALLEL RESTRICTED AS 'MODULE_PATHNAME', 'onefin_setting_number';
COMMENT ON FUNCTION onefin.setting_number(text) IS 'A setting of the firm that is a number, its whole part';

CREATE FUNCTION onefin.call(token text, method text, params jsonb DEFAULT '{}', address inet DEFAULT NULL)
    RETURNS jsonb LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_call';
COMMENT ON FUNCTION onefin.call(text, text, jsonb, inet) IS
    'Runs onefin_api.<method> with named parameters as the account of the token: {"result": ...} or {"error": {code, message, data: {sqlstate, hint, detail}}}';
