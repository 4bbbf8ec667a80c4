SELECT onefin.call('t' || :client_id, 'read', jsonb_build_object('topic', topic_id, 'message', id), '10.0.0.1')
FROM (SELECT id, topic_id FROM onefin.message WHERE author_id = :client_id + 1 ORDER BY id DESC LIMIT 1) mine;
