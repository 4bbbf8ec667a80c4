// Files go over HTTP beside the WebSocket, with the session's token in a header.

import { RpcError } from './rpc';
import { Code, type Document } from './protocol';

/** A file on its way up. */
export interface Upload {
  key: string;
  file: File;
  /** 0 to 1. */
  progress: number;
  /** Error code when it failed; null while it goes on. */
  failed: number | null;
}

export const TOO_LARGE = 413;

/** Sends a file; ends with the document's description, or an RpcError. */
export function upload(
  token: string,
  topic: number,
  file: File,
  progress: (part: number) => void,
): { done: Promise<Document>; abort(): void } {
  const request = new XMLHttpRequest();
  const done = new Promise<Document>((resolve, reject) => {
    request.open('POST', `/files?topic=${topic}&name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader('Authorization', `Bearer ${token}`);
    request.responseType = 'json';
    request.upload.onprogress = (event) =>
      progress(event.lengthComputable ? event.loaded / event.total : 0);
    request.onload = () => {
      if (request.status === 201) resolve((request.response as { result: Document }).result);
      else reject(refusal(request.status, request.response));
    };
    request.onerror = request.onabort = () =>
      reject(new RpcError(Code.unavailable, 'not uploaded', null));
    request.send(file);
  });
  return { done, abort: () => request.abort() };
}

function refusal(status: number, body: unknown): RpcError {
  const error = (body as { error?: { code: number; message: string } } | null)?.error;
  const code = status === TOO_LARGE ? TOO_LARGE : (error?.code ?? Code.internal);
  return new RpcError(code, error?.message ?? `status ${status}`, null);
}

const kept = new Map<number, Promise<string>>();

/** An address for the document's bytes, inside this page only. */
export function fetchFile(token: string, document: number): Promise<string> {
  let url = kept.get(document);
  if (!url) {
    url = fetchBlob(token, document).then((blob) => URL.createObjectURL(blob));
    url.catch(() => kept.delete(document));
    kept.set(document, url);
  }
  return url;
}

async function fetchBlob(token: string, document: number): Promise<Blob> {
  const response = await fetch(`/files/${document}`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  if (!response.ok) throw refusal(response.status, await response.json().catch(() => null));
  return response.blob();
}

/** Forgets all fetched bytes: they belong to the session that ends. */
export function forgetFiles(): void {
  for (const url of kept.values())
    url.then(
      (address) => URL.revokeObjectURL(address),
      () => undefined,
    );
  kept.clear();
}

/** Image types that every browser shows, up to a size that is worth fetching unasked. */
export function isPicture(document: Document): boolean {
  return /^image\/(png|jpeg|gif|webp)$/.test(document.type) && document.size <= 8_000_000;
}

export async function saveFile(token: string, document: Document): Promise<void> {
  const link = window.document.createElement('a');
  link.href = await fetchFile(token, document.id);
  link.download = document.name;
  link.click();
}
