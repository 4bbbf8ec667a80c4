// Durations, shares, sums and months in words. What there is none of is a dash, never 0.

import { dictionaries, uzbekMonths } from './i18n';
import type { Language } from './protocol';

export const NONE = '–';
const MINUTE = 60;

const locales: Record<Language, string> = { uz: 'uz-Latn-UZ', ru: 'ru-RU', en: 'en-GB' };
/** Between thousands; a line does not break there. */
const BLANK = '\u00a0';

/** 2 soat 5 daq; to the second below a minute only. */
export function duration(language: Language, seconds: number | null): string {
  if (seconds === null) return NONE;
  const words = dictionaries[language];
  const whole = Math.round(seconds);
  if (seconds > 0 && whole === 0) return `< ${words.seconds(1)}`;
  if (whole < MINUTE) return words.seconds(whole);
  const minutes = Math.round(seconds / MINUTE);
  return inMinutes(language, minutes);
}

/** As duration, but never more than there is: of what is left. */
export function durationLeft(language: Language, seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < MINUTE) return dictionaries[language].seconds(whole);
  return inMinutes(language, Math.floor(whole / MINUTE));
}

function inMinutes(language: Language, minutes: number): string {
  const words = dictionaries[language];
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  const parts = [hours > 0 && words.hours(hours), (rest > 0 || hours === 0) && words.minutes(rest)];
  return parts.filter(Boolean).join(' ');
}

/** 94,7 %; never more than it is, since money may hang on it. */
export function share(language: Language, part: number | null): string {
  if (part === null) return NONE;
  const tenths = Math.floor(part * 1000 + 1e-6) / 10;
  return dictionaries[language].percent(decimal(language, tenths, 1));
}

/** With as many digits after the comma as it needs, and no more than so many. */
export function decimal(language: Language, value: number | null, digits: number): string {
  if (value === null) return NONE;
  const plain = String(Number(value.toFixed(digits)));
  return language === 'en' ? plain : plain.replace('.', ',');
}

/** 1 250 000 soʻm, from the text of a number, whose digits stay what they are. */
export function money(language: Language, amount: string | null): string {
  if (amount === null) return NONE;
  const [, sign = '', whole = '0', part = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount) ?? [];
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, language === 'en' ? ',' : BLANK);
  const tiyin = /[1-9]/.test(part) ? (language === 'en' ? '.' : ',') + part : '';
  return `${sign && '−'}${grouped}${tiyin} ${dictionaries[language].currency}`;
}

/** A sum as people write it, blanks between thousands, a comma before the tiyin; null for others. */
export function amountOf(typed: string): string | null {
  const plain = typed
    .replace(/[\s\u00a0]/g, '')
    .replace(',', '.')
    .replace('−', '-');
  return /^-?\d{1,12}(\.\d{1,2})?$/.test(plain) ? plain : null;
}

/** Sums of money, exact, as text. */
export function sum(amounts: readonly string[]): string {
  const total = amounts.reduce((all, each) => all + inTiyin(each), 0n);
  const digits = String(total < 0n ? -total : total).padStart(3, '0');
  return `${total < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

function inTiyin(amount: string): bigint {
  const [whole = '0', part = ''] = amount.split('.');
  return BigInt(whole + part.padEnd(2, '0').slice(0, 2));
}

/** Noyabr 2026, of any of its days as 2026-11-01. */
export function monthName(language: Language, month: string): string {
  const [year, number] = month.split('-').map(Number) as [number, number];
  if (language === 'uz') {
    const name = uzbekMonths[number - 1] ?? '';
    return `${name.charAt(0).toUpperCase()}${name.slice(1)} ${year}`;
  }
  const name = new Date(Date.UTC(year, number - 1, 1)).toLocaleString(locales[language], {
    month: 'long',
    timeZone: 'UTC',
  });
  return `${name.charAt(0).toUpperCase()}${name.slice(1)} ${year}`;
}

/** The first day of the month so many months later. */
export function monthAfter(month: string, months: number): string {
  const [year, number] = month.split('-').map(Number) as [number, number];
  return new Date(Date.UTC(year, number - 1 + months, 1)).toISOString().slice(0, 10);
}
