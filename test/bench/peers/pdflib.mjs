// A thread that stamps PDF files by pdf-lib: takes a path, and says so when it is done.

import { readFileSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import fontkit from '@pdf-lib/fontkit';
import { PDFDocument, rgb } from 'pdf-lib';

const font = readFileSync(workerData.font), logo = readFileSync(workerData.logo);
const { text } = workerData;

async function stamp(path) {
  const file = await PDFDocument.load(readFileSync(path));
  file.registerFontkit(fontkit);
  const [letters, image] = [await file.embedFont(font, { subset: true }), await file.embedPng(logo)];
  const wide = letters.widthOfTextAtSize(text, 7);
  for (const page of file.getPages()) {
    const x = page.getWidth() - wide - 60;
    page.drawRectangle({ x, y: 12, width: wide + 48, height: 13, color: rgb(1, 1, 1), opacity: 0.84, borderWidth: 0.6 });
    page.drawImage(image, { x: x + 5, y: 13, width: 33, height: 11 });
    page.drawText(text, { x: x + 43, y: 16, size: 7, font: letters });
  }
  return file.save();
}

parentPort.on('message', async path => {
  const { length } = await stamp(path);
  parentPort.postMessage(length);
});
