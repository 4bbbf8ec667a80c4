-- Who sees and does what: grants by column, and row-level security, forced, one policy per role,
-- table and command. my_orgs() and acting_as() stand in sub-selects, which run once a statement.
-- = ANY (my_orgs()) where the company leads an index; may_read() where rows are found by topic, message
-- or document: it finds the rights once a statement, too, and the planner is to expect that it is true.
-- The analyst reads the KPI views, of the tables behind them (at the end) the columns that these show, and calendars.

DO $$
DECLARE
    t regclass;
    s regclass;
BEGIN
    FOR t IN SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'onefin'::regnamespace AND c.relkind = 'r'
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO onefin_owner', t);
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
    END LOOP;
    FOR t IN SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'onefin'::regnamespace AND c.relkind = 'v'
    LOOP
        EXECUTE format('ALTER VIEW %s OWNER TO onefin_owner', t);
    END LOOP;
    FOR s IN SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'onefin'::regnamespace AND c.relkind = 'S'
    LOOP
        EXECUTE format('ALTER SEQUENCE %s OWNER TO onefin_owner', s);
    END LOOP;
END
$$;

GRANT SELECT ON onefin.topic_kind, onefin.topic, onefin.ticket, onefin.org, onefin.message, onefin.message_version,
    onefin.read_mark, onefin.account_body, onefin.document_body, onefin.document_mark, onefin.message_body
    TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;
GRANT SELECT (id, login, name, role, org_id, department_id, language, db_role, email, machine, created_at, disabled_at) ON onefin.account
    TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;
GRANT SELECT (id, account_id, device, address, created_at, last_seen, ends_at, expires_at, ended_at) ON onefin.session
    TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;
GRANT SELECT (id, org_id, topic_id, message_id, uploader_id, uploader_name, by_client, name, type, size, sha256, at, visibility,
    state, reason, revision, changed_entry, stamped_name, stamped_type, stamped_size, stamped_sha256, signed, preview_size,
    withdrawn_at, erased_at, removed_at)
    ON onefin.document TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;
GRANT SELECT ON onefin.assignment TO onefin_admin, onefin_supervisor, onefin_accountant;
GRANT SELECT ON onefin.calendar, onefin.calendar_hours, onefin.calendar_exception, onefin.calendar_use
    TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_analyst;
GRANT SELECT ON onefin.department, onefin.watch TO onefin_admin, onefin_supervisor;
GRANT SELECT ON onefin.setting_default, onefin.setting, onefin.setting_now, onefin.session_policy_default, onefin.session_policy,
    onefin.session_policy_now, onefin.journal, onefin.seal, onefin.job_body TO onefin_admin;
GRANT SELECT (id, kind, org_id, topic_id, document_id, logo_id, message_id, account_id, unread, at, due_at, state, attempt, gateway,
    lease_until, reason, message) ON onefin.job TO onefin_admin;
GRANT SELECT ON onefin.logo TO onefin_admin;
GRANT SELECT ON onefin.wait, onefin.wait_body, onefin.policy, onefin.policy_body TO onefin_admin, onefin_supervisor, onefin_accountant;
GRANT SELECT ON onefin.rating, onefin.rating_now, onefin.rated_body TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;
GRANT INSERT (kind_id, org_id, from_at, first_target, next_target, resolution_target, warn_share) ON onefin.policy TO onefin_admin;
GRANT USAGE ON SEQUENCE onefin.policy_id_seq TO onefin_admin;

GRANT SELECT ON onefin.bonus_rule, onefin.payroll_line, onefin.payroll_item, onefin.payroll_correction
    TO onefin_admin, onefin_supervisor, onefin_accountant;
GRANT SELECT ON onefin.payroll TO onefin_admin;
GRANT INSERT (from_day, document_rates, rating_rate, rating_min, sla_tiers, min_documents, cap) ON onefin.bonus_rule TO onefin_admin;
GRANT INSERT (month, account_id, amount, reason) ON onefin.payroll_correction TO onefin_admin;
GRANT USAGE ON SEQUENCE onefin.bonus_rule_id_seq, onefin.payroll_correction_id_seq TO onefin_admin;

