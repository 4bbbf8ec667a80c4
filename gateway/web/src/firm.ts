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
