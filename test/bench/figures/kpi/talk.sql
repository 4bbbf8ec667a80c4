\set topic 5 * (:client_id % 16) + random(1, 5)
SELECT onefin.call('t' || :client_id, 'send', ('{"topic": ' || :topic
    || ', "text": "Assalomu alaykum, bugungi bank oplata bo''yicha hujjat yubordim, tekshirib bering.", "client_key": "'
    || gen_random_uuid() || '"}')::jsonb, '10.0.0.1');
