-- Functions: nobody by default, then by name: who may call what is said here alone, and holds for
-- the role of the account, whatever groups its database role is a member of (of_require_granted,
-- where row-level security does not see to it). Last, what pg_dump takes along, the watch over the
-- schemas, and the sealer.

DO $$
DECLARE
    f regprocedure;
BEGIN
    FOR f IN SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = ANY (ARRAY['onefin'::regnamespace, 'onefin_api'::regnamespace])
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO onefin_owner', f);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END
$$;

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA onefin_api TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;
REVOKE EXECUTE ON FUNCTION onefin_api.journal(bigint, integer, text, bigint, timestamptz, timestamptz, bigint), onefin_api.journal_verify(bigint, bigint),
    onefin_api.import(bigint, bigint, text, timestamptz, uuid), onefin_api.settings(text, jsonb),
    onefin_api.session_policies(text, integer, text, integer, integer), onefin_api.assign(bigint, bigint, boolean),
    onefin_api.redact(bigint, text, integer), onefin_api.erase(bigint, text)
    FROM onefin_supervisor, onefin_accountant, onefin_client;
REVOKE EXECUTE ON FUNCTION onefin_api.departments(bigint, text), onefin_api.orgs(bigint, text, bigint, boolean)
    FROM onefin_accountant, onefin_client;
REVOKE EXECUTE ON FUNCTION onefin_api.calendars(bigint, text, text, jsonb), onefin_api.calendar_uses(bigint, text, bigint, boolean) FROM onefin_client;
REVOKE EXECUTE ON FUNCTION onefin_api.calendar_day(bigint, date, text, jsonb, boolean, boolean), onefin_api.load_holidays(bigint)
    FROM onefin_supervisor, onefin_accountant, onefin_client;
REVOKE EXECUTE ON FUNCTION onefin_api.watch(bigint, bigint, bigint, uuid), onefin_api.unwatch(bigint, bigint, bigint, uuid) FROM onefin_accountant, onefin_client;
REVOKE EXECUTE ON FUNCTION onefin_api.close(bigint), onefin_api.await_client(bigint),
    onefin_api.policies(text, bigint, timestamptz, numeric, numeric, numeric, numeric, boolean),
    onefin_api.waits(bigint, boolean, bigint, integer), onefin_api.process(bigint, text, text), onefin_api.kpi(date, bigint) FROM onefin_client;
REVOKE EXECUTE ON FUNCTION onefin_api.dismiss_wait(bigint, text) FROM onefin_supervisor, onefin_client;
REVOKE EXECUTE ON FUNCTION onefin_api.rate(bigint, integer, text) FROM onefin_admin, onefin_supervisor, onefin_accountant;
REVOKE EXECUTE ON FUNCTION onefin_api.document_log(bigint, bigint, bigint, integer), onefin_api.jobs(text, bigint, integer),
    onefin_api.retry_job(bigint), onefin_api.logo(text, text) FROM onefin_supervisor, onefin_accountant, onefin_client;
REVOKE EXECUTE ON FUNCTION onefin_api.close_payroll(date), onefin_api.correct_payroll(date, bigint, numeric, text)
    FROM onefin_supervisor, onefin_accountant, onefin_client;
REVOKE EXECUTE ON FUNCTION onefin_api.bonus_rules(date, jsonb), onefin_api.bonus(date, bigint), onefin_api.payslip(date, bigint) FROM onefin_client;

GRANT EXECUTE ON FUNCTION onefin.current_account(), onefin.current_session(), onefin.acting_as(text), onefin.my_orgs(text),
    onefin.may_read(text, bigint, text), onefin.my_department(), onefin.may_post(bigint, bigint, text), onefin.session_owner(bigint),
    onefin.setting_on(text), onefin.setting_number(text), onefin.position(), onefin.require_topic(bigint),
    onefin.message_json(onefin.message, jsonb), onefin.org_members(bigint), onefin.org_body(bigint), onefin.require_found(bigint, text, bigint), onefin.payroll_month_closed(timestamptz)
    TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;
GRANT EXECUTE ON FUNCTION onefin.percentiles(bigint[], double precision[])
    TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_analyst;
GRANT EXECUTE ON FUNCTION onefin.acting_as(text) TO onefin_analyst;
GRANT EXECUTE ON FUNCTION onefin.word_diff(text, text), onefin.history_at(bigint, bigint, integer, timestamptz),
    onefin.json_types(), onefin.json_shapes(), onefin.rpc_errors(), onefin.rpc_methods(), onefin.rpc_params(), onefin.event_kinds(), onefin.notifications(),
    onefin.json_words(), onefin.shape_schema(jsonb, jsonb), onefin.comment_shapes(text), onefin.default_schema(text, text),
    onefin.method_params(jsonb), onefin.discover_methods(text, jsonb), onefin.discover_schemas(jsonb),
    onefin.notification_message(text, text, jsonb, text), onefin.notification_messages(jsonb), onefin.discover_notifications(text, jsonb, jsonb)
    TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;
