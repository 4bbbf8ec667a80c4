// Stamped PDF and office files: what they were is all there, unchanged, and the stamp is on each page.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { PDFDocument, PDFName, degrees } from 'pdf-lib';
import { pdf, pdfOf, signedPdf, stream } from '../lib/pdf.mjs';
import { documents, missing } from '../lib/real.mjs';
import { scratchFolder } from '../lib/scratch.mjs';
import { checkPdf, header, newFile, newPath, output, pageSizes, pageTexts, pdfObjects, stamp, stampText, who, work } from '../lib/worker.mjs';

const line = text => text.split(/\s+/).join(' ').trim();
const parts = [stampText, who.at, `№ ${who.document}`];
const marks = [parts.join(' · '), parts.join(' ')]; // as a line, and as a block

/** Stamps, and sees to all that holds of every PDF; {answer, path, original, after}. */
async function stampedPdf(bytes, options) {
    const original = newFile(bytes);
    const { answer, path } = await stamp(original, options);
    assert.equal(answer.ok, true, answer.message);
    assert.equal(answer.type, 'application/pdf');
    checkPdf(path);
    assert.deepEqual(pageSizes(path), pageSizes(original));
    const before = pageTexts(original).map(line), after = pageTexts(path).map(line);
    assert.equal(after.length, before.length);
    assert.equal(answer.pages, before.length);
    after.forEach((text, i) => {
        const mark = marks.find(mark => text.includes(mark));
        assert.ok(mark, `the stamp on page ${i + 1}: ${text}`);
        assert.equal(line(text.replace(mark, '')), before[i], `the text of page ${i + 1}`);
    });
    return { answer, path, original, after };
}

const refusal = async (bytes, options) => {
    const { answer } = await stamp(bytes, options);
    assert.equal(answer.ok, false);
    assert.equal(answer.final, true);
    assert.ok(answer.message.length > 10);
    return answer.reason;
};

for (const { name, bytes } of missing ? [] : documents().filter(({ name }) => name.endsWith('.pdf')))
    test(`real document ${name}: text, links, forms and attachments are as they were`, async () => {
        const { path, original, answer } = await stampedPdf(bytes);
        assert.equal(answer.signed, false);
        assert.equal(answer.extension, null);
        sameParts(original, path);
    });
test('real documents', { skip: missing }, () => {});

/** A value of qpdf's JSON without the numbers of objects. */
const unnumbered = value => JSON.parse(JSON.stringify(value ?? null, (key, inner) => /object$|pageposfrom1$/.test(key) ? undefined
    : typeof inner === 'string' ? inner.replace(/\b\d+ \d+ R\b/g, 'R') : inner));

/** Whatever is not a page's content: outlines, forms, attachments, labels; and each page's links and pictures. */
function sameParts(original, stamped) {
    const [before, after] = [original, stamped].map(pdfObjects);
    for (const part of ['acroform', 'attachments', 'outlines', 'pagelabels'])
        assert.deepEqual(unnumbered(after[part]), unnumbered(before[part]), part);
    const [was, is] = [before, after].map(file => file.pages.map(page => page.images.map(unnumbered)));
    assert.deepEqual(is, was, 'pictures');
    assert.deepEqual(annotationsOf(after), annotationsOf(before), 'links and fields');
}

/** All annotations of a file, in any order. */
const annotationsOf = file => Object.values(file.qpdf[1]).map(({ value }) => value)
    .filter(value => value?.['/Subtype'] && value['/Rect']).map(value => JSON.stringify(unnumbered(value))).sort();

