// Stamped pictures: size, depth, colours, profile, orientation and pages stay, and no pixel changes but
// under the stamp. What is no picture, or too much of one, is refused.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { documents, missing } from '../lib/real.mjs';
import { header, newFile, newPath, output, stamp, work } from '../lib/worker.mjs';

const raw = bytes => sharp(bytes, { pages: -1, limitInputPixels: false }).raw({ depth: 'ushort' }).toBuffer({ resolveWithObject: true });
const shape = ({ format, width, height, channels, depth, space, pages, pageHeight, orientation, hasAlpha, delay, loop, density }) =>
    ({ format, width, height, channels, depth, space, pages, pageHeight, orientation: orientation ?? 1, hasAlpha, delay, loop,
        ...format !== 'webp' && { density } });

/** A picture with something in it: soft noise. */
const noise = (width, height, channels = 3) => sharp({ create: { width, height, channels: 3, background: '#888',
    noise: { type: 'gaussian', mean: 128, sigma: 1.5 } } }).toColourspace(channels === 1 ? 'b-w' : 'srgb');

/**
 * Stamps, and compares by what libvips itself (in sharp) reads of both; {answer, path, changed, box}: the
 * share of samples that changed, and where. `loss` is what samples elsewhere may be off by.
 */
async function stamped(bytes, { loss = 0, options, same = true } = {}) {
    const { answer, path } = await stamp(bytes, options);
    assert.equal(answer.ok, true, answer.message);
    const after = readFileSync(path);
    const [was, is] = await Promise.all([bytes, after].map(file => sharp(file, { pages: -1 }).metadata()));
    if (same)
        assert.deepEqual(shape(is), shape(was));
    assert.deepEqual(is.icc, was.icc, 'the profile');
    if (was.format === 'jpeg' || was.format === 'png')
        assert.deepEqual(is.exif, was.exif, 'EXIF');
    const [before, now] = await Promise.all([bytes, after].map(raw));
    assert.deepEqual({ ...now.info, size: 0 }, { ...before.info, size: 0 });
    const changes = differences(before, now, loss);
    return { answer, path, was, is, ...changes };
}

function differences({ data: before, info }, { data: now }, loss) {
    const [one, two] = [before, now].map(({ buffer, byteOffset, length }) => new Uint16Array(buffer, byteOffset, length / 2));
    const box = { left: Infinity, top: Infinity, right: -1, bottom: -1 };
    let count = 0;
    for (let i = 0; i < one.length; i++) {
        if (Math.abs(one[i] - two[i]) <= loss)
            continue;
        const pixel = Math.floor(i / info.channels), x = pixel % info.width, y = Math.floor(pixel / info.width);
        count++;
        box.left = Math.min(box.left, x), box.right = Math.max(box.right, x);
        box.top = Math.min(box.top, y), box.bottom = Math.max(box.bottom, y);
    }
    return { changed: count / one.length, box, info };
}

/** Of one page: a small part changed, all of it at the lower right of the picture as it is stored. */
function atLowerRight({ changed, box, info }, most = 0.06) {
    assert.ok(changed > 0 && changed < most, `changed: ${changed}`);
    assert.ok(box.right > info.width * 0.9 && box.bottom > info.height * 0.9, JSON.stringify({ box, info }));
    const width = box.right - box.left + 1, height = box.bottom - box.top + 1;
    assert.ok(width * height < info.width * info.height * most * 2, JSON.stringify({ box, info }));
}

for (const { name, bytes } of missing ? [] : documents().filter(({ name }) => name.endsWith('.png')))
    test(`real scan ${name}, as it is and as a JPEG: nothing changes but under the stamp`, async () => {
        const whole = await stamped(bytes);
        atLowerRight(whole, 0.02);
        const jpeg = await sharp(bytes).jpeg({ quality: 85 }).toBuffer();
        atLowerRight(await stamped(jpeg), 0.03);
    });
test('real scans', { skip: missing }, () => {});

