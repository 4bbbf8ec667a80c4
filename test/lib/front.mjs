// An HTTP proxy before an S3 store, which refuses requests, forgets answers or spoils bodies, as a test says.

import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import { createServer as createSecureServer } from 'node:https';

/** An error as S3 stores have it. */
export const error = (status, code, message = 'as the test wants it') => ({ status, headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>` });

export class Front {
    requests = []; // each "METHOD path?query", as they came
    /** Asked for each request: what to answer instead ({status, headers, body}), 'forget' (it is done, and
     * nothing answered), 'spoil' (a byte of its body is changed), or nothing. */
    trouble = () => {};

    /** `tls` as https.createServer takes it, {key, cert}; without it plain. */
    static async start(s3, tls) {
        const front = new Front();
        front.s3 = s3;
        front.server = tls ? createSecureServer(tls) : createServer();
        front.server.on('request', (request, response) => front.#serve(request, response));
        front.server.listen(0, '127.0.0.1');
        await once(front.server, 'listening');
        front.endpoint = `${tls ? 'https' : 'http'}://127.0.0.1:${front.server.address().port}`;
        return front;
    }

    async #serve(request, response) {
        const what = `${request.method} ${request.url}`;
        this.requests.push(what);
        const trouble = this.trouble(what);
        request.on('error', () => {});
        if (trouble?.status) {
            request.resume();
            request.on('end', () => response.writeHead(trouble.status, trouble.headers).end(trouble.body));
            return;
        }
        const { expect, ...headers } = request.headers;
        const onward = ask({ host: '127.0.0.1', port: this.s3.port, method: request.method, path: request.url, headers },
            answer => this.#answer(answer, response, trouble));
        onward.on('error', () => response.destroy());
        request.on('data', bytes => onward.write(trouble === 'spoil' ? spoiled(bytes) : bytes) || request.pause());
        onward.on('drain', () => request.resume());
        request.on('end', () => onward.end());
    }

    #answer(answer, response, trouble) {
        if (trouble === 'forget') {
            answer.resume();
            answer.on('end', () => response.destroy());
            return;
        }
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
    }

    close() {
        this.server.close();
        this.server.closeAllConnections();
    }
}

function spoiled(bytes) {
    const copy = Buffer.from(bytes);
    copy[0] ^= 1;
    return copy;
}