GRANT INSERT (topic_id, text, client_key, visibility, reply_to, document_ids), UPDATE (text), DELETE ON onefin.message
    TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;

GRANT INSERT, UPDATE (value) ON onefin.setting TO onefin_admin;
GRANT INSERT, UPDATE (max_sessions, when_full, idle_minutes, lifetime_minutes) ON onefin.session_policy TO onefin_admin;
GRANT INSERT (name), UPDATE (name) ON onefin.department TO onefin_admin;
GRANT INSERT (name, department_id), UPDATE (name, department_id, archived_at) ON onefin.org TO onefin_admin;
GRANT INSERT (login, name, role, org_id, department_id, language, db_role, email, password_hash, machine, disabled_at),
    UPDATE (login, name, role, org_id, department_id, language, db_role, email, password_hash, machine, disabled_at)
    ON onefin.account TO onefin_admin;
GRANT INSERT (org_id, account_id), UPDATE (until_at) ON onefin.assignment TO onefin_admin;
GRANT INSERT (name, time_zone), UPDATE (name, time_zone) ON onefin.calendar TO onefin_admin;
GRANT INSERT, UPDATE (hours), DELETE ON onefin.calendar_hours TO onefin_admin;
GRANT INSERT, UPDATE (name, hours, active, confirmed) ON onefin.calendar_exception TO onefin_admin;
GRANT INSERT (org_id, kind_id, calendar_id), UPDATE (calendar_id), DELETE ON onefin.calendar_use TO onefin_admin;
GRANT USAGE ON SEQUENCE onefin.calendar_id_seq, onefin.calendar_use_id_seq TO onefin_admin;
GRANT USAGE ON SEQUENCE onefin.department_id_seq, onefin.org_id_seq, onefin.account_id_seq, onefin.assignment_id_seq TO onefin_admin;

-- Admin: everything, while the account is active.
CREATE POLICY admin ON onefin.setting_default FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.setting TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.session_policy_default FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.session_policy TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.department TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.org TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.account TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.session TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.assignment TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.calendar TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.calendar_hours TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.calendar_exception TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.calendar_use TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.topic_kind TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.topic TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.ticket TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.message_version TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.document TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.document_mark FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.job FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.logo FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.read_mark TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.watch TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.journal TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.seal TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.wait FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.policy TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.rating FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));

-- Supervisor: the companies of the own department.
CREATE POLICY supervisor ON onefin.department FOR SELECT TO onefin_supervisor
    USING (id = (SELECT onefin.my_department()));
CREATE POLICY supervisor ON onefin.org FOR SELECT TO onefin_supervisor
    USING (id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[]));
CREATE POLICY supervisor ON onefin.account FOR SELECT TO onefin_supervisor
    USING (department_id = (SELECT onefin.my_department())
           OR org_id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[]));
CREATE POLICY supervisor ON onefin.session FOR SELECT TO onefin_supervisor
    USING (account_id = (SELECT onefin.current_account()));
CREATE POLICY supervisor ON onefin.assignment FOR SELECT TO onefin_supervisor
    USING (org_id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[]));
CREATE POLICY supervisor ON onefin.topic_kind FOR SELECT TO onefin_supervisor
    USING ((SELECT onefin.acting_as('supervisor')));
CREATE POLICY supervisor ON onefin.calendar FOR SELECT TO onefin_supervisor
    USING ((SELECT onefin.acting_as('supervisor')));
CREATE POLICY supervisor ON onefin.calendar_hours FOR SELECT TO onefin_supervisor
    USING ((SELECT onefin.acting_as('supervisor')));
CREATE POLICY supervisor ON onefin.calendar_exception FOR SELECT TO onefin_supervisor
    USING ((SELECT onefin.acting_as('supervisor')));
