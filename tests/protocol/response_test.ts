import { assert, assertEquals } from "@std/assert";
import {
  encodeReply,
  errorReply,
  fitReply,
  okReply,
  type Reply,
  whole,
} from "../../src/protocol/response.ts";

const FROM = { slug: "my-node", uuid: "u-1" };

function decoded(bytes: Uint8Array): Reply {
  return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
}

function textOf(reply: Reply): string {
  return reply.status === "ok" ? reply.output : reply.error;
}

Deno.test("a reply of success, exactly", () => {
  assertEquals(
    new TextDecoder().decode(encodeReply(okReply(FROM, "r1", whole("out\n")))),
    '{"status":"ok","request_id":"r1","slug":"my-node","instance_uuid":"u-1","output":"out\\n"}',
  );
});

Deno.test("a reply of failure, exactly", () => {
  assertEquals(
    new TextDecoder().decode(encodeReply(errorReply(FROM, "r1", whole("why")))),
    '{"status":"error","request_id":"r1","slug":"my-node","instance_uuid":"u-1","error":"why"}',
  );
});

Deno.test("a command without id is answered with null", () => {
  assertEquals(okReply(FROM, undefined, whole("")).request_id, null);
  assertEquals(errorReply(FROM, undefined, whole("")).request_id, null);
});

Deno.test("a number is answered as it came, an empty id as well", () => {
  assertEquals(errorReply(FROM, 7, whole("")).request_id, 7);
  assertEquals(errorReply(FROM, "", whole("")).request_id, "");
});

Deno.test("what was cut before is marked in the reply", () => {
  const cut = { text: "a…z", truncated: true };
  assertEquals(okReply(FROM, "r1", cut).output_truncated, true);
  assertEquals(errorReply(FROM, "r1", cut).output_truncated, true);
});

const NASTY: Record<string, string> = {
  "plain text": "x",
  "control characters, which take six bytes": "\u0001",
  "quotes": '"',
  "two-byte characters": "é",
  "astral characters": "😀",
  "lone surrogates": "\ud800",
  "a mixture": 'a\u0000é\n"😀\\\ud83d ',
};

for (const [name, piece] of Object.entries(NASTY)) {
  Deno.test(`encodeReply() never exceeds its limit: ${name}`, () => {
    const text = piece.repeat(Math.ceil(50_000 / piece.length));
    const full = encodeReply(okReply(FROM, "r1", whole(text))).length;
    for (const limit of [200, 201, 255, 1_000, 4_097, 50_000, full - 1]) {
      for (const make of [okReply, errorReply]) {
        const bytes = encodeReply(make(FROM, "r1", whole(text)), limit);
        assert(bytes.length <= limit, `${bytes.length} > ${limit}`);
        const reply = decoded(bytes);
        assertEquals([reply.request_id, reply.output_truncated], ["r1", true]);
        assert(textOf(reply).isWellFormed(), "a character was cut in two");
      }
    }
    assertEquals(encodeReply(okReply(FROM, "r1", whole(text)), full).length, full);
  });
}

Deno.test("a cut keeps the head and the tail and tells how much is gone", () => {
  const text = "HEAD" + "-".repeat(5_000) + "TAIL";
  const output = textOf(decoded(encodeReply(okReply(FROM, "r1", whole(text)), 600)));
  const [, head, omitted, tail] = /^(HEAD-*)\n\[\.\.\. (\d+) characters cut out \.\.\.\]\n(-*TAIL)$/
    .exec(output)!;
  assertEquals(head.length + Number(omitted) + tail.length, text.length);
  assert(output.length > 400, "most of the room is used");
});

Deno.test("an absurdly small limit leaves at least the envelope", () => {
  for (const limit of [100, 1, 0, -50]) {
    const reply = decoded(encodeReply(okReply(FROM, "r1", whole("x".repeat(1_000))), limit));
    assertEquals([reply.status, reply.request_id, reply.slug], ["ok", "r1", "my-node"]);
  }
});

Deno.test("fitReply() leaves a reply alone that fits, byte for byte", () => {
  const payload = encodeReply(okReply(FROM, "r1", whole("x".repeat(1_000))));
  assertEquals(fitReply(payload, "t", Infinity), payload);
  assertEquals(fitReply(payload, "t", payload.length + 100), payload);
});

Deno.test("fitReply() leaves room for the topic and the rest of the packet", () => {
  const payload = encodeReply(errorReply(FROM, "r1", whole("é".repeat(1_000))));
  const topic = "é".repeat(100);
  const fitted = fitReply(payload, topic, 1_000);
  assert(fitted.length <= 1_000 - 200 - 7, String(fitted.length));
  assertEquals(decoded(fitted).output_truncated, true);
});
