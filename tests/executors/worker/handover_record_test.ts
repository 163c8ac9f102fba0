import { assertEquals } from "@std/assert";
import * as fs from "node:fs";
import { HandoverRecord } from "../../../src/executors/worker/handover_record.ts";

/** A pipe that is held open, as a worker's input is, and what was handed over through it. */
class Handing {
  readonly folder = Deno.makeTempDirSync();
  readonly path = `${this.folder}/handed`;
  readonly #input = makePipe(`${this.folder}/in`);
  readonly #lease = makePipe(`${this.folder}/lease`);

  /** A node that comes. */
  node(): HandoverRecord {
    const handed = new HandoverRecord(this.path);
    handed.tryTime(this.#lease, () => fs.writeSync(this.#lease, "node\n"));
    return handed;
  }

  /** Hands a command over, or only announces it. */
  hand(handed: HandoverRecord, id: string, { isWritten = true } = {}): void {
    handed.writing(id, this.#input);
    if (!isWritten) return handed.close();
    fs.writeSync(this.#input, `${id}\n`);
    handed.written();
  }

  /** Writes a line that is no command. */
  write(): void {
    fs.writeSync(this.#input, "cancel\n");
  }

  /** What a node that comes finds of these commands. */
  find(...ids: string[]): string[] {
    return ids.map(HandoverRecord.find(this.path, `${this.folder}/in`));
  }

  [Symbol.dispose](): void {
    for (const pipe of [this.#input, this.#lease]) fs.closeSync(pipe);
    Deno.removeSync(this.folder, { recursive: true });
  }
}

function makePipe(path: string): number {
  new Deno.Command("mkfifo", { args: [path] }).outputSync();
  return fs.openSync(path, fs.constants.O_RDWR);
}

function test(what: string, body: (handing: Handing) => void): void {
  Deno.test(`handed over: ${what}`, () => {
    using handing = new Handing();
    body(handing);
  });
}

test("what is in the pipe was, and nothing else", (handing) => {
  const node = handing.node();
  for (const id of ["a", "b"]) handing.hand(node, id);
  node.close();
  assertEquals(handing.find("a", "b", "c"), ["yes", "yes", "no"]);
});

test("a node that is killed before the write has not handed it over", (handing) => {
  const node = handing.node();
  handing.hand(node, "a");
  handing.hand(node, "b", { isWritten: false });
  assertEquals(handing.find("a", "b"), ["yes", "no"]);
});

test("a node that is killed right after the write has", (handing) => {
  const node = handing.node();
  handing.hand(node, "a", { isWritten: false });
  handing.write();
  assertEquals(handing.find("a"), ["yes"]);
});

test("what the next node writes changes nothing of that", (handing) => {
  handing.hand(handing.node(), "a", { isWritten: false });
  assertEquals(handing.find("a"), ["no"]);
  const next = handing.node();
  handing.hand(next, "b");
  next.close();
  assertEquals(handing.find("a", "b"), ["no", "yes"]);
});

test("a command that comes again after all is in the pipe then", (handing) => {
  handing.hand(handing.node(), "a", { isWritten: false });
  assertEquals(handing.find("a"), ["no"]);
  const next = handing.node();
  handing.hand(next, "a");
  next.close();
  assertEquals(handing.find("a"), ["yes"]);
});

test("a line that did not fit is tried again without another note", (handing) => {
  const node = handing.node();
  handing.hand(node, "a", { isWritten: false });
  handing.hand(node, "a");
  node.close();
  assertEquals(Deno.readTextFileSync(handing.path), ">a\n");
  assertEquals(handing.find("a"), ["yes"]);
});

test("where a write does not set the time nobody knows", (handing) => {
  const node = new HandoverRecord(handing.path);
  handing.hand(node, "a");
  handing.hand(node, "b");
  node.close();
  assertEquals(handing.find("a", "b"), ["yes", "perhaps"]);
});

test("what older versions wrote means the same", (handing) => {
  Deno.writeTextFileSync(handing.path, "+a\n=a\n+b\n");
  assertEquals(handing.find("a", "b", "c"), ["yes", "perhaps", "no"]);
});

test("without the pipe nobody knows of the last one", (handing) => {
  const node = handing.node();
  handing.hand(node, "a");
  handing.hand(node, "b");
  node.close();
  Deno.removeSync(`${handing.folder}/in`);
  assertEquals(handing.find("a", "b"), ["yes", "perhaps"]);
});
