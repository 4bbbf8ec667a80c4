-- The demo firm, made as a real one is: its owner by create_admin, everything else by calls of the
-- people concerned. psql variables: password (one for all). Run once in an empty database by a superuser.
\set ON_ERROR_STOP on
\set QUIET on
\o /dev/null
SET client_min_messages = warning;

CREATE EXTENSION onefin;
SELECT onefin.create_admin('egasi', :'password', 'Bahodir Aliyev');

-- From here on as the gateway: no table can be read, only calls can be made.
ALTER ROLE onefin_gateway LOGIN;
GRANT TEMPORARY ON DATABASE :DBNAME TO onefin_gateway;
\connect - onefin_gateway
\set QUIET on
\o /dev/null

CREATE TEMP TABLE person (login text PRIMARY KEY, id bigint, token text);
CREATE TEMP TABLE topic (client text, kind text, id bigint, PRIMARY KEY (client, kind));

CREATE FUNCTION pg_temp.login(login text, password text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE answer jsonb := onefin.login(login, password, 'demo');
BEGIN
    IF answer ? 'error' THEN RAISE EXCEPTION 'login %: %', login, answer -> 'error'; END IF;
    INSERT INTO person VALUES (login, (answer #>> '{result,account,id}')::bigint, answer #>> '{result,token}');
END $$;

CREATE FUNCTION pg_temp.call(login text, method text, params jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE answer jsonb := onefin.call((SELECT token FROM person p WHERE p.login = call.login), method, params);
BEGIN
    IF answer ? 'error' THEN RAISE EXCEPTION '%: % %: %', login, method, params, answer -> 'error'; END IF;
    RETURN answer -> 'result';
END $$;

-- A member of staff, in a department; or a client company with its one person.
CREATE FUNCTION pg_temp.staff(login text, password text, name text, role text, department bigint, language text DEFAULT 'uz')
RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.call('egasi', 'accounts', jsonb_build_object('login', login, 'password', password, 'name', name,
        'role', role, 'department', department, 'language', language));
    SELECT pg_temp.login(login, password);
$$;

CREATE FUNCTION pg_temp.client(login text, password text, name text, company text, department bigint, accountant text,
    language text DEFAULT 'uz') RETURNS void LANGUAGE plpgsql AS $$
DECLARE org jsonb := pg_temp.call('egasi', 'orgs', jsonb_build_object('name', company, 'department', department)) -> 'org';
BEGIN
    PERFORM pg_temp.call('egasi', 'accounts', jsonb_build_object('login', login, 'password', password, 'name', name,
        'role', 'client', 'org', org -> 'id', 'language', language));
    PERFORM pg_temp.call('egasi', 'assign', jsonb_build_object('org', org -> 'id',
        'account', (SELECT id FROM person p WHERE p.login = accountant)));
    PERFORM pg_temp.login(login, password);
    INSERT INTO topic SELECT login, t ->> 'kind', (t ->> 'id')::bigint FROM jsonb_array_elements(org -> 'topics') t;
END $$;

CREATE FUNCTION pg_temp.topic(client text, kind text) RETURNS bigint LANGUAGE sql
RETURN (SELECT id FROM topic t WHERE t.client = topic.client AND t.kind = topic.kind);

-- Said now, with the message's id as the answer.
CREATE FUNCTION pg_temp.say(client text, kind text, login text, text text, visibility text DEFAULT 'all')
RETURNS bigint LANGUAGE sql AS $$
    SELECT (pg_temp.call(login, 'send', jsonb_build_object('topic', pg_temp.topic(client, kind), 'text', text,
        'client_key', gen_random_uuid(), 'visibility', visibility)) #>> '{message,id}')::bigint;
$$;

-- Said days ago in Telegram, brought over by the owner: the journal says so.
CREATE FUNCTION pg_temp.said(client text, kind text, login text, days_ago integer, clock time, text text)
RETURNS void LANGUAGE sql AS $$
    SELECT pg_temp.call('egasi', 'import', jsonb_build_object('topic', pg_temp.topic(client, kind), 'text', text,
        'author', (SELECT id FROM person p WHERE p.login = said.login), 'client_key', gen_random_uuid(),
        'at', ((now() AT TIME ZONE 'Asia/Tashkent')::date - days_ago + clock) AT TIME ZONE 'Asia/Tashkent'));
$$;

-- The firm

SELECT pg_temp.login('egasi', :'password');
SELECT pg_temp.call('egasi', 'departments', '{"name": "Toshkent bo‘limi"}') #>> '{department,id}' AS tashkent \gset
SELECT pg_temp.call('egasi', 'departments', '{"name": "Viloyatlar bo‘limi"}') #>> '{department,id}' AS regions \gset
SELECT pg_temp.staff('nodira', :'password', 'Nodira Karimova', 'supervisor', :tashkent);
SELECT pg_temp.staff('rustam', :'password', 'Rustam Yo‘ldoshev', 'supervisor', :regions);
SELECT pg_temp.staff('malika', :'password', 'Malika Tosheva', 'accountant', :tashkent);
SELECT pg_temp.staff('jasur', :'password', 'Jasur Qodirov', 'accountant', :tashkent);
SELECT pg_temp.staff('svetlana', :'password', 'Светлана Ким', 'accountant', :regions, 'ru');
SELECT pg_temp.client('akmal', :'password', 'Akmal Ergashev', '«Baraka Savdo» MChJ', :tashkent, 'malika');
SELECT pg_temp.client('gulnora', :'password', 'Gulnora Saidova', '«Oq Oltin Tekstil» MChJ', :tashkent, 'jasur');
SELECT pg_temp.client('otabek', :'password', 'Otabek Rahimov', '«Sharq Qurilish» MChJ', :regions, 'svetlana');
SELECT pg_temp.client('sergey', :'password', 'Сергей Пак', 'ООО «Восток Логистик»', :regions, 'svetlana', 'ru');

-- Office hours, how long a client may wait in them, and what is paid for

SELECT pg_temp.call('egasi', 'calendars', jsonb_build_object('name', 'Ofis', 'time_zone', 'Asia/Tashkent', 'hours', (
    SELECT jsonb_agg(jsonb_build_object('weekday', d, 'from', h[1], 'until', h[2]))
    FROM generate_series(1, 5) d, (VALUES ('{09:00,13:00}'::text[]), ('{14:00,18:00}')) v (h)))) #>> '{calendar,id}' AS office \gset
SELECT pg_temp.call('egasi', 'load_holidays', jsonb_build_object('calendar', :office));
SELECT pg_temp.call('egasi', 'calendar_uses', jsonb_build_object('calendar', :office, 'set', true));
SELECT pg_temp.call('egasi', 'policies', jsonb_build_object('set', true, 'from', now() - interval '30 days',
    'first', 3600, 'next', 7200, 'resolution', 172800));
SELECT pg_temp.call('egasi', 'policies', jsonb_build_object('set', true, 'from', now() - interval '30 days',
    'kind', 'bank_payment', 'first', 1800, 'next', 1800));
SELECT pg_temp.call('egasi', 'bonus_rules', jsonb_build_object('from', date_trunc('month', now() AT TIME ZONE 'Asia/Tashkent')::date,
    'rules', '{"document_rates": {"bank_payment": 4000, "contract": 15000, "invoice": 5000, "power_of_attorney": 3000, "waybill": 3000},
        "rating_rate": 10000, "sla_tiers": [{"share": 0.9, "amount": 300000}, {"share": 0.97, "amount": 500000}], "cap": 3000000}'::jsonb));

-- What was said before today

SELECT pg_temp.said('akmal', 'contract', 'akmal', 6, '09:12', 'Assalomu alaykum, Malika opa! «Grand Trade» bilan yangi shartnoma tuzmoqchimiz. Namunasi bormi?');
SELECT pg_temp.said('akmal', 'contract', 'malika', 6, '09:20', 'Va alaykum assalom, Akmal aka. Bor, oldi-sotdi shartnomasi. Muddati va umumiy summasini ayting, to‘ldirib beraman.');
SELECT pg_temp.said('akmal', 'contract', 'akmal', 6, '09:31', 'Yil oxirigacha, 300 million so‘mgacha. To‘lov 30 % oldindan, qolgani mol olingandan keyin 10 kunda.');
SELECT pg_temp.said('akmal', 'contract', 'malika', 6, '11:05', 'Shartnoma tayyor: 17-son. Ikkala tomon rekvizitlarini solishtirdim, ularning STIRi to‘g‘ri. Imzolasangiz bo‘ladi.');
SELECT pg_temp.said('akmal', 'contract', 'akmal', 5, '10:02', 'Imzoladik, ular ham imzolashdi. Rahmat!');

SELECT pg_temp.said('gulnora', 'waybill', 'gulnora', 3, '14:40', 'Jasur, ertaga Namanganga 2 tonna kalava ip jo‘natamiz. TTN ochib bera olasizmi?');
SELECT pg_temp.said('gulnora', 'waybill', 'jasur', 3, '14:46', 'Albatta. Mashina raqami va haydovchining ismini yuboring, opa.');
SELECT pg_temp.said('gulnora', 'waybill', 'gulnora', 3, '14:52', 'Isuzu, 01 A 482 BC. Haydovchi Ulug‘bek Hamidov. Yuk Ohangarondan ertalab 7 da chiqadi.');
SELECT pg_temp.said('gulnora', 'waybill', 'jasur', 3, '15:15', 'TTN 000386 tayyor, elektron imzo bilan yuborildi. Haydovchi QR-kodni telefonida ko‘rsatsa yetadi.');
SELECT pg_temp.said('gulnora', 'waybill', 'gulnora', 2, '12:30', 'Yuk yetib bordi, qabul qilishdi. Rahmat!');

SELECT pg_temp.said('sergey', 'invoice', 'sergey', 2, '16:05', 'Светлана, добрый день. Клиент просит переделать счёт-фактуру за октябрь: не тот номер договора.');
SELECT pg_temp.said('sergey', 'invoice', 'svetlana', 2, '16:18', 'Здравствуйте, Сергей. Исправленную оформлю сегодня: старую аннулируем, покупатель должен подтвердить. Пришлите правильный номер и дату.');
SELECT pg_temp.said('sergey', 'invoice', 'sergey', 2, '16:21', 'Договор № 44/2026 от 3 сентября.');
SELECT pg_temp.said('sergey', 'invoice', 'svetlana', 2, '17:02', 'Готово, исправленная счёт-фактура № 218 отправлена. Ждём подтверждения покупателя.');

-- Today. An answer is corrected after it was sent; a passport number is taken back.

SELECT pg_temp.say('akmal', 'bank_payment', 'akmal', 'Malika opa, «Grand Trade» MChJga 48 600 000 so‘m o‘tkazish kerak, 17-sonli shartnoma bo‘yicha. Bugun ulgurasizmi?');
SELECT pg_temp.say('akmal', 'bank_payment', 'malika', 'Ulguraman. To‘lov maqsadini «qurilish mollari uchun, 17-sonli shartnoma, QQS bilan» deb yozaymi?');
SELECT pg_temp.say('akmal', 'bank_payment', 'akmal', 'Ha, xuddi shunday.');
SELECT pg_temp.say('akmal', 'bank_payment', 'malika', 'To‘lov ketdi: 46 800 000 so‘m. Bank qabul qildi.') AS paid \gset
SELECT pg_temp.call('malika', 'edit', jsonb_build_object('message', :paid, 'version', 1,
    'text', 'To‘lov ketdi: 48 600 000 so‘m, shundan QQS 12 % – 5 207 142,86 so‘m. Bank qabul qildi.'));
SELECT pg_temp.say('akmal', 'bank_payment', 'malika', 'Kelishildi: oy oxirigacha har juma bank ko‘chirmasini o‘zimiz yuboramiz.', 'staff');
SELECT pg_temp.say('akmal', 'bank_payment', 'akmal', 'Rahmat! Bank ko‘chirmasini ham tashlab yuboring, iltimos.') AS seen \gset
SELECT pg_temp.call('malika', 'read', jsonb_build_object('topic', pg_temp.topic('akmal', 'bank_payment'), 'message', :seen));

SELECT pg_temp.say('akmal', 'invoice', 'akmal', '«Yulduz Market»ga shot-faktura kerak: 120 dona, 85 000 so‘mdan, QQS 12 %.');
SELECT pg_temp.say('akmal', 'invoice', 'malika', 'Tayyor: 10 200 000 + QQS 1 224 000 = 11 424 000 so‘m. ERI kalitingiz bilan imzolashingiz qoldi.');
SELECT pg_temp.say('akmal', 'invoice', 'akmal', 'Imzoladim. Ular tasdiqlashdimi?');

SELECT pg_temp.say('akmal', 'power_of_attorney', 'akmal', 'Haydovchimiz Sherzod Nazarovga ishonchnoma kerak: «Angren Sement»dan 20 tonna M400 sement oladi.');
SELECT pg_temp.say('akmal', 'power_of_attorney', 'malika', 'Pasport ma’lumotlarini yuboring. Ishonchnoma 10 kunga beriladi.');
SELECT pg_temp.say('akmal', 'power_of_attorney', 'akmal', 'AA 0000000, 2019-yil 14-mayda Chilonzor IIB bergan.') AS passport \gset
SELECT pg_temp.say('akmal', 'power_of_attorney', 'malika', 'Oldim. Ishonchnoma 112-son, 10 kunga. Elektron imzo bilan yuborildi.');
SELECT pg_temp.call('akmal', 'delete', jsonb_build_object('message', :passport, 'version', 1));
SELECT pg_temp.call('malika', 'close', jsonb_build_object('topic', pg_temp.topic('akmal', 'power_of_attorney'))) ->> 'ticket' AS done \gset
SELECT pg_temp.call('akmal', 'rate', jsonb_build_object('ticket', :done, 'score', 5, 'comment', 'Tez va aniq, rahmat!'));

SELECT pg_temp.say('gulnora', 'bank_payment', 'gulnora', 'Jasur, noyabr oyligi uchun to‘lov qachon ketadi? Xodimlar so‘rayapti.');
SELECT pg_temp.say('gulnora', 'bank_payment', 'jasur', 'Opa, vedomost tayyor: 34 kishi, jami 187 450 000 so‘m, shundan daromad solig‘i 12 %. Tasdiqlasangiz, bugun bankka beraman.');
SELECT pg_temp.say('gulnora', 'bank_payment', 'gulnora', 'Bitta xodim ishdan ketgan, Dilnoza Umarova. Uni chiqarib, qayta hisoblang.');
SELECT pg_temp.say('gulnora', 'contract', 'gulnora', 'Ijara shartnomamiz 31-dekabrda tugaydi. Uzaytirish uchun nima kerak?');

-- Closed, and still to be rated.
SELECT pg_temp.call('jasur', 'close', jsonb_build_object('topic', pg_temp.topic('gulnora', 'waybill')));

SELECT pg_temp.say('otabek', 'contract', 'otabek', 'Assalomu alaykum. Farg‘onadagi maktab ta’miri bo‘yicha tenderni yutdik! Shartnomani ko‘rib bering.');
SELECT pg_temp.say('otabek', 'contract', 'svetlana', 'Va alaykum assalom, tabriklayman! Faylni shu yerga tashlang. Avans va kafolat bandlarini alohida tekshiraman.');
SELECT pg_temp.say('otabek', 'waybill', 'otabek', 'Armatura olib kelayotgan mashinaning TTNi xato ochilibdi: 12 tonna o‘rniga 21 tonna yozilgan.');

SELECT pg_temp.say('sergey', 'invoice', 'sergey', 'Покупатель подтвердил. Спасибо!');
SELECT pg_temp.say('sergey', 'bank_payment', 'sergey', 'Светлана, нужно оплатить таможенный сбор: 3 750 000 сум, счёт прикреплю после обеда.');
SELECT pg_temp.say('sergey', 'bank_payment', 'svetlana', 'Хорошо, жду счёт. Платёж уйдёт сегодня до 16:00.');
SELECT pg_temp.call('svetlana', 'await_client', jsonb_build_object('topic', pg_temp.topic('sergey', 'bank_payment')));
