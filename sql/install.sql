-- What CREATE EXTENSION makes: explained, closed to the public, under row-level security.
\getenv here PG_ABS_SRCDIR
\set firm :here '/sql/lib/firm.sql'
\i :firm

-- Objects without a comment: none. (A column needs one only where its name does not say all.)
SELECT pg_describe_object(classid, objid, 0)
FROM (SELECT 'pg_class'::regclass AS classid, oid AS objid FROM pg_class
      WHERE relnamespace IN ('onefin'::regnamespace, 'onefin_api'::regnamespace) AND relkind IN ('r', 'v')
      UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
      WHERE pronamespace IN ('onefin'::regnamespace, 'onefin_api'::regnamespace)
      UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname LIKE 'onefin%') made
WHERE obj_description(objid, classid::text) IS NULL
ORDER BY 1;

-- Methods whose parameters cannot all be given by name: none.
SELECT oid::regprocedure FROM pg_proc
WHERE pronamespace = 'onefin_api'::regnamespace
    AND (cardinality(coalesce(proargnames, '{}')) < pronargs OR '' = ANY (proargnames)) ORDER BY 1;

-- Methods of the same name: none, onefin.call could not tell them apart.
SELECT proname FROM pg_proc WHERE pronamespace = 'onefin_api'::regnamespace GROUP BY 1 HAVING count(*) > 1;

-- Functions, tables, sequences that the public may use: none.
SELECT oid::regprocedure FROM pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner))) a
WHERE pronamespace IN ('onefin'::regnamespace, 'onefin_api'::regnamespace) AND a.grantee = 0 ORDER BY 1;
SELECT oid::regclass FROM pg_class, aclexplode(relacl) a
    WHERE relnamespace = 'onefin'::regnamespace AND a.grantee = 0;

-- What the gateway's role may do: these calls, and nothing with a table.
SELECT oid::regprocedure FROM pg_proc
WHERE pronamespace IN ('onefin'::regnamespace, 'onefin_api'::regnamespace)
    AND has_function_privilege('onefin_gateway', oid, 'EXECUTE') ORDER BY oid::regprocedure::text;
SELECT oid::regclass FROM pg_class WHERE relnamespace = 'onefin'::regnamespace AND (
    has_table_privilege('onefin_gateway', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
    OR has_any_column_privilege('onefin_gateway', oid, 'SELECT, INSERT, UPDATE')) ORDER BY 1;

-- Tables without forced row-level security: none. Functions with their definer's rights: none.
SELECT oid::regclass FROM pg_class
WHERE relnamespace = 'onefin'::regnamespace AND relkind IN ('r', 'p')
    AND NOT (relrowsecurity AND relforcerowsecurity);
SELECT oid::regprocedure FROM pg_proc
WHERE pronamespace IN ('onefin'::regnamespace, 'onefin_api'::regnamespace) AND prosecdef;

-- Views that do not ask for the rights of who reads them: none.
SELECT oid::regclass FROM pg_class
WHERE relnamespace = 'onefin'::regnamespace AND relkind = 'v'
    AND NOT coalesce('security_invoker=true' = ANY (reloptions)
        OR 'security_invoker=on' = ANY (reloptions), false);

-- plpgsql that trusts the caller's search_path: none. (SQL bodies are bound when they are made.)
SELECT oid::regprocedure FROM pg_proc p
WHERE pronamespace IN ('onefin'::regnamespace, 'onefin_api'::regnamespace)
    AND (SELECT lanname FROM pg_language l WHERE l.oid = prolang) = 'plpgsql'
    AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (proconfig), false);
SELECT oid::regprocedure FROM pg_proc p
WHERE pronamespace IN ('onefin'::regnamespace, 'onefin_api'::regnamespace)
    AND (SELECT lanname FROM pg_language l WHERE l.oid = prolang) = 'sql' AND prosqlbody IS NULL;

-- One policy a role and command at most, so that plans stay simple.
SELECT polrelid::regclass, r::regrole, polcmd FROM pg_policy, unnest(polroles) r GROUP BY 1, 2,
    3 HAVING count(*) > 1;

-- Nobody of ours may log in; nothing is theirs to grant on.
SELECT rolname, rolcanlogin, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'onefin\_%' ORDER BY 1;

-- The gateway's parameters are tokens and passwords: they do not reach the log.
SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = 'onefin_gateway'::regrole
    AND setdatabase = 0 ORDER BY 1;

CALL t.leave();