const jpegs = {
    'as most are': picture => picture.jpeg({ quality: 80 }),
    'without subsampling': picture => picture.jpeg({ quality: 90, chromaSubsampling: '4:4:4' }),
    progressive: picture => picture.jpeg({ progressive: true }),
    grey: picture => picture.toColourspace('b-w').jpeg(),
    CMYK: picture => picture.toColourspace('cmyk').jpeg(),
};
for (const [what, make] of Object.entries(jpegs))
    for (const [width, height] of [[1203, 801], [640, 480], [1001, 1777]])
        test(`JPEG, ${what}, ${width} x ${height}: blocks elsewhere stay bit for bit`, async () => {
            const bytes = await make(noise(width, height)).toBuffer();
            const result = await stamped(bytes);
            assert.equal(result.is.isProgressive, result.was.isProgressive);
            assert.equal(result.is.chromaSubsampling, result.was.chromaSubsampling);
            atLowerRight(result, 0.15);
        });

for (let orientation = 1; orientation <= 8; orientation++)
    test(`orientation ${orientation}: the stamp is upright at the lower right of what is shown`, async () => {
        for (const make of [picture => picture.jpeg(), picture => picture.png(), picture => picture.tiff(), picture => picture.webp({ lossless: true })]) {
            const bytes = await make(sharp({ create: { width: 900, height: 600, channels: 3, background: '#ffffff' } })
                .withMetadata({ orientation })).toBuffer();
            const { path, is } = await stamped(bytes);
            assert.equal(is.orientation ?? 1, orientation);
            const { data, info } = await sharp(path).rotate().greyscale().raw().toBuffer({ resolveWithObject: true });
            const box = { left: info.width, top: info.height, right: 0, bottom: 0 };
            for (let i = 0; i < data.length; i += info.channels)
                if (data[i] < 200) {
                    const x = i / info.channels % info.width, y = Math.floor(i / info.channels / info.width);
                    box.left = Math.min(box.left, x), box.right = Math.max(box.right, x);
                    box.top = Math.min(box.top, y), box.bottom = Math.max(box.bottom, y);
                }
            assert.ok(box.right > info.width * 0.95 && box.bottom > info.height * 0.95, `${is.format}: ${JSON.stringify(box)}`);
            assert.ok(box.right - box.left > 8 * (box.bottom - box.top), `one upright line: ${is.format} ${JSON.stringify(box)}`);
        }
    });

test('profiles, resolution and comments stay', async () => {
    for (const format of ['jpeg', 'png', 'webp', 'tiff']) {
        const bytes = await noise(800, 600).withIccProfile('p3').withMetadata({ density: 300, icc: 'p3',
            exif: { IFD0: { Copyright: 'Onefin' } } }).toFormat(format, { lossless: true }).toBuffer();
        const { was } = await stamped(bytes);
        assert.ok(was.icc?.length > 100, format);
    }
});

const pngs = {
    'grey of 8 bits': picture => picture.toColourspace('b-w').png(),
    'colours of 16 bits': picture => picture.toColourspace('rgb16').png(),
    'grey of 16 bits': picture => picture.toColourspace('grey16').png(),
    'with alpha': picture => picture.ensureAlpha(0.5).png(),
    interlaced: picture => picture.png({ progressive: true }),
    'adaptively filtered': picture => picture.png({ adaptiveFiltering: true }),
    'hardly compressed': picture => picture.png({ compressionLevel: 1 }),
    'not compressed': picture => picture.png({ compressionLevel: 0 }),
};
for (const [what, make] of Object.entries(pngs))
    test(`PNG, ${what}: pixels elsewhere stay bit for bit`, async () => {
        for (const [width, height] of [[700, 500], [513, 1100]])
            atLowerRight(await stamped(await make(noise(width, height)).toBuffer()), 0.15);
    });

