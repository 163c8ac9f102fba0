import { assert, assertEquals } from "@std/assert";
import { holdSecret } from "../../src/log.ts";
import { byteLength, firstPiece } from "../../src/logs/log_lines.ts";

type Printed = string | number[];
type Case = [
  name: string,
  given: { printed: Printed; limit?: number; atEnd?: boolean; cutsLines?: boolean },
  expected: [bytes: number, text: string] | "too long" | undefined,
];

function bytesOf(printed: Printed): Uint8Array {
  return typeof printed === "string" ? new TextEncoder().encode(printed) : Uint8Array.from(printed);
}

const CASES: Case[] = [
  ["nothing", { printed: "" }, undefined],
  ["whole lines", { printed: "a\nb\n" }, [4, "a\nb\n"]],
  ["a line that is still being written stays", { printed: "a\nb" }, [2, "a\n"]],
  ["nothing but such a line stays", { printed: "abc" }, undefined],
  ["at the end it goes, as a whole line", { printed: "a\nb", atEnd: true }, [3, "a\nb\n"]],
  ["as many lines as fit", { printed: "aa\nbb\ncc\n", limit: 7 }, [6, "aa\nbb\n"]],
  ["a line that does not fit waits", { printed: "aaaaaa\n", limit: 4 }, "too long"],
  ["or is cut", { printed: "aaaaaa\n", limit: 4, cutsLines: true }, [3, "aaa\n"]],
  [
    "an unfinished line that fits is not cut",
    { printed: "aaa", limit: 4, cutsLines: true },
    undefined,
  ],
  ["no room", { printed: "a\n", limit: 0 }, "too long"],
  ["Windows line breaks stay", { printed: "a\r\nb\r\n" }, [6, "a\r\nb\r\n"]],
  ["a progress bar goes up to its last state", { printed: "\r 1%\r 2%\r 3%" }, [9, "\r 1%\r 2%\n"]],
  ["half of a Windows line break waits for the other", { printed: "abc\r" }, undefined],
  ["a progress bar at the end", { printed: " 1%\r 2%\r", atEnd: true }, [8, " 1%\r 2%\n"]],
  ["NUL is replaced", { printed: "a\0b\n" }, [4, "a\ufffdb\n"]],
  ["what is no UTF-8 is replaced", { printed: [0x61, 0xff, 0x0a] }, [3, "a\ufffd\n"]],
  [
    "no more of it than fits once it is replaced",
    { printed: [0xff, 0x0a, 0xff, 0x0a, 0xff, 0x0a], limit: 9 },
    [4, "\ufffd\n\ufffd\n"],
  ],
  [
    "nor at the end",
    { printed: [0x80, 0x80, 0x80], limit: 8, atEnd: true, cutsLines: true },
    [2, "\ufffd\ufffd\n"],
  ],
  ["a byte order mark stays", { printed: "\ufeffa\n" }, [5, "\ufeffa\n"]],
  ["no character is cut in two", { printed: "aé€😀\n", limit: 9, cutsLines: true }, [6, "aé€\n"]],
];

for (const [name, { printed, limit = 100, atEnd = false, cutsLines = false }, expected] of CASES) {
  Deno.test(`a piece of output: ${name}`, () => {
    const piece = firstPiece(bytesOf(printed), { limit, atEnd, cutsLines });
    const seen = typeof piece === "object" ? [piece.bytes, piece.text] : piece;
    assertEquals<unknown>(seen, expected);
  });
}

Deno.test("a secret is masked wherever a piece ends, and whatever part of it is printed so far", () => {
  const secrets = ["tok3n-abcdefgh", "pässwörd-ü😀", "aabaab"];
  const releases = secrets.map((secret) => holdSecret(secret));
  try {
    for (const secret of secrets) {
      const printed = bytesOf(`${"x".repeat(40)}${secret}${secret}${"y".repeat(40)}\r${secret}`);
      for (let limit = 24; limit < printed.length + 2; limit++) {
        // Whatever has been printed when it is looked for, the next look sees the rest.
        for (const visible of [30, 45, 50, 60, printed.length]) {
          const texts: string[] = [];
          for (let at = 0; at < printed.length;) {
            const seen = Math.max(visible, at + limit);
            const atEnd = seen >= printed.length;
            const part = printed.subarray(at, Math.min(seen, at + limit));
            const isAll = atEnd && at + part.length === printed.length;
            const piece = firstPiece(part, { limit, atEnd: isAll, cutsLines: true });
            assert(typeof piece === "object" && piece.bytes > 0, `${secret} ${limit} ${at}`);
            assert(piece.size <= limit);
            texts.push(piece.text);
            at += piece.bytes;
          }
          const text = texts.join("").replaceAll("\n", "");
          assertEquals(text.replaceAll("*", "").replace(/[xy\r]/g, ""), "", `${limit} ${text}`);
        }
      }
    }
  } finally {
    for (const release of releases) release();
  }
});

Deno.test("the beginning of a secret at the end of what is printed waits for the rest", () => {
  const release = holdSecret("tok3n-abcdefgh");
  try {
    const given = { limit: 20, atEnd: false, cutsLines: true };
    const piece = firstPiece(bytesOf(`${"x".repeat(14)}tok3n-`), given);
    assertEquals(piece, { bytes: 14, text: `${"x".repeat(14)}\n`, size: 15 });
    assertEquals(firstPiece(bytesOf("tok3n-\r"), given), undefined);
  } finally {
    release();
  }
});

Deno.test("a piece of output: any bytes within any limit make progress, and all comes out", () => {
  // A linear congruential generator: the same bytes in every run.
  let seed = 1;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  for (let round = 0; round < 300; round++) {
    const printed = Uint8Array.from({ length: 200 }, () => Math.floor(random() * 256));
    const limit = 8 + Math.floor(random() * 60);
    for (let at = 0; at < printed.length;) {
      const piece = firstPiece(printed.subarray(at), { limit, atEnd: true, cutsLines: true });
      assert(typeof piece === "object" && piece.bytes > 0, `${printed}`);
      assertEquals(piece.size, byteLength(piece.text));
      assert(piece.size <= limit && piece.text.endsWith("\n") && !piece.text.includes("\0"));
      at += piece.bytes;
    }
  }
});
