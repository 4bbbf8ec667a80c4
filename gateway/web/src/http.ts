// Requests beside the WebSocket, for files: with the session's token in a header, and with progress,
// which fetch does not tell of what goes up.

import { Code } from './protocol';
import { Disconnected, RpcError, type ErrorData } from './rpc';

export const TOO_LARGE = 413;

export interface Answer {
  status: number;
  body: unknown;
  header(name: string): string | null;
}

export interface Request {
  method: string;
  address: string;
  token: string;
  headers?: Record<string, string>;
  body?: Blob;
  /** What kind of answer is wanted when all goes well. */
  answer?: 'json' | 'blob';
  /** Bytes that have gone up, or come down. */
  progress?: (bytes: number) => void;
}

/** Ends with an answer of 2xx; a refusal is an RpcError, no answer at all is Disconnected. */
export function send(request: Request): { done: Promise<Answer>; abort(): void } {
  const { method, address, token, headers = {}, body, answer = 'json', progress } = request;
  const http = new XMLHttpRequest();
  const done = new Promise<Answer>((resolve, reject) => {
    http.open(method, address);
    http.setRequestHeader('Authorization', `Bearer ${token}`);
    for (const [name, value] of Object.entries(headers)) http.setRequestHeader(name, value);
    http.responseType = 'blob'; // a refusal is JSON whatever was wanted
    const watched = body ? http.upload : http;
    watched.onprogress = (event) => progress?.(event.loaded);
    http.onerror = http.onabort = () => reject(new Disconnected());
    http.onload = () => {
      const ok = http.status >= 200 && http.status < 300;
      const { status, response } = http;
      const header = (name: string) => http.getResponseHeader(name);
      if (ok && answer === 'blob') resolve({ status, body: response, header });
      else
        void parse(response as Blob).then((parsed) =>
          ok ? resolve({ status, body: parsed, header }) : reject(refusal(status, parsed)),
        );
    };
    http.send(body);
  });
  return { done, abort: () => http.abort() };
}

async function parse(blob: Blob): Promise<unknown> {
  try {
    return JSON.parse(await blob.text());
  } catch {
    return null; // no body, or a proxy's page
  }
}

/** What a proxy says by a status alone counts as what the gateway says by a code. */
const codes: Record<number, number> = {
  401: Code.notLoggedIn,
  403: Code.notAllowed,
  404: Code.notFound,
  409: Code.conflict,
  429: Code.limit,
  502: Code.unavailable,
  503: Code.unavailable,
  504: Code.unavailable,
};

function refusal(status: number, body: unknown): RpcError {
  const { error } = (body ?? {}) as {
    error?: { code: number; message: string; data?: ErrorData };
  };
  if (status === TOO_LARGE) return new RpcError(TOO_LARGE, 'too large', null);
  const code = error?.code ?? codes[status] ?? Code.internal;
  return new RpcError(code, error?.message ?? `status ${status}`, error?.data ?? null);
}
