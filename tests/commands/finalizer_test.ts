import { assertEquals } from "@std/assert";
import { Finalizer, type Uploads } from "../../src/commands/finalizer.ts";
import { Tracking } from "../../src/commands/platform_status.ts";
import type { Pending } from "../../src/journal/messages.ts";
import { newCommand, SUCCESS, TestJournal } from "../support/journal.ts";

type Outcome = Awaited<ReturnType<Uploads["upload"]>>;

/** A finalizer, and a command of which it is to upload the results. */
class Harness implements Disposable {
  readonly #test = new TestJournal();
  readonly clock = this.#test.clock;
  readonly logger = this.#test.logger;
  readonly journal = this.#test.journal;
  readonly command = newCommand("c1", { workloadUuid: "w-1" });
  /** The uploads under way or done. */
  readonly uploads: PromiseWithResolvers<Outcome>[] = [];
  readonly sent: Pending[] = [];
  readonly finalizer = new Finalizer({
    tracking: new Tracking((uuid) => uuid),
    uploads: {
      claim: () => 1,
      upload: (_command, signal) => {
        const upload = Promise.withResolvers<Outcome>();
        signal.addEventListener("abort", () => upload.reject(signal.reason));
        this.uploads.push(upload);
        return upload.promise;
      },
    },
    uploadResults: true,
    journal: this.journal,
    replies: { send: (messages) => this.sent.push(...messages) },
    clock: this.clock,
    logger: this.logger,
  });

  constructor() {
    this.journal.accept(this.command);
    this.journal.end("c1", SUCCESS, [], true);
  }

  /** The statuses so far, by name. */
  get told(): string[] {
    return this.sent.map(({ payload }) => JSON.parse(new TextDecoder().decode(payload)).status);
  }

  [Symbol.dispose](): void {
    this.#test[Symbol.dispose]();
  }
}

Deno.test("what ended since the node started is not taken up a second time", async () => {
  using test = new Harness();
  test.finalizer.begin(test.command);
  test.finalizer.resume();
  assertEquals([test.uploads.length, test.finalizer.pending], [1, 1]);
  test.uploads[0].resolve({ type: "uploaded" });
  await test.finalizer.idle();
  assertEquals([test.told, test.journal.finalizing()], [["completed"], []]);
});

Deno.test("the end of a workload is told once, whoever finds it", async () => {
  using test = new Harness();
  for (const outcome of [{ type: "uploaded" }, { type: "failed", reason: "why" }] as const) {
    test.finalizer.begin(test.command);
    test.uploads.at(-1)!.resolve(outcome);
    await test.finalizer.idle();
  }
  assertEquals(test.told, ["completed"]);
});

Deno.test("an upload that breaks off is tried again, ever more rarely", async () => {
  using test = new Harness();
  test.finalizer.begin(test.command);
  for (let attempt = 0; attempt < 3; attempt++) {
    test.uploads[attempt].reject(new Error("disk I/O error"));
    await test.clock.advance(0);
    await test.clock.advance(30_000);
    assertEquals(test.uploads.length, attempt + 2);
  }
  assertEquals(
    test.logger.shown[0],
    "error: Cannot finish the upload of inference request-c1: " +
      "disk I/O error; trying until I can",
  );
  test.uploads[3].resolve({ type: "uploaded" });
  await test.finalizer.idle();
  assertEquals(test.told, ["completed"]);
});

Deno.test("a node that leaves breaks off and tells nothing", async () => {
  using test = new Harness();
  test.finalizer.resume();
  await test.finalizer.leave();
  assertEquals([test.told, test.journal.finalizing().length], [[], 1]);
});
