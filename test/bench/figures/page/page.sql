\set topic random(1, 5 * :companies)
SELECT id, author_id, author_role, author_name, at, text, version, edited_at, deleted_at, visibility, imported,
    reply_to, client_key, document_ids
FROM onefin.message WHERE topic_id = :topic AND id < 9223372036854775807 ORDER BY id DESC LIMIT 50;