test('what is above the stamp in a PNG stays compressed as it was', async () => {
    const bytes = await noise(1500, 2000).png({ adaptiveFiltering: true }).toBuffer();
    const after = readFileSync((await stamp(bytes)).path);
    const [begin, begun] = [bytes, after].map(file => file.indexOf('IDAT') + 6);
    const kept = bytes.subarray(begin, begin + 100000);
    assert.ok(Math.abs(after.length - bytes.length) < bytes.length * 0.05);
    assert.ok(after.subarray(begun, begun + 100000).equals(kept) || bytes.indexOf('IDAT', begin) < begin + 100000);
});

test('PNG with a palette becomes one of colours, with all its pixels', async () => {
    const { is } = await stamped(await noise(600, 400).png({ palette: true, colours: 16 }).toBuffer(), { same: false });
    assert.deepEqual([is.format, is.width, is.height, is.paletteBitDepth], ['png', 600, 400, undefined]);
});

test('black and white stays of one bit', async () => {
    const bilevel = await sharp(await noise(1000, 800).threshold(128).png().toBuffer()).toColourspace('b-w')
        .png({ palette: false }).toBuffer();
    const path = newPath('.png'), tiff = newPath('.tif');
    output('vips', 'pngsave', newFile(bilevel, '.png'), path, '--bitdepth', '1');
    output('vips', 'tiffsave', newFile(bilevel, '.png'), tiff, '--bitdepth', '1', '--compression', 'ccittfax4');
    for (const [file, type] of [[path, 'image/png'], [tiff, 'image/tiff']]) {
        const { path: after } = await stamped(readFileSync(file));
        if (type === 'image/tiff')
            assert.match(output('tiffinfo', after), /Bits\/Sample: 1[\s\S]*CCITT Group 4/);
        else
            assert.equal(readFileSync(after)[24], 1);
    }
});

test('WebP: lossless stays so, alpha and each frame too', async () => {
    atLowerRight(await stamped(await noise(640, 480).webp({ lossless: true }).toBuffer()), 0.15);
    const lossy = await stamped(await noise(640, 480).webp({ quality: 80 }).toBuffer(), { loss: 65535 });
    assert.equal(lossy.is.format, 'webp');
    const frames = await Promise.all([0, 1, 2].map(i => noise(400, 300).ensureAlpha(0.9 - i / 10).raw().toBuffer()));
    const moving = await sharp(Buffer.concat(frames), { raw: { width: 400, height: 900, channels: 4, pageHeight: 300 } })
        .webp({ lossless: true, loop: 3, delay: [100, 200, 300] }).toBuffer();
    const { answer, box, is } = await stamped(moving);
    assert.equal(answer.pages, 3);
    assert.equal(is.pages, 3);
    assert.ok(box.top < 300 && box.bottom > 600, 'on each frame');
});

const tiffs = { none: {}, lzw: {}, deflate: {}, packbits: {}, jpeg: { quality: 95 } };
for (const [compression, options] of Object.entries(tiffs))
    test(`TIFF, ${compression}: the same compression, the same pixels`, async () => {
        const bytes = await noise(700, 500).tiff({ compression, predictor: 'none', ...options }).toBuffer();
        const { path } = await stamped(bytes, { loss: compression === 'jpeg' ? 65535 : 0 });
        const scheme = { none: 'None', lzw: 'LZW', deflate: 'AdobeDeflate', packbits: 'PackBits', jpeg: 'JPEG' }[compression];
        assert.match(output('tiffinfo', path), new RegExp(`Compression Scheme: ${scheme}`));
    });

