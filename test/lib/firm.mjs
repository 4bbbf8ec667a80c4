// A firm for tests: cluster, gateway, and people made by an admin's calls.
//
//   const world = await World.start();          // after(() => world.end())
//   const ann = await world.enter('ann');       // a Member, logged in
//
// The cast (all of one password, `password` below):
//   departments  North: companies Anor, Bahor       South: company Chinor
//   admin        ada
//   supervisors  nora (North), sue (South)
//   accountants  ann (North, assigned to Anor), ben (North, assigned to nothing)
//   clients      kim (Anor), lee (Bahor), moe (Chinor)

import { readdirSync } from 'node:fs';
import { Cluster } from './cluster.mjs';
import { Connection, Member } from './client.mjs';
import { Gateway } from './gateway.mjs';
import { S3 } from './s3.mjs';

export const password = 'a password of tests';

// Its argon2id hash, with the least cost there is: hundreds of logins are no test of argon2. The real
// cost is paid where a test makes an account with a password.
const passwordHash = '$argon2id$v=19$m=8,t=1,p=1$aWvIg/W2OdkLceaLdBP2eQ$PYTRbajGJgqLsN7XQU1GNa/9rjFLkmU1SrnbYoD/+u8';

const setPassword = (cluster, login) =>
    cluster.query('UPDATE onefin.account SET password_hash = $1 WHERE login = $2', [passwordHash, login]);

/** Makes what a firm is made of, as its admin. */
export class Firm {
    orgs = {};
    accounts = {};
    departments = {};

    constructor(admin, cluster) {
        Object.assign(this, { admin, cluster });
    }

    async department(name) {
        const { department } = await this.admin.call('departments', { name });
        return this.departments[name] = department;
    }

    /** {id, name, topics: {bank_payment: id, ...}} */
    async org(name, department) {
        const { org } = await this.admin.call('orgs', { name, department: department.id });
        return this.orgs[name] = { ...org, topics: Object.fromEntries(org.topics.map(topic => [topic.kind, topic.id])) };
    }

    /** `place` is {org: id} of a client's person, {department: id} of staff. */
    async account(login, role, place) {
        const { account } = await this.admin.call('accounts', { login, name: login, role, ...place });
        await setPassword(this.cluster, login);
        return this.accounts[login] = account;
    }

    async assign(account, org, ended = false) {
        await this.admin.call('assign', { org: org.id, account: account.id, ended });
    }

    async cast() {
        const north = await this.department('North');
        const south = await this.department('South');
        const anor = await this.org('Anor', north);
        const bahor = await this.org('Bahor', north);
        const chinor = await this.org('Chinor', south);
        await this.account('nora', 'supervisor', { department: north.id });
        await this.account('sue', 'supervisor', { department: south.id });
        await this.account('ann', 'accountant', { department: north.id });
        await this.account('ben', 'accountant', { department: north.id });
        await this.account('kim', 'client', { org: anor.id });
        await this.account('lee', 'client', { org: bahor.id });
        await this.account('moe', 'client', { org: chinor.id });
        await this.assign(this.accounts.ann, anor);
    }
}

export class World {
    #members = [];

    /** `settings` are the gateway's, `pg` the cluster's; an empty firm has its admin only; store: 's3' for
     * one of its own, world.s3. */
    static async start({ settings = {}, pg = [], empty = false, store = 'dir' } = {}) {
        const world = new World();
        if (store === 's3') {
            world.s3 = await S3.start();
            settings = { ...world.s3.settings, ...settings };
        }
        world.cluster = await Cluster.start(...pg);
        await world.cluster.query('SELECT onefin.create_admin($1, $2, $3)', ['ada', password, 'Ada']);
        await setPassword(world.cluster, 'ada');
        world.gateway = await Gateway.start(world.cluster, settings, world.s3?.credentials);
        world.admin = await world.enter('ada');
        world.firm = new Firm(world.admin, world.cluster);
        if (!empty)
            await world.firm.cast();
        return world;
    }

    /** A person who stays, over losses. */
    async enter(login) {
        const member = new Member(this.gateway.url, login, password);
        this.#members.push(member);
        return member.enter();
    }

    /** What is in the store: the names of its objects, and of what is not whole. */
    async stored() {
        if (this.s3)
            return [...await this.s3.objects(), ...await this.s3.uploads()];
        return readdirSync(this.gateway.store, { recursive: true, withFileTypes: true })
            .filter(entry => entry.isFile()).map(entry => entry.name);
    }

    /** One connection, logged in; it ends when it ends. */
    async connect(login, device) {
        const connection = await Connection.open(this.gateway.url);
        Object.assign(connection, await connection.call('login', { login, password, device }));
        return connection;
    }

    /** One connection on a session that there is; `reply` is what resume answered. */
    async resume(token, after, index) {
        const connection = await Connection.open(this.gateway.url);
        const reply = await connection.call('resume', { token, after, index });
        return { connection, reply };
    }

    /** Throws what any member found wrong. */
    async end() {
        const left = await Promise.allSettled(this.#members.map(member => member.leave()));
        await this.gateway.stop(); // so that a sanitizer looks for leaks
        this.gateway.remove();
        this.s3?.remove();
        this.cluster.remove();
        for (const { reason } of left)
            if (reason)
                throw reason;
    }
}
