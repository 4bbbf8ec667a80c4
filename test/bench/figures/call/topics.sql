SELECT onefin.call('t' || :client_id, 'topics', '{}', '10.0.0.1');
