import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/time.ts";
import { FakeClock } from "../support/clock.ts";
import { Inbox } from "../support/events.ts";
import { type TestCommand, TestUploads } from "../support/results.ts";
import { SIGNATURE, type StorageCall } from "../support/storage.ts";

function reply(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers });
}

/** Lets as much of the clock's time pass as it takes. */
async function waitOut<T>(clock: FakeClock, upload: Promise<T>): Promise<T> {
  let ended = false;
  const done = upload.finally(() => ended = true);
  while (!ended) {
    const wait = await Promise.race([clock.sleeping(), done]);
    if (typeof wait === "number" && !ended) await clock.advance(wait);
  }
  return await done;
}

Deno.test("results are sent under their paths, reported with the platform's UUIDs, and removed", async () => {
  await using test = new TestUploads();
  test.folder.write("run/metrics.json", "{}");
  test.folder.write("model.tar.gz", "weights");
  test.folder.write("empty.txt", "");
  const command = test.started("a");

  assertEquals(await test.end(command), ["empty.txt", "model.tar.gz", "run/metrics.json"]);
  assertEquals(test.folder.names(), []);
  assertEquals(await test.upload(command), { type: "uploaded" });

  const report = test.server.reports.get("w-a")!;
  assertEquals(report.filenames, ["empty.txt", "model.tar.gz", "run/metrics.json"]);
  assertEquals(
    report.signed_urls,
    [".txt", ".gz", ".json"].map((extension, index) =>
      `${test.server.url}/stored/${
        report.attachment_uuids[index]
      }${extension}?signature=${SIGNATURE}`
    ),
  );
  const stored = Object.values(test.server.stored("w-a"));
  assertEquals(stored.map(({ size }) => size), [0, 7, 2]);
  for (const { headers, size } of stored) {
    assertEquals(headers.get("Content-Type"), "application/octet-stream");
    assertEquals(headers.get("Content-Length"), String(size));
    assertEquals(headers.get("Authorization"), null);
  }
  assertEquals(test.state.names(), ["workload_results/"]);
  assertEquals(await test.upload(command), { type: "uploaded" });
  assertEquals(test.server.reports.size, 1);
});

Deno.test("three files of one name in different folders arrive as three files with their paths", async () => {
  await using test = new TestUploads();
  for (const run of ["", "run1/", "run2/deep/"]) test.folder.write(`${run}ckpt.pt`, run);
  const command = await test.ended("a");
  await test.upload(command);
  const sizes = Object.entries(test.server.stored("w-a")).map(([name, { size }]) => [name, size]);
  assertEquals(sizes, [["ckpt.pt", 0], ["run1/ckpt.pt", 5], ["run2/deep/ckpt.pt", 10]]);
  assertEquals(new Set(test.server.reports.get("w-a")!.attachment_uuids).size, 3);
});

Deno.test("a workload without results has nothing uploaded", async () => {
  await using test = new TestUploads();
  const command = test.started("a");
  assertEquals(await test.end(command), []);
  assertEquals(await test.upload(command), { type: "uploaded" });
  assertEquals([test.server.calls.all, test.state.names()], [[], ["workload_results/"]]);
});

Deno.test("an attachment that has no UUID for a name fails the upload at once", async () => {
  await using test = new TestUploads();
  test.folder.write("a.txt", "x");
  const signed_url = `${test.server.url}/stored/a.txt`;
  test.server.answer = ({ type }) =>
    type === "sign" ? Response.json({ signed_url, filename: "a.txt" }) : undefined;
  const command = await test.ended("a");
  assertEquals(await test.upload(command), {
    type: "failed",
    reason: 'Cannot upload "a.txt": the backend calls it "a.txt", which does not begin with a UUID',
  });
  assertEquals(test.server.names("put"), []);
});

/** Answers uploads once four move at a time, and counts how many did at most. */
function countUploads({ server }: TestUploads): { readonly most: number } {
  const counts = { now: 0, most: 0 };
  const { promise: four, resolve: fourMove } = Promise.withResolvers<void>();
  server.answer = async ({ type }) => {
    if (type !== "put") return undefined;
    counts.most = Math.max(counts.most, ++counts.now);
    if (counts.now === 4) fourMove();
    await four;
    counts.now--;
    return undefined;
  };
  return counts;
}

Deno.test("uploads of four commands move at a time, whatever waits", async () => {
  await using test = new TestUploads();
  const commands: TestCommand[] = [];
  for (let index = 0; index < 12; index++) {
    test.folder.write("a.txt", "x");
    commands.push(await test.ended(`c${index}`));
  }
  const uploads = countUploads(test);
  const outcomes = await Promise.all(commands.map((command) => test.upload(command)));
  assertEquals(outcomes, commands.map(() => ({ type: "uploaded" as const })));
  assertEquals(uploads.most, 4);
});

