\set topic 5 * :client_id + random(1, 5)
SELECT onefin.call('t' || :client_id, 'history', ('{"topic": ' || :topic || '}')::jsonb, '10.0.0.1');
