// The real chat, played by its 209 people through the gateway while each of them watches on a
// device of their own: once in peace, once with the gateway killed ten times in the middle.
//
// Assignments stand before the first line, so that what each must see is known beforehand: a client
// its own company's lines, a staff member those of the companies it ever writes to. At the end an
// admin says something in every company: as events come in one order, who has got that mark has got
// all that came before it.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { World } from '../lib/firm.mjs';
import { startImport } from '../lib/importer.mjs';
import { chat, chatFile, missing } from '../lib/real.mjs';
import { until } from '../lib/scratch.mjs';

const lines = missing ? [] : chat();
const unique = list => [...new Set(list)];
const clients = unique(lines.map(line => line.client));
const staff = unique(lines.filter(line => line.role === 'staff').map(line => line.from));
const staffOf = client => unique(lines.filter(line => line.client === client && line.role === 'staff').map(line => line.from));
const linesOf = client => lines.filter(line => line.client === client).map(line => [line.from, line.text]);

/** Runs work(item) for all, a few at a time. */
async function each(items, work, width = 8) {
    const rest = [...items];
    await Promise.all(Array.from({ length: width }, async () => {
        while (rest.length)
            await work(rest.shift());
    }));
}

async function foundFirm(world) {
    const { firm } = world;
    const department = await firm.department('Support');
    await each(clients, client => firm.org(client, department));
    await each(clients, client => firm.account(client, 'client', { org: firm.orgs[client].id }));
    await each(staff, login => firm.account(login, 'accountant', { department: department.id }));
    await each(clients, async client => {
        for (const login of staffOf(client))
            await firm.assign(firm.accounts[login], firm.orgs[client]);
    });
}

/** Kills the gateway at even steps of the play. */
async function killInTheMiddle(world, kills, ended) {
    for (let kill = 1; kill <= kills; kill++) {
        const step = Math.floor(lines.length * kill / (kills + 2));
        await until(async () => ended() || await world.cluster.value('SELECT count(*) FROM onefin.message') >= step,
            `line ${step}`, 300);
        assert.ok(!ended(), `the play is over before kill ${kill}`);
        await world.gateway.kill();
        await world.gateway.run();
    }
}

async function markTheEnd(world, people) {
    const marks = {};
    await each(clients, async client => {
        const { message } = await world.admin.call('send',
            { topic: world.firm.orgs[client].topics.waybill, text: 'the end', client_key: randomUUID() });
        marks[client] = message.id;
    });
    const has = (login, client) => people[login].events.some(event => event.message?.id === marks[client]);
    await until(() => clients.every(client => [client, ...staffOf(client)].every(login => has(login, client))),
        'everybody to be told of the end', 300);
}

async function checkDatabase(world) {
    const rows = await world.cluster.query(`SELECT o.name AS client, m.author_name, m.text
        FROM onefin.message m JOIN onefin.org o ON o.id = m.org_id JOIN onefin.topic t ON t.id = m.topic_id
        JOIN onefin.topic_kind k ON k.id = t.kind_id WHERE k.code = 'bank_payment' ORDER BY m.id`);
    assert.equal(rows.length, lines.length);
    for (const client of clients)
        assert.deepEqual(rows.filter(row => row.client === client).map(row => [row.author_name, row.text]), linesOf(client));
}

function checkEvents(world, people) {
    const nameOf = new Map(clients.map(client => [world.firm.orgs[client].id, client]));
    const seenBy = Object.fromEntries(clients.map(client => [client, [client, ...staffOf(client)]]));
    for (const [login, member] of Object.entries(people)) {
        const got = new Map();
        for (const event of member.events) {
            if (event.org === null) {
                assert.match(event.kind, /^session\./, `${login} is told of its own sessions besides`);
                assert.equal(event.account, member.account.id);
                continue;
            }
            const client = nameOf.get(event.org);
            assert.ok(seenBy[client].includes(login), `${login} was told of ${event.kind} at ${client}`);
            if (event.kind !== 'message.sent')
                continue;
            assert.equal(event.message.org, event.org);
            if (event.message.author_name !== 'Ada')
                got.set(client, [...got.get(client) ?? [], [event.message.author_name, event.message.text]]);
        }
        for (const client of clients)
            if (seenBy[client].includes(login))
                assert.deepEqual(got.get(client), linesOf(client), `${login} at ${client}`);
    }
}

async function checkJournal(world) {
    await world.cluster.sealed();
    const [{ sealed, distinct, journal }] = await world.cluster.query(`SELECT
        (SELECT sum(cardinality(entries))::bigint FROM onefin.seal) AS sealed,
        (SELECT count(DISTINCT id) FROM onefin.seal, unnest(entries) id) AS distinct,
        (SELECT count(*) FROM onefin.journal) AS journal`);
    assert.equal(sealed, journal);
    assert.equal(distinct, journal);
    const verified = await world.admin.call('journal_verify');
    assert.equal(verified.ok, true, JSON.stringify(verified));
    assert.equal(verified.entries, journal);
}

for (const kills of [0, 10])
    test(kills ? `the gateway killed ${kills} times in the middle` : 'in peace', { skip: missing }, async () => {
        const world = await World.start({ empty: true });
        try {
            await foundFirm(world);
            const people = {};
            await each([...clients, ...staff], async login => { people[login] = await world.enter(login); });
            assert.equal(Object.keys(people).length, 209);

            let over = false;
            const importing = startImport(world.gateway, chatFile, ['--json'])
                .then(result => { over = true; return result; });
            await killInTheMiddle(world, kills, () => over);
            const { status, stdout, stderr } = await importing;
            assert.equal(status, 0, stdout + stderr);
            const { sent, already_there: repeated, ...rest } = JSON.parse(stdout);
            assert.equal(sent + repeated, lines.length);
            if (!kills)
                assert.equal(repeated, 0);
            assert.deepEqual(rest, { lines: lines.length, refused: 0, not_sent: 0, refusals: [],
                made: { departments: 0, orgs: 0, accounts: 0 }, assignments: clients.flatMap(staffOf).length });

            await markTheEnd(world, people);
            await checkDatabase(world);
            checkEvents(world, people);
            await checkJournal(world);
            for (const member of Object.values(people))
                assert.ok(kills ? member.resumes > 0 : member.resumes === 0, `${member.login} resumed ${member.resumes} times`);
        } finally {
            await world.end();
        }
    });
