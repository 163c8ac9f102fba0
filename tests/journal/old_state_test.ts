import { assertEquals } from "@std/assert";
import { Journal } from "../../src/journal/journal.ts";
import { lockFolder } from "../../src/state/lock.ts";
import { loadClientId } from "../../src/state/client_id.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { OLD_STATE, restoreOldState } from "../support/old_state.ts";

const PROCESS = { pid: 4242, startTime: "123456", bootId: "boot-2" };

/** A journal of version 0.1.0, opened by this one. */
class OldJournal implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "cloud_node_old_" });
  readonly clock = new FakeClock();
  readonly logger = new RecordingLogger();
  readonly journal: Journal;

  constructor() {
    restoreOldState(this.folder, PROCESS, this.clock.now());
    this.journal = Journal.open(`${this.folder}/state`, this);
  }

  [Symbol.dispose](): void {
    this.journal[Symbol.dispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

Deno.test("the state folder of version 0.1.0 keeps its name at the broker, and is not in use", () => {
  using old = new OldJournal();
  using _lock = lockFolder(`${old.folder}/state`, old);
  assertEquals(loadClientId(`${old.folder}/state`, old), OLD_STATE.clientId);
});

Deno.test("commands of version 0.1.0 are all there, with their states, in their order", () => {
  using old = new OldJournal();
  const states = Object.entries(OLD_STATE.ids).map(([name, id]) => {
    const { requestId, state, end } = old.journal.find(id)!;
    return [name, requestId, state, end?.cause, end?.exitCode];
  });
  assertEquals(states, [
    ["t-ok", "t-ok", "ended", "exited", 0],
    ["t-uploaded", "t-uploaded", "ended", "exited", 0],
    ["t-failed", "t-failed", "ended", "exited", 3],
    ["t-undelivered", "t-undelivered", "ended", "exited", 0],
    ["i-running", "i-running", "running", undefined, undefined],
    ["i-queued", "i-queued", "queued", undefined, undefined],
    ["queued without a request id", undefined, "queued", undefined, undefined],
  ]);
  assertEquals(
    old.journal.unfinished().map(({ id }) => id),
    Object.values(OLD_STATE.ids).slice(4),
  );
  assertEquals(old.logger.shown, []);
});

Deno.test("what version 0.1.0 left to do is done: to run, to watch, to deliver, to upload", () => {
  using old = new OldJournal();
  const { journal } = old;
  const { ids } = OLD_STATE;
  assertEquals(JSON.parse(journal.params(ids["i-queued"])), {
    prompt: "put it into the box",
    temperature: 0.5,
  });
  assertEquals(journal.find(ids["i-running"])!.handle, {
    executor: "process",
    attempt: "",
    bootId: PROCESS.bootId,
    process: PROCESS,
  });
  const owed = journal.messages.pending(0, { messages: 9, bytes: Infinity })
    .map(({ payload }) => JSON.parse(new TextDecoder().decode(payload)));
  assertEquals(owed.map(({ request_id, status }) => [request_id, status]), [
    ["t-undelivered", "ok"],
    [undefined, "finalizing"],
  ]);
  assertEquals(journal.finalizing().map(({ id }) => id), [ids["t-undelivered"]]);
  const [file] = journal.resultFiles.of(ids["t-undelivered"]);
  assertEquals([file.state, Deno.readTextFileSync(file.path)], ["claimed", "weights\n"]);
});

Deno.test("a request that version 0.1.0 answered is a repeat for this one", () => {
  using old = new OldJournal();
  const { journal, clock } = old;
  const since = clock.now() - 60_000;
  assertEquals(journal.findRequest("training", "t-ok", since)?.id, OLD_STATE.ids["t-ok"]);
  assertEquals(journal.findWorkload(OLD_STATE.workloadUuid, since)?.isOver, false);
});