test('form fields, links, an attachment and bookmarks stay, filled in as they are', async () => {
    const made = await PDFDocument.create();
    const page = made.addPage([595, 842]);
    const form = made.getForm();
    const field = form.createTextField('inn');
    field.setText('301234567');
    field.addToPage(page, { x: 50, y: 700, width: 200, height: 20 });
    const box = form.createCheckBox('agreed');
    box.addToPage(page, { x: 50, y: 650, width: 15, height: 15 });
    box.check();
    page.node.addAnnot(made.context.register(made.context.obj({ Type: 'Annot', Subtype: 'Link', Rect: [50, 600, 150, 620],
        A: { Type: 'Action', S: 'URI', URI: made.context.obj('https://soliq.uz') } })));
    await made.attach(Buffer.from('<xml/>'), 'invoice.xml', { mimeType: 'text/xml' });
    made.setTitle('Hisob-faktura');
    const { path, original } = await stampedPdf(Buffer.from(await made.save()));
    sameParts(original, path);
    const read = await PDFDocument.load(readFileSync(path));
    assert.equal(read.getForm().getTextField('inn').getText(), '301234567');
    assert.equal(read.getForm().getCheckBox('agreed').isChecked(), true);
    assert.equal(read.getTitle(), 'Hisob-faktura');
    const attached = newPath();
    output('pdfdetach', '-save', '1', '-o', attached, path);
    assert.equal(readFileSync(attached, 'utf8'), '<xml/>');
    assert.ok(read.catalog.get(PDFName.of('Names')));
});

/** The pixels that the stamp changed, as {left, top, width, height, across, down} of a page as it is seen, one a point or less. */
function changedArea(original, stamped, page = 1, resolution = 72) {
    const [before, after] = [original, stamped].map(path => {
        const base = newPath();
        output('pdftoppm', '-r', resolution, '-cropbox', '-png', '-singlefile', '-f', page, '-l', page, path, base);
        return `${base}.png`;
    });
    const difference = newPath('.v'), whole = newPath('.v');
    output('vips', 'subtract', before, after, difference);
    output('vips', 'abs', difference, whole);
    const [left, top, width, height] = output('vips', 'find_trim', whole, '--background', '0', '--threshold', '8')
        .trim().split('\n').map(Number);
    return { left, top, width, height, across: Number(header(after, 'width')), down: Number(header(after, 'height')) };
}

/** It is at the lower right, within the page, and small. */
function assertPlaced(area, what) {
    const { left, top, width, height, across, down } = area;
    assert.ok(width > 0 && height > 0, `${what}: something is seen`);
    assert.ok(left + width <= across && top + height <= down, `${what}: within the page`);
    assert.ok(left + width > across * 0.9 && top + height > down * 0.85, `${what}: at the lower right: ${JSON.stringify(area)}`);
    assert.ok(width * height < across * down * 0.12, `${what}: small: ${JSON.stringify(area)}`);
}

test('pages of any rotation, size, unit and origin have the stamp upright at the lower right', async () => {
    const pages = [
        ...[0, 90, 180, 270, -90, 450].map(turn => ({ more: `/Rotate ${turn}` })),
        { box: [0, 0, 842, 595] },
        { box: [0, 0, 842, 595], more: '/Rotate 90' },
        { box: [-300, 100, 295, 942] },
        { box: [0, 0, 1000, 1400], more: '/CropBox [200 300 795 1142] /Rotate 90' },
        { box: [595, 842, 0, 0] },
        { box: [0, 0, 59.5, 84.2], more: '/UserUnit 10' },
        { box: [0, 0, 5950, 8420], more: '/UserUnit 0.1' },
        { box: [0, 0, 226, 1200] },
        { box: [0, 0, 2384, 3370] },
        { box: [0, 0, 14400, 14400] },
        { box: [0, 0, 1200, 200] },
    ];
    const { path, original } = await stampedPdf(pdfOf(pages));
    pages.forEach((page, i) => {
        const longest = Math.max(...page.box ?? [842]);
        assertPlaced(changedArea(original, path, i + 1, 72 * Math.min(1, 2400 / longest)), `page ${i + 1} ${JSON.stringify(page)}`);
    });
});

test('tiny pages have it, as small as need be', async () => {
    await stampedPdf(pdfOf([{ box: [0, 0, 72, 72] }, { box: [0, 0, 10, 10] }, { box: [0, 0, 3, 200] }]));
});

