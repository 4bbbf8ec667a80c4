// Documents made by tests: small, of one kind each, no two alike.

import { randomBytes } from 'node:crypto';
import zlib, { deflateSync } from 'node:zlib';

/** A PDF whose pages say this, with a cross-reference table that is right. */
export function pdf(text, pages = 1) {
    const objects = ['<< /Type /Catalog /Pages 2 0 R >>',
        `<< /Type /Pages /Count ${pages} /Kids [${Array.from({ length: pages }, (_, i) => `${4 + 2 * i} 0 R`).join(' ')}] >>`,
        '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'];
    for (let i = 0; i < pages; i++) {
        const content = `BT /F1 24 Tf 72 720 Td (${text} ${i + 1}) Tj ET`;
        objects.push(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${5 + 2 * i} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
            `<< /Length ${content.length} >>\nstream\n${content}\nendstream`);
    }
    let file = '%PDF-1.4\n';
    const places = objects.map((object, i) => {
        const at = file.length;
        file += `${i + 1} 0 obj\n${object}\nendobj\n`;
        return at;
    });
    const table = file.length;
    file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${places.map(at => `${String(at).padStart(10, '0')} 00000 n \n`).join('')}`
        + `trailer\n<< /Size ${objects.length + 1} /Root 1 0 R >>\nstartxref\n${table}\n%%EOF\n`;
    return Buffer.from(file);
}

const chunk = (type, bytes) => {
    const body = Buffer.concat([Buffer.from(type), bytes]), ends = Buffer.alloc(8);
    ends.writeUInt32BE(bytes.length);
    ends.writeUInt32BE(checksum(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
};

/** CRC-32; Node 18's zlib has none. */
function checksum(bytes) {
    if (zlib.crc32)
        return zlib.crc32(bytes);
    let crc = ~0;
    for (const byte of bytes) {
        crc ^= byte;
        for (let i = 0; i < 8; i++)
            crc = crc >>> 1 ^ (crc & 1 && 0xedb88320);
    }
    return ~crc >>> 0;
}

/** A picture of one colour, which is by chance. */
export function png(width = 400, height = 300) {
    const head = Buffer.alloc(13), line = Buffer.concat([Buffer.alloc(1), ...Array(width).fill(randomBytes(3))]);
    head.writeUInt32BE(width);
    head.writeUInt32BE(height, 4);
    head.set([8, 2], 8);
    return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head),
        chunk('IDAT', deflateSync(Buffer.concat(Array(height).fill(line)))), chunk('IEND', Buffer.alloc(0))]);
}
