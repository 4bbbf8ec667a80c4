/** SQL that makes SCHEMA.upload(token, topic, name): records a file as a gateway does once the store has its bytes. */
export const uploading = schema => `
CREATE FUNCTION ${schema}.upload(token text, topic bigint, name text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    r jsonb := onefin.file_begin(token, topic, name);
BEGIN
    IF r ? 'error' THEN
        RETURN r;
    END IF;
    RETURN onefin.file_end(token, (r #>> '{result,document}')::bigint, r #>> '{result,key}', topic, name, 'application/pdf', 1, sha256(name::bytea));
END $$;`;
