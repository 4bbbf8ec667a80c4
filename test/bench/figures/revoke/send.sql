\set org random(0, 9)
\set writer 20 * :each + :org
\set topic 5 * :org + random(1, 5)
SELECT onefin.call('t' || :writer, 'send', ('{"topic": ' || :topic
    || ', "text": "Assalomu alaykum, bugungi bank oplata bo''yicha hujjat yubordim, tekshirib bering.", "client_key": "'
    || gen_random_uuid() || '"}')::jsonb, '10.0.0.1');
