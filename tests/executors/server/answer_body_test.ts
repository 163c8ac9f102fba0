import { assertEquals } from "@std/assert";
import { AnswerBody } from "../../../src/executors/server/answer_body.ts";
import { WorkloadFolder } from "../../../src/workloads/folder.ts";

/** The output in a body that says it is JSON. */
function outputOf(text: string): string {
  using body = new AnswerBody(new WorkloadFolder("/nowhere"));
  body.add(new TextEncoder().encode(text));
  const decoder = new TextDecoder();
  const pieces = [...body.output({ start: 0, end: body.size }, true)];
  return pieces.map((piece) => decoder.decode(piece, { stream: true })).join("");
}

Deno.test("the body of an answer: a JSON string is decoded, and nothing else is changed", () => {
  assertEquals(outputOf(' "a\\nb"\n'), "a\nb");
  for (const text of ['"unfinished', '"', '{"a": "b"}', "1"]) assertEquals(outputOf(text), text);
});
