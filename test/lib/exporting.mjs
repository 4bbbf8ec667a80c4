// A firm whose journal has all that is hard to export, and its exports by the gateway.

import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { World } from './firm.mjs';

/** Of users, applications, departments: what spreadsheets run, and what CSV must quote. */
export const names = ['=HYPERLINK("http://evil.example","click")', '+1+1', '-2', '@SUM(1)', '\'quoted', '\ttab',
    'line\nfeed, "quoted"', '＝wide', 'o\'zbek ҳисоб'];

/** A superuser of this name makes a department; an application of the same name does it. */
async function act(cluster, name, n) {
    await cluster.query(`CREATE ROLE "${name.replaceAll('"', '""')}" SUPERUSER LOGIN`);
    const client = await cluster.connect(name);
    await client.query("SELECT set_config('application_name', $1, false)", [name]);
    await client.query('INSERT INTO onefin.department (name) VALUES ($1)', [`${name} ${n}`]);
    await client.end();
}

export const bearer = token => token ? { Authorization: `Bearer ${token}` } : {};

export class ExportingFirm {
    #files = 0;

    static async start() {
        const firm = new ExportingFirm();
        const world = firm.world = await World.start();
        const [kim, ann] = firm.members = await Promise.all([world.enter('kim'), world.enter('ann')]);
        const topic = world.firm.orgs.Anor.topics.contract;
        const { message } = await kim.call('send', { topic, text: '=cmd|\' /C calc\'!A0', client_key: randomUUID() });
        await kim.call('edit', { message: message.id, version: 1, text: 'better' });
        await ann.call('send', { topic, text: 'note', visibility: 'staff', client_key: randomUUID() });
        await world.admin.call('orgs', { name: names[0], department: world.firm.departments.North.id });
        for (const [n, name] of names.entries())
            await act(world.cluster, name, n);
        /** The seal up to which the tests look. */
        firm.last = await world.cluster.sealed();
        /** The whole up to it, by format. */
        firm.texts = {
            csv: await firm.download('csv', { to: firm.last }),
            jsonl: await firm.download('jsonl', { to: firm.last }),
        };
        return firm;
    }

    url(format, params) {
        return `${this.world.gateway.http}/export/journal.${format}?${new URLSearchParams(params)}`;
    }

    /** As the admin, unless another token is given. */
    request(format, params = {}, token = this.world.admin.token) {
        return fetch(this.url(format, params), { headers: bearer(token) });
    }

    async download(format, params) {
        const answer = await this.request(format, params);
        const text = await answer.text();
        if (answer.status !== 200)
            throw new Error(`${answer.status}: ${text}`);
        return text;
    }

    /** The path of a new file of this content. */
    file(content) {
        const path = `${this.world.cluster.folder.path}/${++this.#files}`;
        writeFileSync(path, content);
        return path;
    }

    /** So many events follow that nobody could be given them again: those who are there leave before. */
    async leave() {
        await Promise.all([...this.members, this.world.admin].map(member => member.leave()));
    }
}
