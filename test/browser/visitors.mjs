// People in front of browsers: Debian's Chromium, one context (a browser of its own, as far as
// cookies, storage and cache go) a person.
//
//   const visitors = await Visitors.start(world);   // after(() => visitors.end())
//   const kim = await visitors.enter('kim');         // a playwright page, logged in
//   kim.received                                     // every WebSocket frame that came to it, as text

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { password } from '../lib/firm.mjs';

export const pictures = fileURLToPath(new URL('../../.build/test/browser', import.meta.url));
mkdirSync(pictures, { recursive: true });

const flags = [
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--no-first-run',
];

export class Visitors {
  static async start(world) {
    const visitors = new Visitors();
    visitors.world = world;
    visitors.browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: flags });
    visitors.problems = [];
    return visitors;
  }

  /** A new browser at the login form. `options` are playwright's for a context. */
  async open(options = {}) {
    const context = await this.browser.newContext({
      viewport: { width: 1280, height: 800 },
      ...options,
    });
    context.setDefaultTimeout(30_000);
    return this.tab(context);
  }

  /** One more tab of the same browser. */
  async tab(context) {
    const page = await context.newPage();
    page.received = [];
    page.on('websocket', (socket) =>
      socket.on('framereceived', ({ payload }) => page.received.push(String(payload))),
    );
    page.on('pageerror', (error) => this.problems.push(error));
    await page.goto(this.world.gateway.http);
    return page;
  }

  async enter(login, options) {
    const page = await this.open(options);
    await logIn(page, login);
    return page;
  }

  /** Throws what any page threw. */
  async end() {
    await this.browser.close();
    if (this.problems.length) throw new AggregateError(this.problems, 'errors in the page');
  }
}

export async function logIn(page, login) {
  await page.fill('[name=login]', login);
  await page.fill('[name=password]', password);
  await page.press('[name=password]', 'Enter');
  await page.waitForSelector('.rows .row');
}

/** Opens a topic by its number in the list; staff choose the company first. */
export async function openTopic(page, company, number = 0) {
  if (company) await page.click(`.companies .row:has-text("${company}")`);
  await page.click(`.topics .row >> nth=${number}`);
  await page.waitForSelector('.messages .message, .messages .empty strong');
}

/** Types as a person does, and sends. */
export async function say(page, text) {
  await page.locator('.composer textarea').pressSequentially(text);
  await page.press('.composer textarea', 'Enter');
}

/** The message with this text, as a locator. */
export function saying(page, text) {
  const exactly = new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  return page.locator('.message', { has: page.locator('.text', { hasText: exactly }) });
}

/** Chooses from a message's menu, by the place in it. A menu closes when what it belongs to moves. */
export async function act(page, message, icon) {
  const item = page.getByRole('menuitem', { name: icon });
  for (let tries = 0; tries < 3; tries++) {
    await message.hover();
    await message.locator('.actions > button').click();
    if (await item.click({ timeout: 5000 }).then(() => true, () => false))
      return;
  }
  await item.click();
}

/** What the page shows as messages, in order; pending ones too. */
export const shown = (page) => page.locator('.message .text').allTextContents();
