// What is done with documents: lists of them, the staff's marks, pictures and downloads.

import type { Core } from './core';
import { applyDocument, applyDocuments } from './documents';
import { fetchPicture, saveFile, type Variant } from './files';
import type { Document, DocumentReply, DocumentsReply, Mark } from './protocol';
import { Code } from './protocol';
import { Disconnected, RpcError } from './rpc';

/** Names a download under way in the page's state. */
export const downloadKey = ({ id }: Document, variant: Variant) => `${variant}.${id}`;

export class Handling {
  constructor(private readonly core: Core) {}

  /** The documents of a topic, newest first. Throws refusals. */
  async list(topic: number): Promise<Document[]> {
    const { documents } = await this.core.ask<DocumentsReply>('documents', { topic });
    this.core.change((data) => applyDocuments(data, documents));
    return documents.sort((a, b) => b.id - a.id);
  }

  /** What a draft has kept may have come further while nothing was told of it. */
  refresh(kept: readonly Document[]): void {
    const unsure = kept.find((document) => document.state !== 'ready');
    if (unsure) this.list(unsure.topic).catch((error) => this.core.report(error));
  }

  async mark(document: Document, mark: Mark['mark'], reason?: string): Promise<void> {
    try {
      const params = { document: document.id, mark, reason };
      const reply = await this.core.ask<DocumentReply>('process', params);
      this.core.change((data) => applyDocument(data, reply.document));
    } catch (error) {
      this.core.report(error);
    }
  }

  /** An address to show its picture from. */
  picture(document: Document): Promise<string> {
    const { token } = this.core;
    return token ? fetchPicture(token, document) : Promise.reject(new Disconnected());
  }

  /** Files are on their way up. */
  private uploads(): boolean {
    return Object.values(this.core.page.uploads).some((all) =>
      all.some(({ failed }) => failed === null),
    );
  }

  async download(document: Document, variant: Variant = 'file'): Promise<void> {
    const { core } = this;
    const key = downloadKey(document, variant);
    if (!core.token || core.page.downloads[key] !== undefined) return;
    const progress = (bytes: number) =>
      core.set({ downloads: { ...core.page.downloads, [key]: bytes } });
    try {
      progress(0);
      await saveFile(core.token, document, variant, { progress, aside: this.uploads() });
    } catch (error) {
      const lost = new RpcError(Code.unavailable, 'not downloaded', null);
      core.report(error instanceof Disconnected ? lost : error);
    } finally {
      const { [key]: _, ...others } = core.page.downloads;
      core.set({ downloads: others });
    }
  }
}
