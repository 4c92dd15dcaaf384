"""Pictures of screens, small enough to be kept: PNG with the colours that a screen mostly has."""

import base64
import pathlib
import struct
import zlib

#: Colours of a picture: those that most points have, and none that is much like another. The others become the nearest.
COLOURS = 128

#: Run in a page: takes a picture as the browser made it; gives its size, its colours and the number of each point's.
REDUCE = """
    const [taken, most] = arguments;
    const bytes = Uint8Array.from(atob(taken), letter => letter.charCodeAt(0));
    return createImageBitmap(new Blob([bytes], {type: 'image/png'})).then(image => {
        const {width, height} = image;
        const surface = new OffscreenCanvas(width, height).getContext('2d');
        surface.drawImage(image, 0, 0);
        const points = new Uint32Array(surface.getImageData(0, 0, width, height).data.buffer);
        const count = new Map();
        for (const point of points) count.set(point, (count.get(point) || 0) + 1);
        const parts = point => [point & 255, point >> 8 & 255, point >> 16 & 255];
        const far = (one, other) => one.reduce((sum, value, part) => sum + (value - other[part]) ** 2, 0);
        const colours = [...count].sort((a, b) => b[1] - a[1]).map(([point]) => parts(point));
        const chosen = [];
        for (const colour of colours) {
            if (chosen.length < most && chosen.every(one => far(one, colour) > 100)) chosen.push(colour);
        }
        const known = new Map();
        for (const point of count.keys()) {
            const distances = chosen.map(one => far(one, parts(point)));
            known.set(point, distances.indexOf(Math.min(...distances)));
        }
        let numbers = '';
        for (const point of points) numbers += String.fromCharCode(known.get(point));
        return [width, height, chosen.flat(), btoa(numbers)];
    });
"""


def keep(browser, taken: str, file: pathlib.Path) -> None:
    """Writes a picture that the browser took, in Base64, as one with few colours."""
    width, height, colours, numbers = browser.run(REDUCE, taken, COLOURS)
    points = base64.b64decode(numbers)
    # Each row of points begins with a byte that says how it is written: as it is.
    rows = b"".join(b"\0" + points[start : start + width] for start in range(0, width * height, width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"PLTE", bytes(colours)), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks))


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