Deno.test("at most four files are on their way at a time", async () => {
  await using test = new TestUploads();
  for (let i = 0; i < 10; i++) test.folder.write(`${i}`, "x");
  const uploads = countUploads(test);
  const command = await test.ended("a");
  assertEquals(await test.upload(command), { type: "uploaded" });
  assertEquals(uploads.most, 4);
});

for (const status of [408, 409, 425, 429, 500, 502, 503, 504]) {
  Deno.test(`a file that is refused with ${status} is sent again, to a URL of its own`, async () => {
    await using test = new TestUploads();
    test.folder.write("a.txt", "x");
    const refused: string[] = [];
    test.server.answer = ({ type, name }) => {
      if (type !== "put" || refused.length === 2) return undefined;
      refused.push(name);
      return reply(status);
    };
    const command = await test.ended("a");
    assertEquals(await test.upload(command), { type: "uploaded" });
    assertEquals(test.server.names("sign"), ["a.txt", "a.txt", "a.txt"]);
    assertEquals(refused, ["a.txt", "a.txt"]);
    assertEquals(test.server.stored("w-a")["a.txt"].size, 1);
  });
}

for (const status of [400, 401, 403, 404, 410, 413, 302]) {
  Deno.test(`a file that is refused with ${status} fails the upload at once`, async () => {
    await using test = new TestUploads();
    test.folder.write("a.txt", "x");
    test.server.answer = ({ type }) => type === "put" ? reply(status) : undefined;
    const command = await test.ended("a");
    const outcome = await test.upload(command);
    assert(outcome.type === "failed");
    assertStringIncludes(outcome.reason, `${status}`);
    assertEquals([test.server.names("put").length, test.server.reports.size], [1, 0]);
    const folder = `${test.state.path}/workload_results/a`;
    assertEquals(Deno.readTextFileSync(`${folder}/moved/a.txt`), "x");
    const [line] = test.logger.shown.filter((line) => line.startsWith("error"));
    assertStringIncludes(line, 'The results of workload "w-a" are not uploaded: ');
    assertStringIncludes(line, `. 1 file kept in ${JSON.stringify(folder)}`);
  });
}

Deno.test("a failed upload stays failed, and its files do not pass for somebody else's", async () => {
  await using test = new TestUploads();
  test.folder.write("a.txt", "x");
  test.server.answer = ({ type }) => type === "sign" ? reply(404) : undefined;
  const command = await test.ended("a");
  const outcome = await test.upload(command);
  test.server.answer = () => undefined;
  test.restart();
  assertEquals(await test.upload(command), outcome);
  assertEquals(await test.end(test.started("b")), []);
  assertEquals(test.state.names("workload_results/a/moved/"), ["workload_results/a/moved/a.txt"]);
});

Deno.test("nothing is removed before the platform has acknowledged the results", async () => {
  await using test = new TestUploads();
  test.folder.write("a.txt", "x");
  const atReport: string[][] = [];
  test.server.answer = ({ type }) => {
    if (type !== "report") return undefined;
    atReport.push(test.state.names("workload_results/a/moved/"));
    return atReport.length < 5 ? reply(503) : undefined;
  };
  const command = await test.ended("a");
  assertEquals(await test.upload(command), { type: "uploaded" });
  assertEquals(atReport, Array(5).fill(["workload_results/a/moved/a.txt"]));
  assertEquals(test.server.names("put").length, 1);
  assertEquals(test.folder.names(), []);
});

Deno.test("results that the platform refuses stay where they are", async () => {
  await using test = new TestUploads();
  test.folder.write("a.txt", "x");
  test.server.answer = ({ type }) => type === "report" ? reply(404) : undefined;
  const command = await test.ended("a");
  assertEquals((await test.upload(command)).type, "failed");
  assertEquals(test.server.names("report").length, 1);
  assertEquals(test.state.names("workload_results/a/moved/"), ["workload_results/a/moved/a.txt"]);
});

/** Where a file of the command `a` is that was in the shared folder. */
function movedTo(test: TestUploads, name: string): string {
  return `${test.state.path}/workload_results/a/moved/${name}`;
}

const CHANGES: Record<string, (path: string) => void> = {
  "grew": (path) => Deno.writeTextFileSync(path, "more", { append: true }),
  "shrank": (path) => Deno.truncateSync(path, 1),
  "was rewritten": (path) => Deno.utimeSync(path, 1, 1),
  "was replaced": (path) => {
    Deno.writeTextFileSync(`${path}.new`, "something else");
    Deno.renameSync(`${path}.new`, path);
  },
};

