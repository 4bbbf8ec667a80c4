// Files on their way down: pictures to show, and downloads. Pictures are kept as long as the
// session, which they belong to.

import { send } from './http';
import type { Document, LinkReply } from './protocol';

export type Variant = 'file' | 'original';

/** A browser has begun to save what it was given after so many milliseconds. */
const TIME_TO_SAVE = 60_000;

const pathOf = ({ id }: Document, variant: Variant) =>
  variant === 'original' ? `/files/${id}/original` : `/files/${id}`;

const pictures = new Map<number, Promise<string>>();

/** An address for the document's picture, inside this page only. */
export function fetchPicture(token: string, { id }: Document): Promise<string> {
  let address = pictures.get(id);
  if (!address) {
    address = fetchBlob(token, `/files/${id}/preview`).then((blob) => URL.createObjectURL(blob));
    address.catch(() => pictures.delete(id));
    pictures.set(id, address);
  }
  return address;
}

async function fetchBlob(
  token: string,
  address: string,
  progress?: (bytes: number) => void,
): Promise<Blob> {
  const answer = await send({ method: 'GET', address, token, answer: 'blob', progress }).done;
  return answer.body as Blob;
}

/** Forgets all fetched pictures: they belong to the session that ends. */
export function forgetFiles(): void {
  for (const address of pictures.values())
    address.then(
      (url) => URL.revokeObjectURL(url),
      () => undefined,
    );
  pictures.clear();
}

interface Saving {
  progress: (bytes: number) => void;
  /** In a tab of its own, since this one would ask whether to leave. */
  aside: boolean;
}

/** Saves a document: straight from the store where that can be, else through the gateway. */
export async function saveFile(
  token: string,
  document: Document,
  variant: Variant,
  { progress, aside }: Saving,
): Promise<void> {
  const address = pathOf(document, variant);
  const answer = await send({ method: 'GET', address: `${address}/link`, token }).done;
  const { url } = (answer.body as { result: LinkReply }).result;
  const name = (variant === 'original' ? document.original?.name : null) ?? document.name;
  if (url) {
    follow(url, name, aside);
    return;
  }
  saveBlob(await fetchBlob(token, address, progress), name);
}

export function saveBlob(blob: Blob, name: string): void {
  const local = URL.createObjectURL(blob);
  follow(local, name, false);
  setTimeout(() => URL.revokeObjectURL(local), TIME_TO_SAVE);
}

/**
 * What is there says that it is to be saved, so that the page stays; but a browser asks whether to
 * leave before it knows that.
 */
function follow(address: string, name: string, aside: boolean): void {
  const link = window.document.createElement('a');
  link.href = address;
  link.download = name;
  if (aside) link.target = '_blank';
  link.click();
}