CREATE POLICY supervisor ON onefin.calendar_use FOR SELECT TO onefin_supervisor
    USING (org_id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[]) OR org_id IS NULL AND (SELECT onefin.acting_as('supervisor')));
CREATE POLICY supervisor ON onefin.topic FOR SELECT TO onefin_supervisor
    USING (org_id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[]));
CREATE POLICY supervisor ON onefin.ticket FOR SELECT TO onefin_supervisor
    USING (org_id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[]));
CREATE POLICY supervisor ON onefin.message_version FOR SELECT TO onefin_supervisor
    USING (onefin.may_read('supervisor', org_id, visibility));
CREATE POLICY supervisor ON onefin.document FOR SELECT TO onefin_supervisor
    USING (onefin.may_read('supervisor', org_id, visibility));
CREATE POLICY supervisor ON onefin.document_mark FOR SELECT TO onefin_supervisor
    USING (onefin.may_read('supervisor', org_id, 'all'));
CREATE POLICY supervisor ON onefin.read_mark FOR SELECT TO onefin_supervisor
    USING (org_id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[])
           AND (NOT ghost OR account_id = (SELECT onefin.current_account())));
CREATE POLICY supervisor ON onefin.watch FOR SELECT TO onefin_supervisor
    USING (account_id = (SELECT onefin.current_account()) AND (SELECT onefin.acting_as('supervisor')));
CREATE POLICY supervisor ON onefin.wait FOR SELECT TO onefin_supervisor
    USING (org_id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[]));
CREATE POLICY supervisor ON onefin.policy FOR SELECT TO onefin_supervisor
    USING (org_id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[]) OR org_id IS NULL AND (SELECT onefin.acting_as('supervisor')));
CREATE POLICY supervisor ON onefin.rating FOR SELECT TO onefin_supervisor
    USING (org_id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[]));

-- Accountant: the companies assigned now.
CREATE POLICY accountant ON onefin.org FOR SELECT TO onefin_accountant
    USING (id = ANY ((SELECT onefin.my_orgs('accountant'))::bigint[]));
CREATE POLICY accountant ON onefin.account FOR SELECT TO onefin_accountant
    USING (id = (SELECT onefin.current_account()));
CREATE POLICY accountant ON onefin.session FOR SELECT TO onefin_accountant
    USING (account_id = (SELECT onefin.current_account()));
CREATE POLICY accountant ON onefin.assignment FOR SELECT TO onefin_accountant
    USING (account_id = (SELECT onefin.current_account()) AND (SELECT onefin.acting_as('accountant')));
CREATE POLICY accountant ON onefin.topic_kind FOR SELECT TO onefin_accountant
    USING ((SELECT onefin.acting_as('accountant')));
CREATE POLICY accountant ON onefin.calendar FOR SELECT TO onefin_accountant
    USING ((SELECT onefin.acting_as('accountant')));
CREATE POLICY accountant ON onefin.calendar_hours FOR SELECT TO onefin_accountant
    USING ((SELECT onefin.acting_as('accountant')));
CREATE POLICY accountant ON onefin.calendar_exception FOR SELECT TO onefin_accountant
    USING ((SELECT onefin.acting_as('accountant')));
CREATE POLICY accountant ON onefin.calendar_use FOR SELECT TO onefin_accountant
    USING (org_id = ANY ((SELECT onefin.my_orgs('accountant'))::bigint[]) OR org_id IS NULL AND (SELECT onefin.acting_as('accountant')));
CREATE POLICY accountant ON onefin.topic FOR SELECT TO onefin_accountant
    USING (org_id = ANY ((SELECT onefin.my_orgs('accountant'))::bigint[]));
CREATE POLICY accountant ON onefin.ticket FOR SELECT TO onefin_accountant
    USING (org_id = ANY ((SELECT onefin.my_orgs('accountant'))::bigint[]));
