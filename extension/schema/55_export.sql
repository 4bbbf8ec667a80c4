-- The journal as lines that prove themselves: for admins with SQL, and page by page for the gateway.

CREATE FUNCTION onefin.journal_export(format text, "from" bigint DEFAULT 1, "to" bigint DEFAULT NULL,
                                      since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
                                      actor bigint DEFAULT NULL, org bigint DEFAULT NULL, kind text DEFAULT NULL)
    RETURNS SETOF text LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_journal_export';
COMMENT ON FUNCTION onefin.journal_export(text, bigint, bigint, timestamptz, timestamptz, bigint, bigint, text) IS
    'Lines of csv or jsonl: the seals from..to; entries since..until (until itself not), of an actor, a company, a kind (message.* for all that begin so); of the others the digests only. For admins; journaled';

CREATE FUNCTION onefin.export_begin(token text, params jsonb, address inet DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_export_begin';
COMMENT ON FUNCTION onefin.export_begin(text, jsonb, inet) IS
    'The gateway: the first page of an export for the admin of the token, with the parameters of journal_export(); journaled: {"result": {lines, next}}';
CREATE FUNCTION onefin.export_next(token text, next jsonb, address inet DEFAULT NULL) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_export_next';
COMMENT ON FUNCTION onefin.export_next(text, jsonb, inet) IS
    'The gateway: the page after the one that gave next, of the same session: {"result": {lines, next}}; next is null after the last';
