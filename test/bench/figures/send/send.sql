\set org CASE WHEN :client_id < 16 THEN :client_id + 1 ELSE 17 + (:client_id - 16) * 10 + random(0, 9) END
\set topic 5 * (:org - 1) + random(1, 5)
SELECT onefin.call('t' || :client_id, 'send', ('{"topic": ' || :topic
    || ', "text": "Assalomu alaykum, bugungi bank oplata bo''yicha hujjat yubordim, tekshirib bering.", "client_key": "'
    || gen_random_uuid() || '"}')::jsonb, '10.0.0.1');