test('the stamp is at its place whatever the content leaves open', async () => {
    const open = ['q 3 0 0 3 100 100 cm', 'BT /F1 12 Tf 1 0 0 1 50 50 Tm (x) Tj', '/OC /Hidden BDC', 'q q q 0 0 1 1 re W n',
        '0.1 0 0 0.1 0 0 cm', '(unbalanced \\( q q) pop % q q q', 'BI /W 1 /H 1 /BPC 8 /CS /G ID q EI q 9 0 0 9 0 0 cm', 'Q Q', 'q BT'];
    const { path, original } = await stampedPdf(pdfOf(open.map(content => ({ content }))));
    open.forEach((content, i) => assertPlaced(changedArea(original, path, i + 1), content));
});

test('pages that share their content and resources get one stamp each', async () => {
    const shared = pdf([
        '<< /Type /Catalog /Pages 2 0 R >>',
        `<< /Type /Pages /Kids [4 0 R 5 0 R 4 0 R] /Count 3 /MediaBox [0 0 595 842] /Rotate 90
            /Resources << /Font << /F1 3 0 R >> /XObject << /OnefinMark0 7 0 R >> >> >>`,
        '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
        '<< /Type /Page /Parent 2 0 R /Contents [6 0 R] >>',
        '<< /Type /Page /Parent 2 0 R /Contents [6 0 R] >>',
        stream('BT /F1 12 Tf 100 400 Td (Shared) Tj ET /OnefinMark0 Do'),
        stream('0 0 10 10 re f', '/Type /XObject /Subtype /Form /BBox [0 0 20 20]')]);
    const { after } = await stampedPdf(shared);
    for (const text of after)
        assert.equal(text.split(stampText).length, 2);
});

test('a stamped file is stamped again: both are there', async () => {
    const { path } = await stampedPdf(pdfOf([{}]));
    const { answer, path: twice } = await stamp(path, { name: 'Somebody Else' });
    assert.equal(answer.ok, true);
    const [text] = pageTexts(twice);
    assert.ok(text.includes(stampText) && text.includes('Somebody Else (12)'), text);
    checkPdf(twice);
});

test('an encrypted file is refused, whether a password is asked for or not', async () => {
    const plain = newFile(pdfOf([{}]));
    for (const [user, bits] of [['', 256], ['secret', 256], ['', 128], ['secret', 128]]) {
        const path = newPath();
        output('qpdf', '--allow-weak-crypto', '--encrypt', user, 'owner', bits, '--', plain, path);
        const { answer } = await stamp(path);
        assert.equal(answer.reason, 'encrypted', `${user} ${bits}`);
        assert.match(answer.message, /without password/);
    }
});

for (const certified of [false, true])
    test(`a signed file${certified ? ', certified against changes,' : ''} becomes a copy that says it is one`, async () => {
        const original = newFile(signedPdf({ certified }));
        assert.match(output('pdfsig', '-nocert', original), /Signature is Valid/);
        const { answer, path } = await stamp(original);
        assert.equal(answer.signed, true, answer.message);
        checkPdf(path);
        const [text] = pageTexts(path);
        for (const note of ['Nusxa, imzolangan asl hujjat emas', 'Копия, не подписанный оригинал', 'Copy, not the signed original'])
            assert.ok(text.includes(note), `${note}: ${text}`);
        assert.ok(text.includes(stampText));
        assert.doesNotMatch(output('pdfinfo', path), /Signature/);
        const [, objects] = pdfObjects(path).qpdf;
        const values = Object.values(objects).map(({ value }) => value);
        assert.ok(values.some(value => value?.['/FT'] === '/Sig'), 'the field is there');
        assert.ok(!values.some(value => value?.['/ByteRange'] || value?.['/Perms']), 'the signature is not');
    });

test('a field for a signature that nobody gave makes no signed file', async () => {
    const { answer, path } = await stampedPdf(pdfOf([{ more: '/Annots [6 0 R]' }], {
        root: '/AcroForm << /SigFlags 1 /Fields [6 0 R] >>',
        objects: ['<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature1) /Rect [20 20 220 80] /P 4 0 R >>'] }));
    assert.equal(answer.signed, false);
    assert.ok(!pageTexts(path)[0].includes('Nusxa'));
});

