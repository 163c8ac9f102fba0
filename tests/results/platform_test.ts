import { assertEquals } from "@std/assert";
import { putPayload } from "../../src/backend/storage.ts";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { ResultUploads } from "../../src/results/results.ts";
import { systemClock as clock } from "../../src/time.ts";
import { newCommand, TestJournal } from "../support/journal.ts";
import { platformAt, ResultsFolder } from "../support/results.ts";
import { TOKEN } from "../support/storage.ts";

Deno.test("results reach the emulated platform, under their paths and its own UUIDs", async () => {
  await using backend = EmulatedBackend.start({ token: TOKEN });
  using folder = new ResultsFolder();
  using test = new TestJournal();
  folder.write("a/model.bin", "weights");
  folder.write("empty", "");
  const workload = backend.createWorkload(null);
  using state = new ResultsFolder();
  const uploads = new ResultUploads({
    store: test.journal.resultFiles,
    journal: test.journal,
    api: platformAt(backend.url),
    put: putPayload,
    settings: {
      uploadResults: true,
      resultsFolder: folder.path,
      results: [],
      uploadWhileRunning: 0,
      stateFolder: state.path,
    },
    workloadsFolder: `${state.path}/workloads`,
    clock,
    logger: test.logger,
  });
  const command = { id: "c", workloadUuid: workload.uuid };
  test.journal.accept(newCommand("c", command));
  const taken = await uploads.take(command, { status: "ok" });
  await test.journal.commit(() => uploads.record("c", taken));
  const outcome = await uploads.upload(command, new AbortController().signal);
  assertEquals(outcome, { type: "uploaded" });
  const files = test.journal.resultFiles.of("c");
  assertEquals(
    workload.results.map(({ filename, size, attachmentUuid }) => [filename, size, attachmentUuid]),
    files.map(({ name, size, attachmentUuid }) => [name, size, attachmentUuid!]),
  );
  assertEquals(files.map(({ name, size }) => [name, size]), [["a/model.bin", 7], ["empty", 0]]);
  assertEquals(folder.names(), []);
});
