// Dates (always in Tashkent's time), sizes, and text as parts that views can render safely.

import { dictionaries, uzbekMonths, uzbekRelative } from './i18n';
import type { Language } from './protocol';

const ZONE = 'Asia/Tashkent';
const locales: Record<Language, string> = { uz: 'uz-Latn-UZ', ru: 'ru-RU', en: 'en-GB' };

const formats = new Map<string, Intl.DateTimeFormat>();

function format(language: Language, options: Intl.DateTimeFormatOptions, at: string): string {
  const key = language + JSON.stringify(options);
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locales[language], { timeZone: ZONE, ...options });
    formats.set(key, made);
  }
  return made.format(new Date(at));
}

const calendar = new Intl.DateTimeFormat('en-CA', { timeZone: ZONE, dateStyle: 'short' });

/** The calendar day in Tashkent, comparable as text: 2025-11-23. */
export function dayKey(at: string | Date): string {
  return calendar.format(new Date(at));
}

function daysAgo(days: number): string {
  return dayKey(new Date(Date.now() - days * 86_400_000));
}

/** 14:05 */
export function clock(language: Language, at: string): string {
  return format(language, { hour: '2-digit', minute: '2-digit', hour12: false }, at);
}

/** Day and month in words, with the year when it is not this one. Browsers lack the Uzbek words. */
function date(language: Language, at: string, month: 'long' | 'short'): string {
  const [year, monthNumber, dayNumber] = dayKey(at).split('-') as [string, string, string];
  const thisYear = year === daysAgo(0).slice(0, 4);
  if (language !== 'uz') {
    return format(language, { day: 'numeric', month, year: thisYear ? undefined : 'numeric' }, at);
  }
  const name = uzbekMonths[Number(monthNumber) - 1]!;
  const words = `${Number(dayNumber)}-${month === 'long' ? name : name.slice(0, 3)}`;
  return thisYear ? words : `${year}-yil ${words}`;
}

/** Today, Yesterday, or the date. */
export function day(language: Language, at: string): string {
  const key = dayKey(at);
  if (key === daysAgo(0)) return dictionaries[language].today;
  if (key === daysAgo(1)) return dictionaries[language].yesterday;
  return date(language, at, 'long');
}

/** For lists: the time today, else the day, short. */
export function shortDay(language: Language, at: string): string {
  const key = dayKey(at);
  if (key === daysAgo(0)) return clock(language, at);
  if (key.slice(0, 4) === daysAgo(0).slice(0, 4)) return date(language, at, 'short');
  return key.split('-').reverse().join('.');
}

/** Of a day as 2026-11-26, wherever the browser is. */
export function dateOnly(language: Language, day: string): string {
  return date(language, `${day}T12:00:00+05:00`, 'long');
}

export function dateAndTime(language: Language, at: string): string {
  return `${date(language, at, 'long')}, ${clock(language, at)}`;
}

const spans = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** After so many seconds (before, when negative), in the largest unit that fits, rounded up. */
export function relative(language: Language, seconds: number): string {
  const [unit, length] = spans.find(([, length]) => Math.abs(seconds) >= length) ?? spans[3];
  const count = Math.ceil(seconds / length) || 0; // not -0
  if (language === 'uz') return uzbekRelative(unit, count);
  const numeric = count === 0 ? 'auto' : 'always'; // "now", but never "yesterday" for 30 hours
  return new Intl.RelativeTimeFormat(locales[language], { numeric }).format(count, unit);
}

/** How long ago, to the minute; the browser's clock may lag behind the server's. */
export function ago(language: Language, at: string): string {
  const seconds = (Date.now() - new Date(at).getTime()) / 1000;
  return relative(language, seconds < 90 ? 0 : -seconds);
}

export function size(language: Language, bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1024;
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  const number = value.toLocaleString(locales[language], { maximumFractionDigits: digits });
  return `${number} ${units[unit]}`;
}

/** 43 %, as whole as it can be told; never done before it is. */
export function percent(part: number, whole: number): number {
  return whole > 0 ? Math.min(99, Math.floor((part / whole) * 100)) : 0;
}

const kinds: Record<string, string> = {
  'application/pdf': 'PDF',
  'image/jpeg': 'JPG',
  'application/msword': 'DOC',
  'application/vnd.ms-excel': 'XLS',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'DOCX',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'XLSX',
  'application/vnd.oasis.opendocument.text': 'ODT',
  'application/vnd.oasis.opendocument.spreadsheet': 'ODS',
};

/** What people call a kind of file, in a few letters; empty where nothing short says it. */
export function kindOf(type: string, name: string): string {
  const known = kinds[type] ?? /^image\/([a-z]{3,4})$/.exec(type)?.[1];
  const ending = /\.([a-z0-9]{2,4})$/i.exec(name)?.[1] ?? '';
  return (known ?? ending).toUpperCase();
}

/** The first letters of up to two words, for a round badge. */
export function initials(name: string): string {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [];
  return words
    .slice(0, 2)
    .map((word) => [...word][0])
    .join('')
    .toUpperCase();
}

export type TextPart = { text: string; href: string | null };

/** Splits text at its web addresses; punctuation that ends a sentence is not part of an address. */
export function links(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const found of text.matchAll(/\bhttps?:\/\/[^\s<>"]+/gi)) {
    const address = found[0].replace(/[.,;:!?)\]}'»”]+$/, '');
    if (found.index > end) parts.push({ text: text.slice(end, found.index), href: null });
    parts.push({ text: address, href: address });
    end = found.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: null });
  return parts;
}

/** By what their user agents say; those that also say Chrome or Safari come before these. */
const browsers: [RegExp, string][] = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\b(OPR|OPT|OPX|Opera)\//, 'Opera'],
  [/\bYaBrowser\//, 'Yandex'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bMiuiBrowser\//, 'Mi Browser'],
  [/\bUC ?Browser\//, 'UC Browser'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/(Chrome|Chromium|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const systems: [RegExp, string][] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

/**
 * Browser and system of a user agent, without versions: a browser that has been updated is no new
 * device. Other names stay as they are.
 */
export function deviceName(device: string): string {
  if (!device.startsWith('Mozilla/')) return device;
  const find = (known: [RegExp, string][]) => known.find(([sign]) => sign.test(device))?.[1];
  return [find(browsers), find(systems)].filter(Boolean).join(', ') || device;
}

/** Whether a device, by its name, is one that fits a hand. */
export function isHandheld(name: string): boolean {
  return /iPhone|iPad|Android/.test(name);
}
