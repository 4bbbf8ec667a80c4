// The tus protocol as its text says it, by fetch; no library in between.

import { createHash } from 'node:crypto';
import { Raw, head } from './raw.mjs';

export const base64 = value => Buffer.from(Buffer.isBuffer(value) ? value : String(value)).toString('base64');
export const sha256 = bytes => createHash('sha256').update(bytes).digest('hex');

/** Who uploads, at which gateway. Every answer is {status, headers, body}; body is parsed JSON or undefined. */
export class Tus {
    constructor(gateway, token) {
        Object.assign(this, { gateway, token });
    }

    headers(more = {}) {
        const all = { 'Tus-Resumable': '1.0.0', Authorization: `Bearer ${this.token}`, ...more };
        return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    }

    async ask(method, path, more = {}, body = undefined) {
        const answer = await fetch(`${this.gateway.http}${path}`, { method, headers: this.headers(more), body });
        const text = await answer.text();
        return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : undefined };
    }

    metadata(name, topic) {
        return `filename ${base64(name)},topic ${base64(topic)}`;
    }

    create(length, name, topic, more = {}) {
        return this.ask('POST', '/uploads', { 'Upload-Length': String(length), 'Upload-Metadata': this.metadata(name, topic), ...more });
    }

    /** The place of a new upload. */
    async begin(length, name, topic) {
        const { status, headers, body } = await this.create(length, name, topic);
        if (status !== 201)
            throw new Error(`${status} ${JSON.stringify(body)}`);
        return headers.get('location');
    }

    patch(place, offset, bytes, more = {}) {
        return this.ask('PATCH', place, this.patchHeaders(offset, more), bytes);
    }

    patchHeaders(offset, more = {}) {
        return { 'Content-Type': 'application/offset+octet-stream', 'Upload-Offset': String(offset), ...more };
    }

    head(place) {
        return this.ask('HEAD', place);
    }

    async offset(place) {
        const { status, headers } = await this.head(place);
        if (status !== 200)
            throw new Error(`HEAD got ${status}`);
        return Number(headers.get('upload-offset'));
    }

    /** A PATCH that announces `length` bytes and sends these; the connection is the caller's to end. */
    async rawPatch(place, offset, length, bytes) {
        const raw = await Raw.connect(this.gateway);
        raw.send(head(`PATCH ${place} HTTP/1.1`, { Host: 'x', ...this.headers(this.patchHeaders(offset)), 'Content-Length': length }), bytes);
        return raw;
    }
}