test('TIFF with pages of different sizes, depths and compressions: all are stamped, and are what they were', async () => {
    const pages = [
        await noise(900, 1200).tiff({ compression: 'lzw' }).toBuffer(),
        await noise(600, 500).toColourspace('b-w').tiff({ compression: 'deflate' }).toBuffer(),
        await noise(1200, 700).jpeg().toBuffer().then(jpeg => sharp(jpeg).tiff({ compression: 'jpeg', quality: 80 }).toBuffer()),
        await noise(1000, 1000).withMetadata({ orientation: 6, density: 200 }).tiff({ compression: 'none' }).toBuffer(),
    ];
    const many = newPath('.tif');
    output('tiffcp', ...pages.map(page => newFile(page, '.tif')), many);
    const { answer, path } = await stamp(many);
    assert.equal(answer.ok, true, answer.message);
    assert.equal(answer.pages, pages.length);
    const told = text => text.match(/(Image Width|Bits\/Sample|Compression Scheme|Samples\/Pixel|Orientation|Resolution): .*/g)
        .filter(line => !/Orientation: row 0 top, col 0 lhs/.test(line));
    assert.deepEqual(told(output('tiffinfo', path)), told(output('tiffinfo', many)));
    for (let page = 0; page < pages.length; page++) {
        const [before, now] = await Promise.all([many, path].map(file => sharp(file, { page }).raw({ depth: 'ushort' })
            .toBuffer({ resolveWithObject: true })));
        const { changed } = differences(before, now, page === 2 ? 40 : 0);
        assert.ok(changed > 0.001 && changed < 0.2, `page ${page + 1}: ${changed}`);
    }
});

test('HEIC becomes JPEG', async () => {
    const heic = newPath('.heic'), jpeg = newFile(await noise(800, 600).png().toBuffer(), '.png');
    output('heif-enc', '-q', '70', '-o', heic, jpeg);
    const preview = newPath('.webp');
    const { answer, path } = await stamp(heic, { preview });
    assert.equal(answer.ok, true, answer.message);
    assert.deepEqual([answer.type, answer.extension, answer.preview], ['image/jpeg', 'jpg', true]);
    assert.deepEqual([header(path, 'width'), header(path, 'height')], ['800', '600']);
});

test('light, dark and coloured pictures: the letters stand out', async () => {
    for (const background of ['#ffffff', '#000000', '#c02020', '#2040c0', '#888888']) {
        const bytes = await sharp({ create: { width: 1200, height: 900, channels: 3, background } }).png().toBuffer();
        const { path, box } = await stamped(bytes);
        const { data } = await sharp(path).extract({ left: box.left, top: box.top, width: box.right - box.left + 1,
            height: box.bottom - box.top + 1 }).greyscale().raw().toBuffer({ resolveWithObject: true });
        const sorted = [...data].sort((a, b) => a - b);
        const [dark, light] = [sorted[Math.floor(sorted.length * 0.02)], sorted[Math.floor(sorted.length * 0.7)]];
        assert.ok(light - dark > 120, `${background}: ${dark} on ${light}`);
    }
});

test('it goes where the picture is calm', async () => {
    const page = sharp({ create: { width: 1200, height: 900, channels: 3, background: '#fff' } });
    const busy = await sharp({ create: { width: 900, height: 120, channels: 3, background: '#fff',
        noise: { type: 'gaussian', mean: 128, sigma: 90 } } }).png().toBuffer();
    const left = await page.clone().composite([{ input: await sharp(busy).extract({ left: 0, top: 0, width: 560, height: 120 }).png().toBuffer(),
        left: 640, top: 780 }]).png().toBuffer();
    const right = stampBox => stampBox.left > 600;
    for (const format of ['png', 'jpeg', 'tiff', 'webp']) {
        const bytes = await sharp(left).toFormat(format, { quality: 95, lossless: true, compression: 'lzw' }).toBuffer();
        const { box } = await stamped(bytes);
        assert.equal(right(box), false, `${format}: ${JSON.stringify(box)}`);
    }
});

test('small pictures: as small as letters can be read, then not at all', async () => {
    for (const [width, height] of [[400, 300], [200, 150], [150, 600], [1000, 40]]) {
        const { answer } = await stamp(await noise(width, height).png().toBuffer(), { name: 'Kim', at: '26.11.2026' });
        assert.equal(answer.ok, true, `${width} x ${height}: ${answer.message}`);
    }
    for (const [width, height] of [[10, 10], [1, 1], [60, 60], [2000, 8]])
        for (const format of ['png', 'jpeg', 'webp', 'tiff']) {
            const { answer } = await stamp(await noise(width, height).toFormat(format).toBuffer());
            assert.equal(answer.reason, 'unsupported', `${width} x ${height}`);
            assert.match(answer.message, /too small/);
        }
});

