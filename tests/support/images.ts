/** Images, as small as they get; nobody looks at more than their beginnings. */

const bytes = (...parts: (string | number)[]) =>
  new Uint8Array(
    parts.flatMap((part) =>
      typeof part === "number" ? part : Array.from(part, (char) => char.charCodeAt(0))
    ),
  );

/** One of each format that a node takes. */
export const IMAGES: Readonly<Record<"png" | "jpeg" | "gif" | "webp", Uint8Array<ArrayBuffer>>> = {
  png: bytes(0x89, "PNG\r\n\x1a\n", 0, 0, 0, 13, "IHDR"),
  jpeg: bytes(0xff, 0xd8, 0xff, 0xe0, 0, 16, "JFIF", 0),
  gif: bytes("GIF89a", 1, 0, 1, 0),
  webp: bytes("RIFF", 26, 0, 0, 0, "WEBPVP8L"),
};
