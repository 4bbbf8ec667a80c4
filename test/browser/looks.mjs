// How it looks: in three languages, light and dark, on a desk and on a small phone. The pictures
// are for people; checked is that nothing is wider than the window, that what a finger presses is
// large enough, and that a screen reader has a name for it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pictures } from './visitors.mjs';

const desk = { viewport: { width: 1280, height: 800 } };
const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
/** Pixels. */
const FINGER = 40;

const both = ['light', 'dark'];
/** Colours of each language, where one of them is enough. */
export const one = { uz: ['light'], ru: ['dark'], en: ['light'] };

/** A test for each: visit(name, language, options), the options for a visitor's browser. */
export function everyLook(visit, colours = { uz: both, ru: both, en: both }) {
  for (const language of ['uz', 'ru', 'en']) {
    for (const colorScheme of colours[language]) {
      for (const [size, options] of Object.entries({ desk, phone })) {
        const name = `${language}-${colorScheme}-${size}`;
        test(name, () => visit(name, language, { ...options, colorScheme }));
      }
    }
  }
}

export async function look(page, name) {
  await page.screenshot({ path: `${pictures}/look-${name}.png`, animations: 'disabled' });
  const found = await page.evaluate((finger) => {
    const boxes = [...document.querySelectorAll('button, a.row, a.round')].filter((each) =>
      each.checkVisibility(),
    );
    const touch = matchMedia('(pointer: coarse)').matches;
    return {
      wide: [...document.body.querySelectorAll('*')]
        .filter(
          (each) => !each.closest('.hidden') && each.getBoundingClientRect().right > innerWidth + 1,
        )
        .map((each) => each.outerHTML.slice(0, 120)),
      small: boxes
        .filter(
          (each) =>
            touch &&
            !each.matches('.mark') &&
            Math.min(each.offsetWidth, each.offsetHeight) < finger,
        )
        .map((each) => each.outerHTML.slice(0, 120)),
      nameless: boxes
        .filter((each) => !(each.ariaLabel || each.textContent.trim()))
        .map((each) => each.outerHTML.slice(0, 120)),
    };
  }, FINGER);
  assert.deepEqual(found, { wide: [], small: [], nameless: [] });
}
