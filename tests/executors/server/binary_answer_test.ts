import { assertEquals } from "@std/assert";
import { binaryExtension, binaryOutput } from "../../../src/executors/server/binary_answer.ts";

for (
  const [type, extension] of [
    ["image/png", "png"],
    ["IMAGE/JPEG; quality=90", "jpg"],
    ["image/svg+xml", "svg"],
    ["image/vnd.adobe.photoshop", "bin"],
    ["image/../../etc", "bin"],
    ["audio/wav", "wav"],
    ["audio/mpeg", "mp3"],
    ["video/mp4", "mp4"],
    ["application/octet-stream", "bin"],
    ["application/pdf", "pdf"],
    ["application/zip", "zip"],
    ["application/json", undefined],
    ["application/x-ndjson", undefined],
    ["application/xml", undefined],
    ["text/plain", undefined],
    ["constructor", undefined],
    ["", undefined],
  ] as const
) {
  Deno.test(`an answer of the type "${type}" is ${extension ?? "text"}`, () => {
    assertEquals(binaryExtension(type), extension);
  });
}

Deno.test("base64 is that of the whole, whatever the pieces are", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => 255 - index);
  for (const length of [1, 2, 3, 64, 100]) {
    const pieces = [];
    for (let at = 0; at < bytes.length; at += length) pieces.push(bytes.subarray(at, at + length));
    const text = Array.from(
      binaryOutput(pieces, "bin", undefined),
      (piece) => new TextDecoder().decode(piece),
    ).join("");
    assertEquals(text, bytes.toBase64());
  }
  assertEquals(Array.from(binaryOutput([], "bin", undefined)).join(""), "");
});