GRANT EXECUTE ON FUNCTION onefin.password_hash(text), onefin.journal_verify(bigint, bigint),
    onefin.journal_export(text, bigint, bigint, timestamptz, timestamptz, bigint, bigint, text), onefin.kpi_rebuild() TO onefin_admin;

GRANT EXECUTE ON FUNCTION onefin.business_duration(timestamptz, timestamptz, bigint), onefin.business_add(timestamptz, interval, bigint),
    onefin.calendar_for(bigint, smallint) TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_analyst;
GRANT EXECUTE ON FUNCTION onefin.are_hours(time[]), onefin.hours_array(jsonb), onefin.week_hours(jsonb), onefin.hours_body(time[], smallint),
    onefin.exception_body(onefin.calendar_exception), onefin.calendar_body(bigint) TO onefin_admin, onefin_supervisor, onefin_accountant;
GRANT EXECUTE ON FUNCTION onefin.public_holidays() TO onefin_admin;
GRANT EXECUTE ON FUNCTION onefin.payroll_month_closed(timestamptz) TO onefin_admin, onefin_supervisor, onefin_accountant, onefin_client;
GRANT EXECUTE ON FUNCTION onefin.bonus_number(jsonb, text, integer, numeric), onefin.bonus_rates(jsonb), onefin.bonus_tiers(jsonb)
    TO onefin_admin;
GRANT EXECUTE ON FUNCTION onefin.bonus_rule_body(onefin.bonus_rule) TO onefin_admin, onefin_supervisor, onefin_accountant;

GRANT EXECUTE ON FUNCTION onefin.login(text, text, text, inet), onefin.call(text, text, jsonb, inet), onefin.position(),
    onefin.events(bigint, integer), onefin.audience(bigint, bigint, integer),
    onefin.presence_tell(text, bigint[], bigint[], boolean), onefin.presence_audience(bigint[]), onefin.seal_lag(), onefin.watches_keep(uuid[]), onefin.watches_end(uuid),
    onefin.file_begin(text, bigint, text, inet, bigint),
    onefin.file_end(text, bigint, text, bigint, text, text, bigint, bytea, inet, uuid), onefin.file_get(text, bigint, text, text, inet),
    onefin.upload_begin(text, bigint, text, bigint, inet), onefin.upload_look(text, uuid, inet),
    onefin.upload_part(text, uuid, bigint, inet), onefin.upload_add(text, uuid, bigint, text, bigint, inet),
    onefin.upload_finish(text, uuid, inet), onefin.upload_drop(text, uuid, inet),
    onefin.files_to_erase(integer, text), onefin.file_erased(text), onefin.jobs_take(text, integer, bigint[], integer),
    onefin.jobs_keep(text, bigint[]), onefin.job_done(bigint, integer, jsonb), onefin.job_failed(bigint, integer, text, text, boolean),
    onefin.export_begin(text, jsonb, inet), onefin.export_next(text, jsonb, inet),
    onefin.payroll_csv(text, jsonb, inet)
    TO onefin_gateway;

DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT c.oid::regclass AS name, c.relname FROM pg_class c
        WHERE c.relnamespace = 'onefin'::regnamespace AND c.relkind = ANY ('{r,S}'::"char"[])
        ORDER BY c.oid
    LOOP
        -- The rows that this script makes are made again by it before a restore loads the rest;
        -- a change of access counts where its transaction was, and a failed login where it failed.
        CONTINUE WHEN r.relname = ANY ('{setting_default,session_policy_default,access_change,login_failure}');
        PERFORM pg_extension_config_dump(r.name, CASE r.relname
            WHEN 'topic_kind' THEN 'WHERE id > 5' ELSE '' END);
    END LOOP;
END
$$;

-- Now that all is made: what comes from here on is a change of it.
CREATE EVENT TRIGGER onefin_ddl_end ON ddl_command_end EXECUTE FUNCTION onefin.ddl_end();
COMMENT ON EVENT TRIGGER onefin_ddl_end IS 'Journals what is made, altered, granted or commented in onefin''s schemas';
CREATE EVENT TRIGGER onefin_ddl_drop ON sql_drop EXECUTE FUNCTION onefin.ddl_drop();
COMMENT ON EVENT TRIGGER onefin_ddl_drop IS 'Journals what is dropped of onefin''s schemas';

SELECT onefin.wake_sealer();