CREATE POLICY accountant ON onefin.message_version FOR SELECT TO onefin_accountant
    USING (onefin.may_read('accountant', org_id, visibility)
           AND author_id = (SELECT onefin.current_account()));
CREATE POLICY accountant ON onefin.document FOR SELECT TO onefin_accountant
    USING (onefin.may_read('accountant', org_id, visibility)
           AND (message_id IS NOT NULL AND withdrawn_at IS NULL OR uploader_id = (SELECT onefin.current_account())));
CREATE POLICY accountant ON onefin.document_mark FOR SELECT TO onefin_accountant
    USING (onefin.may_read('accountant', org_id, 'all'));
CREATE POLICY accountant ON onefin.read_mark FOR SELECT TO onefin_accountant
    USING (org_id = ANY ((SELECT onefin.my_orgs('accountant'))::bigint[]) AND NOT ghost);
CREATE POLICY accountant ON onefin.wait FOR SELECT TO onefin_accountant
    USING (org_id = ANY ((SELECT onefin.my_orgs('accountant'))::bigint[])
           OR responder_id = (SELECT onefin.current_account()) AND (SELECT onefin.acting_as('accountant')));
CREATE POLICY accountant ON onefin.policy FOR SELECT TO onefin_accountant
    USING ((SELECT onefin.acting_as('accountant')) AND (org_id IS NULL OR org_id = ANY ((SELECT onefin.my_orgs('accountant'))::bigint[])));
CREATE POLICY accountant ON onefin.rating FOR SELECT TO onefin_accountant
    USING (accountable_id = (SELECT onefin.current_account()) AND (SELECT onefin.acting_as('accountant')));

-- Client: the own company, without the staff's notes.
CREATE POLICY client ON onefin.org FOR SELECT TO onefin_client
    USING (id = ANY ((SELECT onefin.my_orgs('client'))::bigint[]));
CREATE POLICY client ON onefin.account FOR SELECT TO onefin_client
    USING (id = (SELECT onefin.current_account()));
CREATE POLICY client ON onefin.session FOR SELECT TO onefin_client
    USING (account_id = (SELECT onefin.current_account()));
CREATE POLICY client ON onefin.topic_kind FOR SELECT TO onefin_client
    USING ((SELECT onefin.acting_as('client')));
CREATE POLICY client ON onefin.topic FOR SELECT TO onefin_client
    USING (org_id = ANY ((SELECT onefin.my_orgs('client'))::bigint[]));
CREATE POLICY client ON onefin.ticket FOR SELECT TO onefin_client
    USING (org_id = ANY ((SELECT onefin.my_orgs('client'))::bigint[]));
CREATE POLICY client ON onefin.message_version FOR SELECT TO onefin_client
    USING (onefin.may_read('client', org_id, visibility)
           AND (SELECT onefin.setting_on('client_sees_versions')));
CREATE POLICY client ON onefin.document FOR SELECT TO onefin_client
    USING (onefin.may_read('client', org_id, visibility)
           AND (withdrawn_at IS NULL OR (SELECT onefin.setting_on('client_sees_versions')))
           AND (message_id IS NOT NULL OR uploader_id = (SELECT onefin.current_account())));
CREATE POLICY client ON onefin.document_mark FOR SELECT TO onefin_client
    USING (onefin.may_read('client', org_id, 'all'));
CREATE POLICY client ON onefin.read_mark FOR SELECT TO onefin_client
    USING (org_id = ANY ((SELECT onefin.my_orgs('client'))::bigint[]) AND visibility = 'all' AND NOT ghost);
CREATE POLICY client ON onefin.rating FOR SELECT TO onefin_client
    USING (org_id = ANY ((SELECT onefin.my_orgs('client'))::bigint[]));

-- Analyst: by which time the figures are measured; it has no account.
CREATE POLICY analyst ON onefin.calendar FOR SELECT TO onefin_analyst USING (true);
CREATE POLICY analyst ON onefin.calendar_hours FOR SELECT TO onefin_analyst USING (true);
CREATE POLICY analyst ON onefin.calendar_exception FOR SELECT TO onefin_analyst USING (true);
CREATE POLICY analyst ON onefin.calendar_use FOR SELECT TO onefin_analyst USING (true);

