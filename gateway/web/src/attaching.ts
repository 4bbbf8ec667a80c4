// Files of a draft on their way up, and documents on their way down.

import { uuid, type Core } from './core';
import { fetchFile, saveFile, upload, type Upload } from './files';
import { Code, type Document } from './protocol';
import { Disconnected, RpcError } from './rpc';
import type { Writing } from './writing';

export class Attaching {
  private readonly aborts = new Map<string, () => void>();

  constructor(
    private readonly core: Core,
    private readonly writing: Writing,
  ) {
    addEventListener('beforeunload', (event) => {
      if (this.aborts.size > 0) event.preventDefault();
    });
  }

  attach(topic: number, files: Iterable<File>): void {
    for (const file of files) this.start(topic, { key: uuid(), file, progress: 0, failed: null });
  }

  retry(topic: number, failed: Upload): void {
    this.start(topic, { ...failed, progress: 0, failed: null });
  }

  cancel(topic: number, key: string): void {
    this.aborts.get(key)?.();
    this.change(topic, (all) => all.filter((each) => each.key !== key));
  }

  cancelAll(): void {
    for (const abort of this.aborts.values()) abort();
  }

  private start(topic: number, started: Upload): void {
    const { key, file } = started;
    if (!this.core.token) return;
    const patch = (part: Partial<Upload>) =>
      this.change(topic, (all) =>
        all.map((each) => (each.key === key ? { ...each, ...part } : each)),
      );
    this.change(topic, (all) => [...all.filter((each) => each.key !== key), started]);
    const { done, abort } = upload(this.core.token, topic, file, (progress) => patch({ progress }));
    this.aborts.set(key, abort);
    done
      .then((document) => {
        this.change(topic, (all) => all.filter((each) => each.key !== key));
        const { documents } = this.writing.draft(topic);
        this.writing.patchDraft(topic, { documents: [...documents, document] });
      })
      .catch((error: RpcError) => patch({ failed: error.code }))
      .finally(() => this.aborts.delete(key));
  }

  private change(topic: number, change: (all: readonly Upload[]) => readonly Upload[]): void {
    const { uploads } = this.core.page;
    this.core.set({ uploads: { ...uploads, [topic]: change(uploads[topic] ?? []) } });
  }

  detach(topic: number, document: number): void {
    const documents = this.writing.draft(topic).documents.filter((each) => each.id !== document);
    this.writing.patchDraft(topic, { documents });
  }

  async download(document: Document): Promise<void> {
    if (!this.core.token) return;
    try {
      await saveFile(this.core.token, document);
    } catch (error) {
      const refusal = new RpcError(Code.unavailable, 'not downloaded', null);
      this.core.report(error instanceof RpcError ? error : refusal);
    }
  }

  /** An address to show a picture from; the fetch is journaled as every download is. */
  picture(document: Document): Promise<string> {
    const { token } = this.core;
    return token ? fetchFile(token, document.id) : Promise.reject(new Disconnected());
  }
}
