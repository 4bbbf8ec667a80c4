// An S3 store for tests: OpenStack Swift, which checks signatures, hashes and sizes as AWS does.
//
//   const s3 = await S3.start();          // a server with an empty bucket
//   Gateway.start(cluster, s3.settings, s3.credentials)
//
// What the tests themselves ask of it is signed by curl: what is in there is not said by our own signer.

import { execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { freePort } from './gateway.mjs';
import { atExit, scratchFolder } from './scratch.mjs';

const swift = fileURLToPath(new URL('one-swift.py', import.meta.url));
const run = promisify(execFile);
const hash = text => createHash('sha256').update(text).digest('hex');

export class S3 {
    bucket = 'files';
    key = randomBytes(10).toString('hex');
    secret = randomBytes(20).toString('hex');

    static async start({ bucket = true } = {}) {
        const s3 = new S3();
        const folder = scratchFolder();
        s3.folder = folder.path;
        s3.port = await freePort();
        s3.endpoint = `http://127.0.0.1:${s3.port}`;
        s3.remove = atExit(() => {
            s3.process?.kill('SIGKILL');
            folder.remove();
        });
        await s3.run();
        if (bucket)
            await s3.ask('PUT', '');
        return s3;
    }

    /** Starts the process and waits until it listens. `clock`: by how much it goes wrong, as "+1h". */
    async run(clock) {
        // faketime's own program would stay between us and the server: who kills it does not reach that.
        const env = clock ? { ...process.env, LD_PRELOAD: '/usr/$LIB/faketime/libfaketime.so.1', FAKETIME: clock } : process.env;
        this.process = spawn('/usr/bin/python3', [swift, this.folder, this.port, this.key, this.secret],
            { stdio: ['ignore', 'pipe', 'inherit'], cwd: this.folder, env });
        this.ended = once(this.process, 'exit');
        const [said] = await Promise.race([once(this.process.stdout, 'data'),
            this.ended.then(([status]) => { throw new Error(`Swift ended: ${status}`); })]);
        if (!`${said}`.startsWith('ready'))
            throw new Error(`Swift says ${said}`);
    }

    async kill() {
        this.process.kill('SIGKILL');
        await this.ended;
    }

    /** The gateway's settings for it. */
    get settings() {
        return { store: 's3', s3_endpoint: this.endpoint, s3_bucket: this.bucket };
    }

    /** The gateway's environment for it. */
    get credentials() {
        return { AWS_ACCESS_KEY_ID: this.key, AWS_SECRET_ACCESS_KEY: this.secret };
    }

    /** curl's arguments that sign a request. */
    get signing() {
        return ['--aws-sigv4', 'aws:amz:us-east-1:s3', '--user', `${this.key}:${this.secret}`];
    }

    address(path) {
        return `${this.endpoint}/${this.bucket}${path}`;
    }

    /** Asks for a path below the bucket ('' is itself), with no body; the answer's body. */
    async ask(method, path) {
        const { stdout } = await run('curl', ['-sS', '--fail-with-body', '-X', method, ...this.signing,
            '-H', `x-amz-content-sha256: ${hash('')}`, ...method === 'PUT' ? ['-H', 'Content-Length: 0'] : [], this.address(path)], { maxBuffer: 64 << 20 });
        return stdout;
    }

    /** The keys of all objects; the store lists a thousand at a time. */
    async objects() {
        const keys = [];
        for (let list = ''; ; list = `?marker=${encodeURIComponent(keys.at(-1))}`) {
            const page = await this.ask('GET', list);
            keys.push(...[...page.matchAll(/<Key>([^<]*)<\/Key>/g)].map(match => match[1]));
            if (!page.includes('<IsTruncated>true'))
                return keys;
        }
    }

    /** The keys of the multipart uploads under way. */
    async uploads() {
        return [...(await this.ask('GET', '?uploads=')).matchAll(/<Key>([^<]*)<\/Key>/g)].map(match => match[1]);
    }

    /** The id of a multipart upload under way. */
    async uploadId(key) {
        const listed = await this.ask('GET', '?uploads=');
        return new RegExp(`<Key>${key}</Key><UploadId>([^<]*)<`).exec(listed)[1];
    }
}