test('what is no PDF, or less than one, is refused with the reason', async () => {
    const whole = pdfOf([{}, {}, {}]);
    assert.equal(await refusal(pdfOf([])), 'no_pages');
    assert.equal(await refusal(Buffer.alloc(0), { type: 'application/pdf' }), 'broken');
    assert.equal(await refusal(Buffer.from('%PDF-1.7\n')), 'broken');
    assert.equal(await refusal(whole.subarray(0, whole.length / 2)), 'broken');
    assert.equal(await refusal(whole.subarray(0, whole.length - 200)), 'broken');
    assert.equal(await refusal(Buffer.from('PK\u0003\u0004 no PDF at all'), { type: 'application/pdf' }), 'broken');
    const flipped = Buffer.from(whole);
    flipped.write('9999', whole.indexOf('/Kids') + 7);
    assert.match(await refusal(flipped), /broken|no_pages/);
});

test('every truncation of a real document is refused or whole', { skip: missing }, async () => {
    const [{ bytes }] = documents().filter(({ name }) => name === 'saeco.pdf');
    for (const part of [0.1, 0.5, 0.9, 0.99])
        assert.equal(await refusal(bytes.subarray(0, bytes.length * part)), 'broken', `${part}`);
});

test('small mistakes that every viewer forgives are repaired', async () => {
    const moved = Buffer.concat([Buffer.from('junk before the file\n'), pdfOf([{}])]);
    await stampedPdf(moved, { type: 'application/pdf' });
    const wrong = pdfOf([{}]);
    wrong.write('9', wrong.lastIndexOf('startxref') + 10);
    await stampedPdf(wrong);
});

test('content that cannot be decompressed is refused', async () => {
    const broken = pdf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
        '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>',
        stream('this is no zlib stream', '/Filter /FlateDecode')]);
    assert.equal(await refusal(broken), 'broken');
});

test('a dynamic XFA form, of which the page shows nothing, is refused', async () => {
    assert.equal(await refusal(pdfOf([{}], { root: '/NeedsRendering true /AcroForm << /XFA (x) /Fields [] >>' })), 'unsupported');
});

test('deep and circular files come to an end', async () => {
    const loop = pdf(['<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [3 0 R] >> >>', '<< /Type /Pages /Kids [2 0 R] /Count 1 >>',
        '<< /FT /Sig /T (a) /Kids [3 0 R 3 0 R] >>']);
    assert.match(await refusal(loop), /broken|no_pages|unsupported|died/);
    const fields = pdfOf([{}], { root: '/AcroForm << /Fields [6 0 R] >>', objects: ['<< /FT /Sig /T (a) /Kids [6 0 R 6 0 R] >>'] });
    assert.match(await refusal(fields), /broken|unsupported/);
    const deep = pdfOf([{ more: `/Deep ${'['.repeat(100000)}${']'.repeat(100000)}` }]);
    const { answer } = await stamp(deep);
    assert.ok(answer.ok || ['broken', 'died', 'too_large'].includes(answer.reason), answer.message);
});

test('names cannot break out of the stamp', async () => {
    for (const name of ['<b>bold</b> & "more"', 'two\nlines\tand \u202e reversed', 'x'.repeat(500), '漢字 😀', '(a) Tj ET Q', '']) {
        const { answer, path } = await stamp(pdfOf([{}]), { name });
        assert.equal(answer.ok, true, name);
        checkPdf(path);
        const text = line(pageTexts(path)[0]);
        assert.ok(text.includes('(12)') && text.includes('№ 345'), text);
    }
    const { path } = await stamp(pdfOf([{}]), { name: '<b>bold</b> & "more"' });
    assert.ok(pageTexts(path)[0].includes('<b>bold</b> & "more" (12)'));
});