-- Messages: read what the role sees; write as oneself; change and delete one's own that still stands.
CREATE POLICY post ON onefin.message FOR INSERT TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client
    WITH CHECK (onefin.may_post(org_id, author_id, visibility));
CREATE POLICY edit ON onefin.message FOR UPDATE TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client
    USING (onefin.may_post(org_id, author_id, visibility) AND deleted_at IS NULL)
    WITH CHECK (onefin.may_post(org_id, author_id, visibility));
CREATE POLICY delete ON onefin.message FOR DELETE TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client
    USING (onefin.may_post(org_id, author_id, visibility) AND deleted_at IS NULL);
CREATE POLICY admin ON onefin.message FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY supervisor ON onefin.message FOR SELECT TO onefin_supervisor
    USING (onefin.may_read('supervisor', org_id, visibility));
CREATE POLICY accountant ON onefin.message FOR SELECT TO onefin_accountant
    USING (onefin.may_read('accountant', org_id, visibility));
CREATE POLICY client ON onefin.message FOR SELECT TO onefin_client
    USING (onefin.may_read('client', org_id, visibility));

-- Figures, and the rows behind them. A supervisor sees the figures of the department's people, and of the companies of
-- the department; an accountant those of their own, and nobody's of a company; the analyst all (who has an account
-- goes by its role). Who downloaded what is
-- seen in a copy: the journal is for admins, and policies on it that let others have some kinds of entries would have to
-- be right for every kind to come.
GRANT SELECT ON onefin.kpi_state, onefin.kpi_staff_day, onefin.kpi_staff_duration, onefin.kpi_org_day, onefin.kpi_org_duration,
    onefin.kpi_download TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_analyst;
GRANT SELECT ON onefin.wait TO onefin_analyst;
GRANT SELECT (id, ticket_id, org_id, topic_id, accountable_id, at, first_at, score) ON onefin.rating TO onefin_analyst;
GRANT SELECT (id, name) ON onefin.org TO onefin_analyst;
GRANT SELECT (id, name, role, department_id, machine) ON onefin.account TO onefin_analyst;
GRANT SELECT (id, org_id, account_id, until_at) ON onefin.assignment TO onefin_analyst;
GRANT SELECT (id, code) ON onefin.topic_kind TO onefin_analyst;
GRANT SELECT (id, org_id, kind_id) ON onefin.topic TO onefin_analyst;
GRANT SELECT (id, org_id, topic_id, previous_id, state, opened_at, opened_by, closed_at, closed_by, closed_how, accountable_id)
    ON onefin.ticket TO onefin_analyst;