/** A PNG of a few bytes that says it is that large. */
function hugePng(width, height) {
    const chunk = (name, data) => {
        const body = Buffer.concat([Buffer.from(name), data]), size = Buffer.alloc(4), sum = Buffer.alloc(4);
        size.writeUInt32BE(data.length);
        sum.writeUInt32BE(crc(body));
        return Buffer.concat([size, body, sum]);
    };
    const head = Buffer.alloc(13);
    head.writeUInt32BE(width, 0);
    head.writeUInt32BE(height, 4);
    head.set([8, 2, 0, 0, 0], 8);
    return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head),
        chunk('IDAT', deflateSync(Buffer.alloc(1 << 20))), chunk('IEND', Buffer.alloc(0))]);
}

function crc(bytes) {
    let sum = ~0;
    for (const byte of bytes) {
        sum ^= byte;
        for (let i = 0; i < 8; i++)
            sum = sum >>> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum >>> 0;
}

const refusal = async (bytes, options) => {
    const { answer } = await stamp(bytes, options);
    assert.equal(answer.ok, false, 'refused');
    assert.ok(answer.message.length > 10);
    return answer.reason;
};

test('pictures that are too large are refused by their header', async () => {
    assert.equal(await refusal(hugePng(50000, 50000)), 'too_large');
    assert.equal(await refusal(hugePng(1000000, 101)), 'too_large');
    const many = await sharp(randomBytes(3 * 20 * 2100), { raw: { width: 20, height: 2100, channels: 3, pageHeight: 1 } }).webp().toBuffer();
    assert.equal(await refusal(many), 'too_large');
    const { answer } = await work('preview', hugePng(50000, 50000));
    assert.equal(answer.reason, 'too_large');
});

test('what is damaged, truncated or not what it says is refused', async () => {
    for (const format of ['png', 'jpeg', 'webp', 'tiff']) {
        const bytes = await noise(700, 500).toFormat(format).toBuffer(), type = `image/${format}`;
        assert.equal(await refusal(bytes.subarray(0, bytes.length / 2)), 'broken', `half of ${format}`);
        assert.equal(await refusal(Buffer.from('this is text'), { type }), 'broken', `text as ${format}`);
        assert.equal(await refusal(Buffer.alloc(0), { type }), 'broken', `nothing as ${format}`);
        for (const other of ['png', 'jpeg', 'webp', 'tiff'].filter(name => name !== format))
            assert.equal(await refusal(bytes, { type: `image/${other}` }), 'broken', `${format} as ${other}`);
        assert.equal(await refusal(bytes, { type: 'application/pdf' }), 'broken', `${format} as PDF`);
    }
    const damaged = await noise(700, 500).png().toBuffer();
    damaged[damaged.length >> 1] ^= 1;
    assert.equal(await refusal(damaged), 'broken');
    assert.equal(await refusal(await noise(700, 500).gif().toBuffer()), 'unsupported');
    assert.equal(await refusal(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), { type: 'image/svg+xml' }), 'unsupported');
});

test('bytes changed at random: an answer, whatever it is', async () => {
    let state = 7;
    const random = most => (state = state * 48271 % 2147483647) % most;
    for (const format of ['png', 'jpeg', 'webp', 'tiff']) {
        const bytes = await noise(400, 300).toFormat(format).toBuffer();
        for (let turn = 0; turn < 8; turn++) {
            const odd = Buffer.from(bytes);
            for (let i = 0; i < 5; i++)
                odd[random(odd.length)] = random(256);
            const { answer } = await stamp(odd, { type: `image/${format}`, preview: newPath() });
            assert.ok(answer.ok || ['broken', 'unsupported', 'too_large'].includes(answer.reason), JSON.stringify(answer));
        }
    }
});

