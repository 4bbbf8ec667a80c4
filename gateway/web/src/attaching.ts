// Files of a draft on their way up: a few at a time, the others wait for their turn.

import { pause, uuid, type Core } from './core';
import { TOO_LARGE } from './http';
import { RpcError } from './rpc';
import { Uploading, type Upload } from './uploading';
import type { Writing } from './writing';

const AT_ONCE = 3;

export class Attaching {
  private readonly running = new Map<string, Uploading>();

  constructor(
    private readonly core: Core,
    private readonly writing: Writing,
  ) {
    addEventListener('beforeunload', (event) => {
      if (this.running.size > 0) event.preventDefault();
    });
  }

  attach(topic: number, files: Iterable<File>): void {
    const most = this.core.data.settings.upload_bytes ?? Infinity;
    for (const file of files) {
      const failed = file.size > most ? TOO_LARGE : null;
      this.enter(topic, { key: uuid(), file, sent: 0, queued: true, stuck: false, failed });
    }
    this.pump(topic);
  }

  retry(topic: number, failed: Upload): void {
    this.enter(topic, { ...failed, sent: 0, queued: true, stuck: false, failed: null });
    this.pump(topic);
  }

  cancel(topic: number, key: string): void {
    this.running.get(key)?.cancel();
    this.running.delete(key);
    this.change(topic, (all) => all.filter((each) => each.key !== key));
    this.pumpAll();
  }

  cancelAll(): void {
    for (const uploading of this.running.values()) uploading.cancel();
  }

  private enter(topic: number, upload: Upload): void {
    this.change(topic, (all) => [...all.filter((each) => each.key !== upload.key), upload]);
  }

  private pump(topic: number): void {
    const waiting = (this.core.page.uploads[topic] ?? []).filter(
      ({ queued, failed }) => queued && failed === null,
    );
    const room = Math.max(0, AT_ONCE - this.running.size);
    for (const upload of waiting.slice(0, room)) void this.run(topic, upload);
  }

  private async run(topic: number, { key, file }: Upload): Promise<void> {
    const { core } = this;
    if (!core.token) return;
    const tell = (part: Partial<Upload>) =>
      this.change(topic, (all) =>
        all.map((each) => (each.key === key ? { ...each, ...part } : each)),
      );
    const live = () => core.page.connection === 'live';
    const rest = (time: number) => this.rest(time);
    const uploading = new Uploading({ token: core.token, topic, file, tell, live, rest });
    this.running.set(key, uploading);
    tell({ queued: false });
    try {
      const document = await uploading.run();
      this.change(topic, (all) => all.filter((each) => each.key !== key));
      const { documents } = this.writing.draft(topic);
      this.writing.patchDraft(topic, { documents: [...documents, document] });
    } catch (error) {
      if (core.refusal(error)) tell({ stuck: false, failed: (error as RpcError).code });
    } finally {
      this.running.delete(key);
      this.pumpAll();
    }
  }

  private pumpAll(): void {
    for (const topic of Object.keys(this.core.page.uploads)) this.pump(Number(topic));
  }

  /** A while, or until the browser or the WebSocket is back on line. */
  private async rest(time: number): Promise<void> {
    const { store } = this.core;
    let unfollow = () => {};
    let was = this.core.page.connection;
    const back = new Promise<void>((resolve) => {
      unfollow = store.follow(() => {
        const { connection } = store.get();
        if (connection === 'live' && was !== 'live') resolve();
        was = connection;
      });
    });
    await Promise.race([pause(time), back]);
    unfollow();
  }

  private change(topic: number, change: (all: readonly Upload[]) => readonly Upload[]): void {
    const { uploads } = this.core.page;
    this.core.set({ uploads: { ...uploads, [topic]: change(uploads[topic] ?? []) } });
  }

  detach(topic: number, document: number): void {
    const documents = this.writing.draft(topic).documents.filter((each) => each.id !== document);
    this.writing.patchDraft(topic, { documents });
  }
}
