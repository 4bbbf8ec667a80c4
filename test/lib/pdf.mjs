// PDF files made by hand, as odd as a test wants them.

import { newFile, newPath, output } from './worker.mjs';
import { readFileSync } from 'node:fs';

const bytes = part => Buffer.isBuffer(part) ? part : Buffer.from(part, 'latin1');

/** A file of these objects (texts; the first is number 1), whose root is object 1. */
export function pdf(objects, { trailer = '', version = '1.7' } = {}) {
    const parts = [bytes(`%PDF-${version}\n%\xe2\xe3\xcf\xd3\n`)];
    const places = [];
    let at = parts[0].length;
    const add = part => {
        parts.push(part);
        at += part.length;
    };
    objects.forEach((object, i) => {
        places.push(at);
        add(Buffer.concat([bytes(`${i + 1} 0 obj\n`), bytes(object), bytes('\nendobj\n')]));
    });
    const xref = at;
    add(bytes(`xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${
        places.map(place => `${String(place).padStart(10, '0')} 00000 n \n`).join('')}`));
    add(bytes(`trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${xref}\n%%EOF\n`));
    return Buffer.concat(parts);
}

export const stream = (text, more = '') => `<< /Length ${bytes(text).length} ${more} >>\nstream\n${text}\nendstream`;

/**
 * A file with these pages: {box, content, more}. `more` is further entries of the page, `root` of the
 * root, `objects` further objects: their numbers begin with 4 + 2 * pages.length.
 */
export function pdfOf(pages, { root = '', objects = [], ...options } = {}) {
    const number = i => 4 + 2 * i;
    return pdf([
        `<< /Type /Catalog /Pages 2 0 R ${root} >>`,
        `<< /Type /Pages /Kids [${pages.map((_, i) => `${number(i)} 0 R`).join(' ')}] /Count ${pages.length} >>`,
        '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
        ...pages.flatMap(({ box = [0, 0, 595, 842], content, more = '' }, i) => [
            `<< /Type /Page /Parent 2 0 R /MediaBox [${box.join(' ')}] /Contents ${number(i) + 1} 0 R
                /Resources << /Font << /F1 3 0 R >> >> ${more} >>`,
            stream(content ?? `BT /F1 12 Tf ${box[0] + 20} ${(box[1] + box[3]) / 2} Td (This is page ${i + 1}) Tj ET`)]),
        ...objects], options);
}

const PLACE = 8192; /* bytes for a signature, as hexadecimal digits */

/** A PDF that is really signed, by a certificate made for it. `certified`: changes are not permitted (DocMDP). */
export function signedPdf({ certified = false } = {}) {
    const key = newPath('.pem'), certificate = newPath('.pem');
    output('openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=Soliq', '-days', '30',
        '-keyout', key, '-out', certificate);
    const made = pdfOf([{ more: '/Annots [6 0 R]' }], {
        root: `/AcroForm << /SigFlags 3 /Fields [6 0 R] >> ${certified ? '/Perms << /DocMDP 7 0 R >>' : ''}`,
        objects: [
            '<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature1) /V 7 0 R /Rect [20 20 220 80] /F 132 /P 4 0 R >>',
            `<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /M (D:20261126140300Z)
                ${certified ? '/Reference [<< /Type /SigRef /TransformMethod /DocMDP /TransformParams << /Type /TransformParams /P 1 /V /1.2 >> >>]' : ''}
                /ByteRange [0 ${'0'.repeat(10)} ${'0'.repeat(10)} ${'0'.repeat(10)}] /Contents <${'0'.repeat(PLACE)}> >>`],
    });
    const begin = made.indexOf('/Contents <0') + '/Contents '.length, end = begin + PLACE + 2;
    const range = `[0 ${[begin, end, made.length - end].map(n => String(n).padEnd(10)).join(' ')}]`;
    made.write(range, made.indexOf('[0 0000000000'), 'latin1');
    const what = newFile(Buffer.concat([made.subarray(0, begin), made.subarray(end)]));
    const signature = newPath();
    output('openssl', 'cms', '-sign', '-binary', '-in', what, '-signer', certificate, '-inkey', key, '-outform', 'DER',
        '-out', signature);
    made.write(readFileSync(signature).toString('hex'), begin + 1, 'latin1');
    return made;
}
