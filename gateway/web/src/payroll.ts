// Bonuses, their rules, the closing of months, and how long clients may wait. Methods throw refusals.

import type { Core } from './core';
import { send } from './http';
import { saveBlob } from './files';
import type { BonusReply, BonusRule, PayslipItem, Policy } from './protocol';
import { Disconnected } from './rpc';

/** What an admin adds; times and targets may be left out. */
export type NewPolicy = Pick<Policy, 'kind' | 'org' | 'first' | 'next' | 'resolution'> & {
  from: string | null;
  warn_share: number;
};
export type NewRule = Omit<BonusRule, 'id' | 'from'>;

/** Without what is null: the server has its own word for it. */
const given = (values: object) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));

export class Payroll {
  constructor(private readonly core: Core) {}

  bonus(month: string | null, account: number | null): Promise<BonusReply> {
    return this.core.ask<BonusReply>('bonus', given({ month, account }));
  }

  /** What a person's sum was computed from. */
  async items(month: string, account: number): Promise<PayslipItem[]> {
    const reply = await this.core.ask<{ items: PayslipItem[] }>('payslip', { month, account });
    return reply.items;
  }

  async close(month: string): Promise<void> {
    await this.core.ask('close_payroll', { month });
  }

  async correct(month: string, account: number, amount: string, reason: string): Promise<void> {
    const params = { month, account, amount: Number(amount), reason };
    await this.core.ask('correct_payroll', params);
  }

  /** Saves the month as a file. */
  async saveCsv(month: string): Promise<void> {
    const { token } = this.core;
    if (!token) throw new Disconnected();
    const address = `/export/payroll.csv?month=${month}`;
    const { body } = await send({ method: 'GET', address, token, answer: 'blob' }).done;
    saveBlob(body as Blob, `payroll-${month.slice(0, 7)}.csv`);
  }

  async rules(): Promise<BonusRule[]> {
    return (await this.core.ask<{ rules: BonusRule[] }>('bonus_rules')).rules;
  }

  async addRule(from: string, rules: NewRule): Promise<void> {
    await this.core.ask('bonus_rules', { from, rules });
  }

  async policies(): Promise<Policy[]> {
    return (await this.core.ask<{ policies: Policy[] }>('policies')).policies;
  }

  async addPolicy(policy: NewPolicy): Promise<void> {
    await this.core.ask('policies', { ...given(policy), set: true });
  }
}
