-- Who may see which company: the one place that says it. Everything else asks here: my_orgs() by
-- account, audience() by company.
--
-- It is asked of the rows as they are now, and, for events, as they were at a place in the order of
-- the seals: the journal has each row as it was before a change. The rule itself stands once, in
-- text, and both are made of it. Each arm stands alone, so that a constant role leaves one to plan.

DO $make$
DECLARE
    rule constant text := $rule$
    SELECT o.id AS org_id, a.id AS account_id, a.role
    FROM %1$s o, %2$s a
    WHERE a.role = 'admin' AND a.disabled_at IS NULL
    UNION ALL
    SELECT o.id, a.id, a.role
    FROM %1$s o JOIN %2$s a ON a.department_id = o.department_id
    WHERE a.role = 'supervisor' AND a.disabled_at IS NULL AND o.archived_at IS NULL
    UNION ALL
    SELECT o.id, a.id, a.role
    FROM %1$s o JOIN %3$s s ON s.org_id = o.id JOIN %2$s a ON a.id = s.account_id
    WHERE a.role = 'accountant' AND a.disabled_at IS NULL AND o.archived_at IS NULL AND s.until_at IS NULL
    UNION ALL
    SELECT o.id, a.id, a.role
    FROM %1$s o JOIN %2$s a ON a.org_id = o.id
    WHERE a.role = 'client' AND a.disabled_at IS NULL AND o.archived_at IS NULL$rule$;
    -- The rows of a table as they were before the entries: of each changed row the oldest before-image.
    was constant text := $was$(
    SELECT t.* FROM onefin.%1$s t
    WHERE NOT EXISTS (SELECT FROM undone u WHERE u.relation = '%1$s' AND u.id = t.id)
    UNION ALL
    SELECT t.* FROM undone u, jsonb_populate_record(NULL::onefin.%1$s, u.was) t
    WHERE u.relation = '%1$s' AND u.was IS NOT NULL)$was$;
BEGIN
    EXECUTE 'CREATE VIEW onefin.org_access WITH (security_invoker) AS '
        || format(rule, 'onefin.org', 'onefin.account', 'onefin.assignment');
    EXECUTE format($sql$
        CREATE FUNCTION onefin.org_access_before(org bigint, entries bigint[])
            RETURNS TABLE (org_id bigint, account_id bigint, role text) LANGUAGE sql STABLE
        BEGIN ATOMIC
            WITH undone AS (
                SELECT DISTINCT ON (split_part(j.kind, '.', 1), j.subject_id)
                    split_part(j.kind, '.', 1) AS relation, j.subject_id AS id, j.detail -> 'before' AS was
                FROM unnest(org_access_before.entries) WITH ORDINALITY e (id, place) JOIN onefin.journal j ON j.id = e.id
                ORDER BY 1, 2, e.place),
            org_was AS (SELECT t.* FROM %s t WHERE t.id = org_access_before.org), account_was AS %s, assignment_was AS %s
            %s;
        END$sql$, format(was, 'org'), format(was, 'account'), format(was, 'assignment'),
        format(rule, 'org_was', 'account_was', 'assignment_was'));
END
$make$;
COMMENT ON VIEW onefin.org_access IS 'Who may see which company now; read by the C code only';
COMMENT ON FUNCTION onefin.org_access_before(bigint, bigint[]) IS
    'Who could see a company before the changes that these journal entries tell of, the oldest first; for the C code only';

-- What backends remember of this view is thrown away when what it reads changes, by whatever hand.
CREATE FUNCTION onefin.access_changed() RETURNS trigger
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_access_changed';
COMMENT ON FUNCTION onefin.access_changed() IS 'Tells every backend that somebody''s access, or a setting, may have changed';
CREATE TRIGGER access AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON onefin.account
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.access_changed();
CREATE TRIGGER access AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON onefin.org
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.access_changed();
CREATE TRIGGER access AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON onefin.assignment
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.access_changed();
CREATE TRIGGER access AFTER UPDATE OR DELETE OR TRUNCATE ON onefin.topic
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.access_changed();
CREATE TRIGGER access AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON onefin.setting
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.access_changed();
CREATE TRIGGER access AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON onefin.setting_default
    FOR EACH STATEMENT EXECUTE FUNCTION onefin.access_changed();
ALTER TABLE onefin.setting ENABLE ALWAYS TRIGGER access;
ALTER TABLE onefin.setting_default ENABLE ALWAYS TRIGGER access;
ALTER TABLE onefin.account ENABLE ALWAYS TRIGGER access;
ALTER TABLE onefin.org ENABLE ALWAYS TRIGGER access;
ALTER TABLE onefin.assignment ENABLE ALWAYS TRIGGER access;
ALTER TABLE onefin.topic ENABLE ALWAYS TRIGGER access;

-- Which entries changed the answer, for whoever asks it of a place in the order (audience.c).
CREATE TABLE onefin.access_change (
    entry_id bigint PRIMARY KEY,
    xact xid8 NOT NULL
);
CREATE INDEX access_change_xact ON onefin.access_change (xact);
COMMENT ON TABLE onefin.access_change IS 'Journal entries after which another may see a company. Not dumped: only events to come need it';
COMMENT ON COLUMN onefin.access_change.xact IS 'As in the journal';

CREATE FUNCTION onefin.access_columns(changed jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN jsonb_build_array(changed -> 'role', changed -> 'org_id', changed -> 'department_id',
    changed -> 'disabled_at', changed -> 'archived_at');
COMMENT ON FUNCTION onefin.access_columns(jsonb) IS 'What the rule looks at in a row of org or account, given as JSON';

CREATE FUNCTION onefin.access_reach(kind text, detail jsonb) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN kind IN ('assignment.created', 'assignment.changed', 'assignment.deleted') THEN 'org'
    WHEN kind IN ('org.created', 'org.changed', 'org.deleted')
        AND onefin.access_columns(detail -> 'before') <> onefin.access_columns(detail -> 'after') THEN 'org'
    WHEN kind IN ('account.created', 'account.changed', 'account.deleted')
        AND onefin.access_columns(detail -> 'before') <> onefin.access_columns(detail -> 'after') THEN 'all'
    END;
COMMENT ON FUNCTION onefin.access_reach(text, jsonb) IS
    'Whose audience may be another after a journal entry: its company''s (org), any (all), or nobody''s (NULL)';
