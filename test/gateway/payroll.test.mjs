// What a month pays as a file, by the gateway: each gets the lines that bonus shows, and what people
// are called runs nothing in a spreadsheet.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bearer } from '../lib/exporting.mjs';
import { cells } from '../lib/extract.mjs';
import { World } from '../lib/firm.mjs';

const month = '2025-03-01';
const header = 'month,state,account,name,department,line,kind,topic_kind,quantity,share,rate,amount,rule,reason';
let world, rule;

/** A client's document that an account processed in the month. */
const process = (login, org) => world.cluster.query(`WITH made AS (
        INSERT INTO onefin.document (id, org_id, topic_id, uploader_id, uploader_name, by_client, name, type, size, sha256, store_key, state)
        SELECT nextval('onefin.document_id_seq'), $2, $3, $4, 'x', true, 'x.pdf', 'application/pdf', 1, sha256('x'), gen_random_uuid(), 'ready'
        RETURNING id)
    INSERT INTO onefin.document_mark (document_id, org_id, at, account_id, account_name, mark)
    SELECT id, $2, '2025-03-05T10:00:00+05:00', $1, 'x', 'processed' FROM made`,
[world.firm.accounts[login].id, org.id, org.topics.contract, world.firm.accounts.kim.id]);

const fetchPayroll = (token, query = `month=${month}`) =>
    fetch(`${world.gateway.http}/export/payroll.csv?${query}`, { headers: bearer(token) });

async function payroll(login, query) {
    const { token } = login === 'ada' ? world.admin : await world.connect(login);
    const answer = await fetchPayroll(token, query);
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    const lines = text.split('\r\n');
    assert.equal(lines.shift(), header);
    assert.equal(lines.pop(), '');
    return lines;
}

before(async () => {
    world = await World.start();
    const { orgs, accounts, departments } = world.firm;
    await world.admin.call('departments', { id: departments.North.id, name: '=1+1' });
    await world.admin.call('accounts', { id: accounts.ben.id, name: '@SUM("x",1)' });
    const rates = { document_rates: { contract: 5000 }, cap: '7500.00' };
    rule = (await world.admin.call('bonus_rules', { from: month, rules: rates })).rule.id;
    for (const [login, org] of [['ann', 'Anor'], ['ann', 'Anor'], ['ben', 'Bahor'], ['sue', 'Chinor']])
        await process(login, orgs[org]);
});
after(() => world.end());

test('each gets the lines that bonus shows; a closed month stays', async () => {
    const { accounts: { ann, ben, sue } } = world.firm;
    const of = state => ({
        ann: [`${month},${state},${ann.id},ann,'=1+1,1,document,contract,2,,5000.00,10000.00,${rule},`,
            `${month},${state},${ann.id},ann,'=1+1,2,cap,,1,,-2500.00,-2500.00,${rule},`],
        ben: [`${month},${state},${ben.id},"'@SUM(""x"",1)",'=1+1,1,document,contract,1,,5000.00,5000.00,${rule},`],
        sue: [`${month},${state},${sue.id},sue,South,1,document,contract,1,,5000.00,5000.00,${rule},`],
    });
    for (const state of ['ended', 'closed']) {
        const lines = of(state);
        if (state === 'closed')
            await world.admin.call('close_payroll', { month });
        assert.deepEqual((await payroll('ada')).sort(), Object.values(lines).flat().sort());
        assert.deepEqual((await payroll('nora')).sort(), [...lines.ann, ...lines.ben].sort());
        for (const login of ['sue', 'ann', 'ben'])
            assert.deepEqual(await payroll(login), lines[login]);
    }
    const { people } = await world.admin.call('bonus', { month });
    const shown = people.flatMap(person => person.lines.map(line => [String(person.account), String(line.line), line.amount]));
    const rows = (await payroll('ada')).map(line => cells(`${line}\r\n`)).map(row => [row[2], row[5], row[11]]);
    assert.deepEqual(rows.sort(), shown.sort());
});

test('a correction has its reason, quoted', async () => {
    const reason = '=HYPERLINK("x")\n, forgotten';
    await world.admin.call('correct_payroll', { month, account: world.firm.accounts.ann.id, amount: -0.5, reason });
    assert.equal((await payroll('ann', 'month=2025-04-01')).join('\r\n'),
        `2025-04-01,ended,${world.firm.accounts.ann.id},ann,'=1+1,1,correction,,1,,-0.50,-0.50,,"'=HYPERLINK(""x"")\n, forgotten"`);
});

test('the current month is the one without a parameter; the file has a name', async () => {
    const answer = await fetchPayroll(world.admin.token, '');
    assert.equal(await answer.text(), `${header}\r\n`);
    assert.equal(answer.headers.get('content-type'), 'text/csv; charset=utf-8; header=present');
    assert.match(answer.headers.get('content-disposition'), /^attachment; filename="onefin-payroll-\d{4}-\d\d-\d\d\.csv"$/);
    assert.equal(answer.headers.get('cache-control'), 'private, no-store');
});

test('who may not, and what makes no sense, is refused and not journaled; what is given is', async () => {
    const journaled = () => world.cluster.query(`SELECT actor_id, host(address) AS address, detail FROM onefin.journal
        WHERE kind = 'payroll.exported' ORDER BY id`);
    const before = (await journaled()).length;
    const { token } = await world.connect('kim');
    for (const [who, query, status] of [[token, '', 403], [null, '', 401], ['A'.repeat(43), '', 401],
        [world.admin.token, 'month=2025-03-02', 400], [world.admin.token, 'month=', 400], [world.admin.token, 'month', 400],
        [world.admin.token, `month=${month}&month=${month}`, 400], [world.admin.token, 'account=1', 400]]) {
        const answer = await fetchPayroll(who, query);
        const { error } = await answer.json();
        assert.equal(answer.status, status, `${query}: ${JSON.stringify(error)}`);
        assert.ok(error.data.hint.length > 5);
    }
    assert.equal((await journaled()).length, before);
    await payroll('ann');
    const { actor_id, ...entry } = (await journaled()).at(-1);
    assert.equal(Number(actor_id), Number(world.firm.accounts.ann.id));
    assert.deepEqual(entry, { address: '127.0.0.1', detail: { month, lines: 2 } });
});
