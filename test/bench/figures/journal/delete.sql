\set back random(0, 50)
SELECT onefin.call('t' || :client_id, 'delete', jsonb_build_object('message', id, 'version', version), '10.0.0.1')
FROM (SELECT id, version FROM onefin.message WHERE author_id = :client_id + 1 AND deleted_at IS NULL
    ORDER BY id DESC OFFSET :back LIMIT 1) mine;