GRANT SELECT (id, org_id, topic_id, uploader_id, by_client, type, size, at, state) ON onefin.document TO onefin_analyst;
GRANT SELECT (id, document_id, at, account_id, mark) ON onefin.document_mark TO onefin_analyst;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY '{kpi_state,kpi_staff_day,kpi_staff_duration,kpi_org_day,kpi_org_duration,kpi_download}'::text[] LOOP
        EXECUTE format('CREATE POLICY admin ON onefin.%I FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as(''admin'')))', t);
    END LOOP;
    FOREACH t IN ARRAY '{kpi_state,kpi_staff_day,kpi_staff_duration,kpi_org_day,kpi_org_duration,kpi_download,wait,rating,org,account,assignment,topic_kind,topic,ticket,document,document_mark}'::text[] LOOP
        EXECUTE format('CREATE POLICY analyst ON onefin.%I FOR SELECT TO onefin_analyst
            USING ((SELECT onefin.acting_as(''analyst'')))', t);
    END LOOP;
    FOREACH t IN ARRAY '{kpi_staff_day,kpi_staff_duration}'::text[] LOOP
        EXECUTE format('CREATE POLICY supervisor ON onefin.%I FOR SELECT TO onefin_supervisor
            USING (account_id IN (SELECT a.id FROM onefin.account a WHERE a.department_id = (SELECT onefin.my_department())))', t);
        EXECUTE format('CREATE POLICY accountant ON onefin.%I FOR SELECT TO onefin_accountant
            USING (account_id = (SELECT onefin.current_account()) AND (SELECT onefin.acting_as(''accountant'')))', t);
    END LOOP;
    FOREACH t IN ARRAY '{kpi_org_day,kpi_org_duration}'::text[] LOOP
        EXECUTE format('CREATE POLICY supervisor ON onefin.%I FOR SELECT TO onefin_supervisor
            USING (org_id = ANY ((SELECT onefin.my_orgs(''supervisor''))::bigint[]))', t);
    END LOOP;
END
$$;
CREATE POLICY supervisor ON onefin.kpi_state FOR SELECT TO onefin_supervisor USING ((SELECT onefin.acting_as('supervisor')));
CREATE POLICY accountant ON onefin.kpi_state FOR SELECT TO onefin_accountant USING ((SELECT onefin.acting_as('accountant')));
CREATE POLICY supervisor ON onefin.kpi_download FOR SELECT TO onefin_supervisor
    USING (account_id IN (SELECT a.id FROM onefin.account a WHERE a.department_id = (SELECT onefin.my_department()))
           OR org_id = ANY ((SELECT onefin.my_orgs('supervisor'))::bigint[]));
CREATE POLICY accountant ON onefin.kpi_download FOR SELECT TO onefin_accountant
    USING (account_id = (SELECT onefin.current_account()) AND (SELECT onefin.acting_as('accountant')));

-- Bonus rules: staff read what they are paid for. What a month pays: admins everybody's, a supervisor the department's,
-- as it was at closing, everybody the own.
CREATE POLICY admin ON onefin.bonus_rule TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY supervisor ON onefin.bonus_rule FOR SELECT TO onefin_supervisor USING ((SELECT onefin.acting_as('supervisor')));
CREATE POLICY accountant ON onefin.bonus_rule FOR SELECT TO onefin_accountant USING ((SELECT onefin.acting_as('accountant')));
CREATE POLICY admin ON onefin.payroll FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.payroll_correction TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY admin ON onefin.payroll_line FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY supervisor ON onefin.payroll_line FOR SELECT TO onefin_supervisor
    USING ((department_id = (SELECT onefin.my_department()) OR account_id = (SELECT onefin.current_account()))
           AND (SELECT onefin.acting_as('supervisor')));
CREATE POLICY accountant ON onefin.payroll_line FOR SELECT TO onefin_accountant
    USING (account_id = (SELECT onefin.current_account()) AND (SELECT onefin.acting_as('accountant')));
CREATE POLICY admin ON onefin.payroll_item FOR SELECT TO onefin_admin USING ((SELECT onefin.acting_as('admin')));
CREATE POLICY supervisor ON onefin.payroll_item FOR SELECT TO onefin_supervisor
    USING ((department_id = (SELECT onefin.my_department()) OR account_id = (SELECT onefin.current_account()))
           AND (SELECT onefin.acting_as('supervisor')));
CREATE POLICY accountant ON onefin.payroll_item FOR SELECT TO onefin_accountant
    USING (account_id = (SELECT onefin.current_account()) AND (SELECT onefin.acting_as('accountant')));
CREATE POLICY supervisor ON onefin.payroll_correction FOR SELECT TO onefin_supervisor
    USING (account_id = (SELECT onefin.current_account())
           AND (SELECT onefin.acting_as('supervisor')));
CREATE POLICY accountant ON onefin.payroll_correction FOR SELECT TO onefin_accountant
    USING (account_id = (SELECT onefin.current_account()) AND (SELECT onefin.acting_as('accountant')));