test('the logo is in the stamp, once for all pages', async () => {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="100"><rect width="300" height="100" fill="#c00"/></svg>`;
    const { path: logo, answer } = await work('logo', newFile(svg, '.svg'));
    assert.equal(answer.ok, true, answer.message);
    const { path, original } = await stampedPdf(pdfOf(Array.from({ length: 20 }, () => ({}))), { logo });
    assertPlaced(changedArea(original, path, 20), 'with logo');
    assert.ok(statSync(path).size < statSync(original).size + 60000);
    const pictures = output('pdfimages', '-list', path).split('\n').filter(line => /^ *\d+ +\d+ image /.test(line));
    assert.equal(pictures.length, 20);
    assert.equal(new Set(pictures.map(line => line.split(/ +/)[11])).size, 1, pictures[0]);
});

test('a preview is made along, and of what is stamped', async () => {
    const preview = newPath('.webp');
    const { answer } = await stamp(pdfOf([{ box: [0, 0, 842, 595], more: '/Rotate 90' }]), { preview });
    assert.equal(answer.preview, true);
    assert.equal(header(preview, 'height'), '640');
    assert.equal(header(preview, 'width'), '452');
    const { path, answer: alone } = await work('preview', newFile(pdfOf([{}])));
    assert.equal(alone.ok, true);
    assert.equal(header(path, 'width'), '452');
    const { answer: none } = await work('preview', newFile('no PDF'), { type: 'application/pdf' });
    assert.equal(none.ok, false);
});

test('one stamped page has what the pages had, and its own', async () => {
    const one = await PDFDocument.create();
    for (const turn of [0, 90]) {
        const page = one.addPage([595, 842]);
        page.setRotation(degrees(turn));
        page.drawText(`Turned ${turn}`, { x: 100, y: 400 });
    }
    await stampedPdf(Buffer.from(await one.save({ useObjectStreams: true })));
    await stampedPdf(Buffer.from(await one.save({ useObjectStreams: false })));
});

// Office files: made by LibreOffice itself, of HTML and CSV.

const office = existsSync('/usr/lib/libreoffice/program/libmergedlo.so');

function officeFile(ending, filter = ending) {
    const folder = scratchFolder();
    const sheet = ending === 'xlsx' || ending === 'ods';
    const source = `${folder.path}/source.${sheet ? 'csv' : 'html'}`;
    writeFileSync(source, sheet ? 'Summa,1000\nSoliq,120\n' : '<h1>Hisobot</h1><p>Ўзбекистон, gʻalla</p>');
    output('soffice', `-env:UserInstallation=file://${folder.path}/profile`, '--headless', '--convert-to', filter,
        '--outdir', folder.path, source);
    const bytes = readFileSync(`${folder.path}/source.${ending}`);
    folder.remove();
    return bytes;
}

for (const [ending, filter, text] of [['docx', 'docx:MS Word 2007 XML', 'Ўзбекистон'], ['odt', 'odt:writer8', 'Ўзбекистон'],
    ['xlsx', 'xlsx', 'Soliq'], ['ods', 'ods', 'Soliq']])
    test(`${ending} becomes a stamped PDF where the firm wants that`, { skip: !office && 'needs LibreOffice' }, async () => {
        const bytes = officeFile(ending, filter);
        const preview = newPath('.webp');
        const { answer, path } = await stamp(bytes, { office: true, preview });
        assert.equal(answer.ok, true, answer.message);
        assert.deepEqual([answer.type, answer.extension, answer.preview], ['application/pdf', 'pdf', true]);
        const texts = pageTexts(path);
        assert.ok(texts.some(page => page.includes(text)), texts[0]);
        for (const page of texts)
            assert.ok(page.includes(stampText), page);
        assert.equal(await refusal(bytes), 'office_off');
    });

test('an office file that is none is refused', { skip: !office && 'needs LibreOffice' }, async () => {
    const types = { docx: 'wordprocessingml.document', xlsx: 'spreadsheetml.sheet' };
    for (const [ending, type] of Object.entries(types)) {
        const bytes = officeFile(ending, ending === 'docx' ? 'docx:MS Word 2007 XML' : ending);
        const full = `application/vnd.openxmlformats-officedocument.${type}`;
        assert.equal(await refusal(bytes.subarray(0, bytes.length / 3), { office: true, type: full }), 'broken', ending);
    }
});