for (const [what, change] of Object.entries(CHANGES)) {
  Deno.test(`a file that ${what} since the workload ended is sent as it is then`, async () => {
    await using test = new TestUploads();
    test.folder.write("a.txt", "content");
    const command = await test.ended("a");
    change(movedTo(test, "a.txt"));
    const { size } = Deno.statSync(movedTo(test, "a.txt"));
    assertEquals(await test.upload(command), { type: "uploaded" });
    assertEquals(test.server.stored("w-a")["a.txt"].size, size);
    assertEquals(test.state.names(), ["workload_results/"]);
  });
}

const REPLACEMENTS: Record<string, [(path: string) => void, string]> = {
  "vanished": [() => {}, "it was removed after the workload had ended"],
  "became a link": [
    (path) => Deno.symlinkSync("/etc/passwd", path),
    "it is not a file any more",
  ],
  "became a FIFO": [
    (path) => new Deno.Command("mkfifo", { args: [path] }).outputSync(),
    "it is not a file any more",
  ],
};

for (const [what, [replace, reason]] of Object.entries(REPLACEMENTS)) {
  Deno.test({
    name: `a file that ${what} since the workload ended fails the upload`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using test = new TestUploads();
      test.folder.write("a.txt", "content");
      const command = await test.ended("a");
      Deno.removeSync(movedTo(test, "a.txt"));
      replace(movedTo(test, "a.txt"));
      assertEquals(await test.upload(command), {
        type: "failed",
        reason: `Cannot upload ${JSON.stringify(movedTo(test, "a.txt"))}: ${reason}`,
      });
      assertEquals([test.server.objects.size, test.server.reports.size], [0, 0]);
    },
  });
}

Deno.test("a file that is written to while it is sent is sent again, whole", async () => {
  await using test = new TestUploads();
  Deno.truncateSync(test.folder.write("a.bin", "x"), 8 * 2 ** 20);
  let puts = 0;
  test.server.answer = async ({ type, request }) => {
    if (type !== "put" || ++puts > 1) return undefined;
    const reader = request.body!.getReader();
    await reader.read();
    Deno.truncateSync(movedTo(test, "a.bin"), 3);
    while (!(await reader.read()).done);
    return undefined;
  };
  const command = await test.ended("a");
  assertEquals(await test.upload(command), { type: "uploaded" });
  assertEquals([puts, test.server.stored("w-a")["a.bin"].size], [2, 3]);
});

Deno.test("a file that changed after it was sent is not removed, but kept with the output", async () => {
  await using test = new TestUploads();
  test.folder.write("a.txt", "old");
  Deno.mkdirSync(`${test.state.path}/workloads/a`, { recursive: true });
  test.server.answer = ({ type }) => {
    if (type === "report") Deno.writeTextFileSync(movedTo(test, "a.txt"), "newer");
    return undefined;
  };
  const command = await test.ended("a");
  assertEquals(await test.upload(command), { type: "uploaded" });
  const kept = `${test.state.path}/workloads/a/results/moved/a.txt`;
  assertEquals(Deno.readTextFileSync(kept), "newer");
  await test.logger.logged("it changed after it was uploaded");
});

Deno.test("an interrupted upload goes on after a restart without sending again what was sent", async () => {
  await using test = new TestUploads();
  const names = ["a", "b", "c", "d", "e", "f"];
  for (const name of names) test.folder.write(name, name.repeat(1000));
  const { promise: stuck, resolve: unstick } = Promise.withResolvers<void>();
  const held = (call: StorageCall) => call.type === "put" && call.name === "f";
  test.server.answer = async (call) => {
    if (held(call)) await stuck;
    return undefined;
  };
  const { files } = test;
  const recorded = new Inbox<number>();
  files.sent = (seq, sentTo) => {
    Object.getPrototypeOf(files).sent.call(files, seq, sentTo);
    recorded.push(seq);
  };
  const command = await test.ended("x");
  const stop = new AbortController();
  const upload = test.upload(command, stop.signal);
  await test.server.calls.next(held);
  for (let i = 0; i < 5; i++) await recorded.next();
  stop.abort(new Error("the node stops"));
  await assertRejects(() => upload, Error, "the node stops");
  test.server.answer = () => undefined;
  unstick();

  test.restart();
  assertEquals(await test.upload(command), { type: "uploaded" });
  assertEquals(test.server.names("put").sort(), [...names, "f"].sort());
  assertEquals(test.server.reports.get("w-x")!.filenames, names);
  await test.logger.logged("Uploading 6 result files (5.9 KiB, 5 sent before)");
});

