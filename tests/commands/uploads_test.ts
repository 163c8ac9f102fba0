import { assertEquals } from "@std/assert";
import { PlatformStatus } from "../../src/commands/platform_status.ts";
import { type Results, Uploads } from "../../src/commands/uploads.ts";
import type { Pending } from "../../src/journal/messages.ts";
import { NO_RESULTS } from "../support/commands.ts";
import { newCommand, SUCCESS, TestJournal } from "../support/journal.ts";

type Outcome = Awaited<ReturnType<Results["upload"]>>;

/** Uploads, and a command of which the results are to be sent. */
class Harness implements Disposable {
  readonly #test = new TestJournal();
  readonly clock = this.#test.clock;
  readonly logger = this.#test.logger;
  readonly journal = this.#test.journal;
  readonly command = newCommand("c1", { workloadUuid: "w-1" });
  /** The uploads under way or done. */
  readonly begun: PromiseWithResolvers<Outcome>[] = [];
  readonly sent: Pending[] = [];
  readonly uploads = new Uploads({
    platformStatus: new PlatformStatus((uuid) => uuid),
    results: {
      ...NO_RESULTS,
      upload: (_command, signal) => {
        const upload = Promise.withResolvers<Outcome>();
        signal.addEventListener("abort", () => upload.reject(signal.reason));
        this.begun.push(upload);
        return upload.promise;
      },
    },
    journal: this.journal,
    outbox: { send: (messages) => this.sent.push(...messages) },
    clock: this.clock,
    logger: this.logger,
  });

  constructor() {
    this.journal.accept(this.command);
    this.journal.end("c1", SUCCESS, [], true);
  }

  /** The statuses so far, by name. */
  get reported(): string[] {
    return this.sent.map(({ payload }) => JSON.parse(new TextDecoder().decode(payload)).status);
  }

  [Symbol.dispose](): void {
    this.#test[Symbol.dispose]();
  }
}

Deno.test("what ended since the node started is not taken up a second time", async () => {
  using test = new Harness();
  test.uploads.begin(test.command);
  test.uploads.resume();
  assertEquals([test.begun.length, test.uploads.commands().length], [1, 1]);
  test.begun[0].resolve({ type: "uploaded" });
  await test.uploads.done();
  assertEquals([test.reported, test.journal.finalizing()], [["completed"], []]);
  assertEquals(test.uploads.commands(), []);
});

Deno.test("the end of a workload is reported once, whoever finds it", async () => {
  using test = new Harness();
  for (const outcome of [{ type: "uploaded" }, { type: "failed", reason: "why" }] as const) {
    test.uploads.begin(test.command);
    test.begun.at(-1)!.resolve(outcome);
    await test.uploads.done();
  }
  assertEquals(test.reported, ["completed"]);
});

Deno.test("an upload that breaks off is tried again", async () => {
  using test = new Harness();
  test.uploads.begin(test.command);
  for (let attempt = 0; attempt < 3; attempt++) {
    test.begun[attempt].reject(new Error("disk I/O error"));
    await test.clock.advance(0);
    await test.clock.advance(30_000);
    assertEquals(test.begun.length, attempt + 2);
  }
  assertEquals(
    test.logger.shown[0],
    "error: Cannot finish the upload of inference request-c1: disk I/O error; retrying",
  );
  test.begun[3].resolve({ type: "uploaded" });
  await test.uploads.done();
  assertEquals(test.reported, ["completed"]);
});

Deno.test("a node that stops interrupts its uploads and reports nothing", async () => {
  using test = new Harness();
  test.uploads.resume();
  await test.uploads.leave();
  assertEquals([test.reported, test.journal.finalizing().length], [[], 1]);
  assertEquals(test.logger.shown, []);
});

Deno.test("what nobody tracks leaves no results, and has no folder for them", async () => {
  using test = new Harness();
  const command = newCommand("c2");
  assertEquals(test.uploads.variablesFor(command), {});
  assertEquals(await test.uploads.take(command, { status: "ok", end: { cause: "exited" } }), []);
});
