// The firm's calendars, by which it is measured how long clients wait. Methods throw refusals.

import type { Core } from './core';
import type { Calendar, CalendarDay, CalendarUse } from './protocol';

export class Calendars {
  constructor(private readonly core: Core) {}

  async list(): Promise<Calendar[]> {
    return (await this.core.ask<{ calendars: Calendar[] }>('calendars')).calendars;
  }

  /** Without an id a new one; hours are all those of the week. */
  async save(calendar: Pick<Calendar, 'name' | 'hours'> & { id?: number }): Promise<void> {
    await this.core.ask('calendars', calendar);
  }

  /** Makes a day of other hours, or changes it. */
  async setDay(calendar: number, day: Pick<CalendarDay, 'day'> & Partial<CalendarDay>) {
    await this.core.ask('calendar_day', { calendar, ...day });
  }

  async loadHolidays(calendar: number): Promise<number> {
    return (await this.core.ask<{ loaded: number }>('load_holidays', { calendar })).loaded;
  }

  async uses(): Promise<CalendarUse[]> {
    return (await this.core.ask<{ uses: CalendarUse[] }>('calendar_uses')).uses;
  }

  /** Without a calendar, those topics go by none of their own. */
  async use(which: Pick<CalendarUse, 'org' | 'kind'>, calendar: number | null): Promise<void> {
    const { org, kind } = which;
    await this.core.ask('calendar_uses', {
      org: org ?? undefined,
      kind: kind ?? undefined,
      calendar: calendar ?? undefined,
      set: true,
    });
  }
}
