-- Versions: compared, as they stood at a past instant, and taken out.

CREATE FUNCTION onefin.word_diff(before text, after text) RETURNS jsonb
    LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'onefin_word_diff';
COMMENT ON FUNCTION onefin.word_diff(text, text) IS
    'What changed, word by word: [{op: keep, remove or add, text}]; keep and remove make up before, keep and add after';

CREATE FUNCTION onefin.history_at(topic bigint, before bigint, "limit" integer, as_of timestamptz) RETURNS jsonb
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_history_at';
COMMENT ON FUNCTION onefin.history_at(bigint, bigint, integer, timestamptz) IS
    'A topic as it stood at a past instant, journaled: what onefin_api.history answers when as_of is given';

CREATE FUNCTION onefin.files_to_erase("limit" integer, after bigint DEFAULT 0) RETURNS TABLE (document bigint, key text)
    LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'onefin_files_to_erase';
COMMENT ON FUNCTION onefin.files_to_erase(integer, bigint) IS
    'Erased documents after an id whose bytes a gateway has yet to remove from the store, by id';
CREATE FUNCTION onefin.file_erased(document bigint) RETURNS void
    LANGUAGE C AS 'MODULE_PATHNAME', 'onefin_file_erased';
COMMENT ON FUNCTION onefin.file_erased(bigint) IS
    'Records that the store has no bytes of an erased document any more, journaled; repeating is harmless';
