import { assertEquals } from "@std/assert";
import { putPayload } from "../../src/backend/storage.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { ResultUploads } from "../../src/results/results.ts";
import { systemClock as clock } from "../../src/time.ts";
import { newCommand, TestJournal } from "../support/journal.ts";
import { platformAt, ResultsFolder } from "../support/results.ts";
import { TOKEN } from "../support/storage.ts";

Deno.test("results reach the emulated platform, claimed as part of a larger transaction", async () => {
  await using backend = EmulatedBackend.start({ token: TOKEN });
  using folder = new ResultsFolder();
  using test = new TestJournal();
  folder.write("a/model.bin", "weights");
  folder.write("empty", "");
  const workload = backend.createWorkload(null);
  const uploads = new ResultUploads({
    store: test.journal.resultFiles,
    api: platformAt(backend.url),
    put: putPayload,
    folder: folder.path,
    clock,
    logger: test.logger,
  });
  const command = { id: "c", workloadUuid: workload.uuid };
  const claimed = test.journal.atomically(() => {
    test.journal.accept(newCommand("c", command));
    return uploads.claim(command);
  });
  assertEquals(claimed, 2);
  const outcome = await uploads.upload(command, new AbortController().signal);
  assertEquals(outcome, { type: "uploaded", count: 2 });
  const files = test.journal.resultFiles.of("c");
  assertEquals(
    workload.results.map(({ size, attachmentUuid }) => ({ size, attachmentUuid })),
    files.map(({ size, attachmentUuid }) => ({ size, attachmentUuid })),
  );
  assertEquals(files.map(({ size }) => size), [7, 0]);
  assertEquals(folder.names(), []);
});
