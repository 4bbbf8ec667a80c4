// What an admin looks after: who got which document, the jobs in the background, the logo, the
// firm's settings. Methods throw refusals; the sheets show them.

import type { Core } from './core';
import {
  LARGEST_LOGO,
  type Account,
  type AccountsReply,
  type FirmSettings,
  type Job,
  type JobState,
  type JobsReply,
  type LogEntry,
  type LogoReply,
  type LogReply,
} from './protocol';

/** Of which document or whom the log is asked for. */
export interface LogOf {
  document?: number;
  account?: number;
}

/** So many are shown at first, and with each wish for more. */
export const PAGE = 50;

const LOGO_TYPES = ['image/png', 'image/svg+xml'];

export const isLogo = (file: File) => file.size <= LARGEST_LOGO && LOGO_TYPES.includes(file.type);

/** Media types that belong together, for who does not know them by name. */
const groups = {
  pdf: ['application/pdf'],
  pictures: ['jpeg', 'png', 'webp', 'tiff', 'heic', 'gif'].map((name) => `image/${name}`),
  office: [
    ...['wordprocessingml.document', 'spreadsheetml.sheet', 'presentationml.presentation'].map(
      (name) => `application/vnd.openxmlformats-officedocument.${name}`,
    ),
    ...['text', 'spreadsheet', 'presentation'].map(
      (name) => `application/vnd.oasis.opendocument.${name}`,
    ),
    'application/x-ole-storage',
  ],
  archives: ['application/zip'],
  others: ['application/octet-stream'],
};
export type TypeGroup = keyof typeof groups;
export const typeGroups = Object.keys(groups) as TypeGroup[];

const split = (types: string) => types.split(/\s+/).filter(Boolean);

/** Whether all types of a group are among those. */
export function hasTypes(types: string, group: TypeGroup): boolean {
  const all = split(types);
  return groups[group].every((type) => all.includes(type));
}

/** Those types with all of a group, or with none of it. */
export function withTypes(types: string, group: TypeGroup, on: boolean): string {
  const others = split(types).filter((type) => !groups[group].includes(type));
  return [...others, ...(on ? groups[group] : [])].join(' ');
}

export class Firm {
  constructor(private readonly core: Core) {}

  /** Newest first, those before an entry. */
  async log(of: LogOf, before?: number): Promise<LogEntry[]> {
    const params = { ...of, before, limit: PAGE };
    return (await this.core.ask<LogReply>('document_log', params)).entries;
  }

  async accounts(): Promise<Account[]> {
    return (await this.core.ask<AccountsReply>('accounts')).accounts;
  }

  async jobs(state: JobState, before?: number): Promise<Job[]> {
    return (await this.core.ask<JobsReply>('jobs', { state, before, limit: PAGE })).jobs;
  }

  async retry(job: number): Promise<void> {
    await this.core.ask('retry_job', { job });
  }

  logo(): Promise<LogoReply> {
    return this.core.ask<LogoReply>('logo');
  }

  async setLogo(file: File): Promise<LogoReply> {
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return this.core.ask<LogoReply>('logo', { image: btoa(text), type: file.type });
  }

  async settings(): Promise<FirmSettings> {
    return (await this.core.ask<{ settings: FirmSettings }>('settings')).settings;
  }

  /** Sets those that differ. */
  async change(before: FirmSettings, after: FirmSettings): Promise<void> {
    for (const name of Object.keys(before) as (keyof FirmSettings)[])
      if (before[name] !== after[name])
        await this.core.ask('settings', { name, value: after[name] });
  }
}
