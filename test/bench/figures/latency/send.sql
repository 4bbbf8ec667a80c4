\set client random(0, :clients - 1)
\set topic 5 * (:client / :each) + random(1, 5)
SELECT onefin.call('t' || :client, 'send', ('{"topic": ' || :topic
    || ', "text": "Assalomu alaykum, bugungi bank oplata bo''yicha hujjat yubordim, tekshirib bering.", "client_key": "'
    || gen_random_uuid() || '"}')::jsonb, '10.0.0.1');
