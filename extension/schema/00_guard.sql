-- onefin 0.1, joined by the Makefile from extension/schema/*.sql in the order of their names.
\echo Use "CREATE EXTENSION onefin" to load this file. \quit

DO $$
BEGIN
    IF current_setting('server_encoding') <> 'UTF8' THEN
        RAISE feature_not_supported USING MESSAGE = 'onefin needs a database in UTF-8',
            HINT = 'Create the database with ENCODING ''UTF8'' TEMPLATE template0.';
    END IF;
END
$$;
