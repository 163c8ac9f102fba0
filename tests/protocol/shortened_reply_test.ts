import { assertEquals } from "@std/assert";
import {
  encodeReply,
  errorReply,
  fitReply,
  okReply,
  type Reply,
  whole,
} from "../../src/protocol/response.ts";
import { errorInPlaceOf, readReply } from "../../src/protocol/shortened_reply.ts";

const FROM = { slug: "s", uuid: "u" };
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

Deno.test("replies are told from statuses and from anything else", () => {
  const replies = [okReply(FROM, "r1", whole("out")), errorReply(FROM, undefined, whole("why"))];
  for (const reply of replies) assertEquals(readReply(encodeReply(reply)), reply);
  const others = [
    "",
    "{",
    "[]",
    "1",
    '{"status":"completed","request_id":"r1"}',
    '{"status":"ok"}',
  ];
  for (const text of others) assertEquals(readReply(encode(text)), undefined, text);
});

Deno.test("an error in place of a reply answers the same command, whatever its id", () => {
  const ids = ['"r1"', "null", "12345678901234567890"];
  for (const id of ids) {
    const text = `{"status":"ok","request_id":${id},"slug":"s","instance_uuid":"u","output":"o"}`;
    const error = decode(errorInPlaceOf(readReply(encode(text))!, "too large"));
    assertEquals(
      error,
      `{"status":"error","request_id":${id},"slug":"s","instance_uuid":"u","error":"too large"}`,
    );
  }
});

Deno.test("a reply that is cut to fit keeps every digit of its id", () => {
  const id = { rawJSON: "12345678901234567890" };
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): typeof id };
  const reply = { ...okReply(FROM, "", whole("x".repeat(9_000))), request_id: rawJSON(id.rawJSON) };
  const cut = decode(fitReply(encodeReply(reply as Reply), "t", 1_000));
  assertEquals(cut.includes(`"request_id":${id.rawJSON},`), true);
});