Deno.test("a node that was killed between the acknowledgement and the removal removes", async () => {
  await using test = new TestUploads();
  test.folder.write("a/b/c.txt", "x");
  const command = await test.ended("x");
  test.files.acknowledged("x");
  test.restart();
  assertEquals(await test.upload(command), { type: "uploaded" });
  assertEquals([test.state.names(), test.server.calls.all], [["workload_results/"], []]);
});

Deno.test("signed URLs are in no log line, and not in the journal once the upload is finished", async () => {
  for (const outcome of ["uploaded", "failed"]) {
    await using test = new TestUploads();
    test.folder.write("a.txt", "x");
    let calls = 0;
    test.server.answer = ({ type }) => {
      if (type === "put" && ++calls === 1) return reply(503, { "Retry-After": "0" });
      if (type === "report") {
        const [file] = test.files.of("a");
        assertStringIncludes(file.signedUrl!, SIGNATURE);
        if (outcome === "failed") return reply(400);
      }
      return undefined;
    };
    const command = await test.ended("a");
    assertEquals((await test.upload(command)).type, outcome);
    assertEquals(test.files.of("a")[0].signedUrl, undefined);
    assertEquals(test.logger.lines.all.filter(({ message }) => message.includes(SIGNATURE)), []);
    assert(test.logger.lines.all.length > 2);
  }
});

Deno.test("a transfer in which nothing moves for a minute is broken off and tried again", async () => {
  const clock = new FakeClock();
  await using test = new TestUploads({ clock, random: () => 0.5 });
  test.folder.write("a.txt", "content");
  const { promise: stuck, resolve: isStuck } = Promise.withResolvers<void>();
  const { promise: free, resolve: setFree } = Promise.withResolvers<void>();
  let puts = 0;
  test.server.answer = async ({ type, request }) => {
    if (type !== "put" || ++puts > 1) return undefined;
    await request.text();
    isStuck();
    await free;
    return reply(500);
  };
  const command = await test.ended("a");
  const upload = test.upload(command);
  await stuck;
  await clock.advance(59_999);
  assertEquals(puts, 1);
  await clock.advance(1);
  await clock.sleepingFor(250);
  await test.logger.logged("The storage accepted no data for 60 s; retrying in 0.3 s");
  await clock.advance(250);
  assertEquals(await upload, { type: "uploaded" });
  assertEquals(puts, 2);
  setFree();
});

Deno.test("a short Retry-After is honoured, a long one ends the round", async () => {
  const clock = new FakeClock();
  await using test = new TestUploads({ clock, random: () => 1 });
  test.folder.write("a.txt", "content");
  let puts = 0;
  test.server.answer = ({ type }) => {
    if (type !== "put") return undefined;
    puts++;
    if (puts === 1) return reply(429, { "Retry-After": "30" });
    return puts === 2 ? reply(503, { "Retry-After": "31" }) : undefined;
  };
  const command = await test.ended("a");
  const upload = test.upload(command);
  await clock.sleepingFor(30_000);
  await clock.advance(30_000);
  await test.logger.logged("going on in 5.0 s");
  assertEquals(puts, 2);
  await clock.sleepingFor(5_000);
  await clock.advance(5_000);
  assertEquals(await upload, { type: "uploaded" });
});

Deno.test("a backend that stays away for an hour fails the upload, after many rounds", async () => {
  const clock = new FakeClock();
  await using test = new TestUploads({ clock, random: () => 1 });
  test.folder.write("a.txt", "content");
  test.server.answer = ({ type }) => type === "sign" ? reply(503) : undefined;
  const command = await test.ended("a");
  const outcome = await waitOut(clock, test.upload(command));
  assertEquals(outcome.type, "failed");
  assert(clock.monotonic() >= 3_600_000 && clock.monotonic() < 3_600_000 + 302_000);
  const waits = test.logger.shown.map((line) => /going on in ([\d.]+) s/.exec(line)?.[1]);
  assertEquals(
    waits.filter((wait) => wait !== undefined).slice(0, 8),
    ["5.0", "10.0", "20.0", "40.0", "80.0", "160.0", "300.0", "300.0"],
  );
});

Deno.test("an upload that gets on from time to time does not give up", async () => {
  let now = 0;
  let next = 2_400_000;
  await using test = new TestUploads({ clock: { ...systemClock, monotonic: () => now } });
  for (const name of ["1", "2", "3"]) test.folder.write(name, "x");
  test.server.answer = ({ type }) => {
    if (type !== "sign") return undefined;
    if (now < next) {
      now += 600_000;
      return reply(503);
    }
    next = now + 2_400_000;
    return undefined;
  };
  const command = await test.ended("a");
  assertEquals(await test.upload(command), { type: "uploaded" });
  assert(now >= 7_200_000);
});