test('previews: WebP of 640 pixels at most, upright, of the first page', async () => {
    const bytes = await noise(2000, 1000).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const preview = newPath('.webp');
    const { answer } = await stamp(bytes, { preview });
    assert.equal(answer.preview, true);
    assert.deepEqual([header(preview, 'width'), header(preview, 'height')], ['320', '640']);
    const small = await work('preview', await noise(100, 50).png().toBuffer());
    assert.deepEqual([header(small.path, 'width'), header(small.path, 'height')], ['100', '50']);
    const { path } = await work('preview', await noise(900, 600).toColourspace('cmyk').jpeg().toBuffer());
    assert.equal((await sharp(path).metadata()).space, 'srgb');
});

// Logos.

const svg = (inner, more = 'width="200" height="100"', head = '') =>
    Buffer.from(`${head}<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${more}>${inner}</svg>`);

test('a logo, PNG or SVG, becomes a PNG of bounded size', async () => {
    for (const bytes of [svg('<rect width="200" height="100" fill="#c00"/>'), svg('<rect width="9" height="9"/>', 'viewBox="0 0 20 10"'),
        await sharp({ create: { width: 2000, height: 1000, channels: 4, background: '#ff000080' } }).png().toBuffer(),
        await noise(40, 20).toColourspace('b-w').png().toBuffer()]) {
        const { answer, path } = await work('logo', bytes);
        assert.equal(answer.ok, true, answer.message);
        const { format, height, width, depth, space } = await sharp(path).metadata();
        assert.deepEqual({ format, depth, space }, { format: 'png', depth: 'uchar', space: 'srgb' });
        assert.ok(height <= 512 && Math.abs(width / height - 2) < 0.1, `${width} x ${height}`);
    }
});

test('logos that reach out, or blow up, do no harm', async () => {
    const secret = newFile(svg('<rect width="200" height="100" fill="#00ff00"/>'), '.svg');
    const picture = newFile(await sharp({ create: { width: 20, height: 20, channels: 3, background: '#00ff00' } }).png().toBuffer(), '.png');
    const outside = [`<image width="200" height="100" href="file://${picture}"/>`, `<image width="200" height="100" xlink:href="${picture}"/>`,
        `<use href="file://${secret}#x"/>`, '<script>while (true);</script>', '<image href="http://127.0.0.1:1/x.png" width="9" height="9"/>'];
    for (const inner of outside) {
        const { answer, path } = await work('logo', svg(inner), { type: 'image/svg+xml' });
        if (!answer.ok)
            continue;
        const { data } = await sharp(path).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
        assert.ok(data.every((value, i) => i % 4 !== 3 || value === 0), `nothing is drawn by ${inner}`);
    }
    const bomb = `<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">${Array.from({ length: 9 }, (_, i) =>
        `<!ENTITY ${'bcdefghij'[i]} "${`&${'abcdefghi'[i]};`.repeat(10)}">`).join('')}]>`;
    const entity = `<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>`;
    for (const [head, inner] of [[bomb, '<text>&j;</text>'], [entity, '<text>&x;</text>'], ['', `${'<g>'.repeat(15000)}${'</g>'.repeat(15000)}`],
        ['', '<rect width="1e9" height="1e9" filter="url(#f)"/><filter id="f"><feGaussianBlur stdDeviation="1e9"/></filter>']]) {
        const { answer } = await work('logo', svg(inner, undefined, head), { type: 'image/svg+xml', seconds: 20 });
        assert.ok(answer.ok || ['broken', 'too_large', 'time', 'died'].includes(answer.reason), JSON.stringify(answer));
    }
});

test('what is no logo is refused', async () => {
    const reason = async (bytes, options) => (await work('logo', bytes, options)).answer.reason;
    assert.equal(await reason(await noise(10, 10).jpeg().toBuffer()), 'unsupported');
    assert.equal(await reason(Buffer.from('no picture')), 'broken');
    assert.equal(await reason(hugePng(20000, 20000)), 'too_large');
    assert.equal(await reason(Buffer.alloc(129 * 1024, ' ')), 'too_large');
});
