import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/time.ts";
import { FakeClock } from "../support/clock.ts";
import { Inbox } from "../support/events.ts";
import { TestUploads } from "../support/results.ts";
import { SIGNATURE, type StorageCall } from "../support/storage.ts";

function reply(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers });
}

function uuids(test: TestUploads, id: string): string[] {
  return test.journal.journal.resultFiles.of(id).map(({ attachmentUuid }) => attachmentUuid);
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

Deno.test("results are sent, reported in the order of their paths, and removed", async () => {
  await using test = new TestUploads();
  test.folder.write("run/metrics.json", "{}");
  test.folder.write("model.tar.gz", "weights");
  test.folder.write("empty.txt", "");
  const command = test.ended("a");

  assertEquals(test.uploads.claim(command), 3);
  assertEquals(test.uploads.unfinished(), ["a"]);
  assertEquals(await test.uploads.upload(command, test.signal), { type: "uploaded", count: 3 });

  const [empty, model, metrics] = uuids(test, "a");
  const filenames = [`${empty}.txt`, `${model}.gz`, `${metrics}.json`];
  assertEquals(test.server.reports.get("w-a"), {
    filenames,
    signed_urls: filenames.map((name) =>
      `${test.server.url}/stored/${name}?signature=${SIGNATURE}`
    ),
    attachment_uuids: [empty, model, metrics],
  });
  assertEquals(filenames.map((name) => test.server.objects.get(name)!.size), [0, 7, 2]);
  for (const { headers, size } of test.server.objects.values()) {
    assertEquals(headers.get("Content-Type"), "application/octet-stream");
    assertEquals(headers.get("Content-Length"), String(size));
    assertEquals(headers.get("Authorization"), null);
  }
  assertEquals(test.folder.names(), []);
  assertEquals(test.uploads.unfinished(), []);
  assertEquals(await test.uploads.upload(command, test.signal), { type: "uploaded", count: 3 });
  assertEquals(test.server.reports.size, 1);
});

Deno.test("a workload without results has nothing uploaded", async () => {
  await using test = new TestUploads();
  const command = test.ended("a");
  assertEquals(test.uploads.claim(command), 0);
  assertEquals(await test.uploads.upload(command, test.signal), { type: "uploaded", count: 0 });
  assertEquals(test.server.calls.all, []);
});

Deno.test("files belong to the workload that ended first, however long their upload takes", async () => {
  await using test = new TestUploads();
  const [first, second] = [test.ended("a"), test.ended("b")];
  test.folder.write("first.txt", "1");
  assertEquals(test.uploads.claim(first), 1);
  test.folder.write("second.txt", "22");
  assertEquals(test.uploads.claim(first), 1);
  assertEquals(test.uploads.claim(second), 1);
  await Promise.all([first, second].map((command) => test.uploads.upload(command, test.signal)));
  const sizes = ["w-a", "w-b"].map((workload) =>
    test.server.reports.get(workload)!.filenames.map((name) => test.server.objects.get(name)!.size)
  );
  assertEquals(sizes, [[1], [2]]);
  assertEquals(test.folder.names(), []);
});

Deno.test("a file that is written anew at the same place is a new result", async () => {
  await using test = new TestUploads();
  for (const [id, text] of [["a", "first"], ["b", "the second"]]) {
    const command = test.ended(id);
    test.folder.write("model.bin", text);
    assertEquals(test.uploads.claim(command), 1);
    await test.uploads.upload(command, test.signal);
    assertEquals(test.server.objects.get(`${uuids(test, id)[0]}.bin`)!.size, text.length);
  }
});

Deno.test("at most four files are on their way at a time", async () => {
  await using test = new TestUploads();
  for (let i = 0; i < 10; i++) test.folder.write(`${i}`, "x");
  let open = 0;
  let most = 0;
  const { promise: four, resolve: fourAreOpen } = Promise.withResolvers<void>();
  test.server.answer = async ({ type }) => {
    if (type !== "put") return undefined;
    most = Math.max(most, ++open);
    if (open === 4) fourAreOpen();
    await four;
    open--;
    return undefined;
  };
  const command = test.ended("a");
  test.uploads.claim(command);
  assertEquals(await test.uploads.upload(command, test.signal), { type: "uploaded", count: 10 });
  assertEquals(most, 4);
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
    const command = test.ended("a");
    test.uploads.claim(command);
    assertEquals(await test.uploads.upload(command, test.signal), { type: "uploaded", count: 1 });
    const [name] = test.server.reports.get("w-a")!.filenames;
    assertEquals(test.server.names("sign"), [name, name, name]);
    assertEquals(refused, [name, name]);
  });
}

for (const status of [400, 401, 403, 404, 410, 413, 302]) {
  Deno.test(`a file that is refused with ${status} fails the upload at once`, async () => {
    await using test = new TestUploads();
    const path = test.folder.write("a.txt", "x");
    test.server.answer = ({ type }) => type === "put" ? reply(status) : undefined;
    const command = test.ended("a");
    test.uploads.claim(command);
    const outcome = await test.uploads.upload(command, test.signal);
    assert(outcome.type === "failed");
    assertStringIncludes(outcome.reason, `${status}`);
    assertEquals([test.server.names("put").length, test.server.reports.size], [1, 0]);
    assertEquals(Deno.readTextFileSync(path), "x");
    const [line] = test.logger.shown.filter((line) => line.startsWith("error"));
    assertStringIncludes(line, 'The results of workload "w-a" are not uploaded: ');
    assertStringIncludes(line, `All 1 files stay in ${JSON.stringify(test.folder.path)}`);
  });
}

Deno.test("a failed upload stays failed, and its files do not pass for somebody else's", async () => {
  await using test = new TestUploads();
  test.folder.write("a.txt", "x");
  test.server.answer = ({ type }) => type === "sign" ? reply(404) : undefined;
  const command = test.ended("a");
  test.uploads.claim(command);
  const outcome = await test.uploads.upload(command, test.signal);
  test.server.answer = () => undefined;
  test.restart();
  assertEquals(test.uploads.unfinished(), []);
  assertEquals(await test.uploads.upload(command, test.signal), outcome);
  assertEquals(test.uploads.claim(test.ended("b")), 0);
  await test.logger.logged("1 files in");
  assertEquals(test.folder.names(), ["a.txt"]);
});

Deno.test("nothing is removed before the platform has acknowledged the results", async () => {
  await using test = new TestUploads();
  test.folder.write("a.txt", "x");
  const atReport: string[][] = [];
  test.server.answer = ({ type }) => {
    if (type !== "report") return undefined;
    atReport.push(test.folder.names());
    return atReport.length < 5 ? reply(503) : undefined;
  };
  const command = test.ended("a");
  test.uploads.claim(command);
  assertEquals(await test.uploads.upload(command, test.signal), { type: "uploaded", count: 1 });
  assertEquals(atReport, Array(5).fill(["a.txt"]));
  assertEquals(test.server.names("put").length, 1);
  assertEquals(test.folder.names(), []);
});

Deno.test("results that the platform refuses stay where they are", async () => {
  await using test = new TestUploads();
  test.folder.write("a.txt", "x");
  test.server.answer = ({ type }) => type === "report" ? reply(404) : undefined;
  const command = test.ended("a");
  test.uploads.claim(command);
  assertEquals((await test.uploads.upload(command, test.signal)).type, "failed");
  assertEquals(test.server.names("report").length, 1);
  assertEquals(test.folder.names(), ["a.txt"]);
});

const CHANGES: Record<string, [(path: string) => void, string]> = {
  "grew": [(path) => Deno.writeTextFileSync(path, "more", { append: true }), "it changed"],
  "shrank": [(path) => Deno.truncateSync(path, 1), "it changed"],
  "was rewritten": [(path) => Deno.utimeSync(path, 1, 1), "it changed"],
  "vanished": [(path) => Deno.removeSync(path), "it was removed"],
  "became a link": [(path) => {
    Deno.renameSync(path, `${path}.old`);
    Deno.symlinkSync("/etc/passwd", path);
  }, "it changed"],
};

for (const [what, [change, reason]] of Object.entries(CHANGES)) {
  Deno.test(`a file that ${what} since the workload ended fails the upload`, async () => {
    await using test = new TestUploads();
    const path = test.folder.write("a.txt", "content");
    const command = test.ended("a");
    test.uploads.claim(command);
    change(path);
    assertEquals(await test.uploads.upload(command, test.signal), {
      type: "failed",
      reason: `Cannot upload ${JSON.stringify(path)}: ${reason} after the workload had ended`,
    });
    assertEquals([test.server.objects.size, test.server.reports.size], [0, 0]);
  });
}

Deno.test("a file that shrinks while it is sent fails the upload", async () => {
  await using test = new TestUploads();
  const path = test.folder.write("a.bin", "x");
  Deno.truncateSync(path, 64 * 2 ** 20);
  test.server.answer = async ({ type, request }) => {
    if (type !== "put") return undefined;
    const reader = request.body!.getReader();
    await reader.read();
    Deno.truncateSync(path, 1);
    while (!(await reader.read()).done);
    return undefined;
  };
  const command = test.ended("a");
  test.uploads.claim(command);
  const outcome = await test.uploads.upload(command, test.signal);
  assert(outcome.type === "failed");
  assertStringIncludes(outcome.reason, `Cannot upload ${JSON.stringify(path)}: it changed`);
});

Deno.test("a file that changed after it was sent is not removed, and is a result again", async () => {
  await using test = new TestUploads();
  const path = test.folder.write("a.txt", "old");
  test.server.answer = ({ type }) => {
    if (type === "report") Deno.writeTextFileSync(path, "newer");
    return undefined;
  };
  const command = test.ended("a");
  test.uploads.claim(command);
  assertEquals(await test.uploads.upload(command, test.signal), { type: "uploaded", count: 1 });
  assertEquals(Deno.readTextFileSync(path), "newer");
  assertEquals(test.uploads.claim(test.ended("b")), 1);
});

Deno.test("an interrupted upload goes on after a restart without sending again what was sent", async () => {
  await using test = new TestUploads();
  for (const name of ["a", "b", "c", "d", "e", "f"]) test.folder.write(name, name.repeat(1000));
  const { promise: stuck, resolve: unstick } = Promise.withResolvers<void>();
  const held = (call: StorageCall) => call.type === "put" && call.name === uuids(test, "x")[5];
  test.server.answer = async (call) => {
    if (held(call)) await stuck;
    return undefined;
  };
  const { resultFiles } = test.journal.journal;
  const remembered = new Inbox<string>();
  resultFiles.sent = (uuid, url) => {
    Object.getPrototypeOf(resultFiles).sent.call(resultFiles, uuid, url);
    remembered.push(uuid);
  };
  const command = test.ended("x");
  test.uploads.claim(command);
  const stop = new AbortController();
  const upload = test.uploads.upload(command, stop.signal);
  const names = uuids(test, "x");
  await test.server.calls.next(held);
  for (let i = 0; i < 5; i++) await remembered.next();
  stop.abort(new Error("the node stops"));
  await assertRejects(() => upload, Error, "the node stops");
  test.server.answer = () => undefined;
  unstick();

  test.restart();
  assertEquals(test.uploads.unfinished(), ["x"]);
  assertEquals(await test.uploads.upload(command, test.signal), { type: "uploaded", count: 6 });
  assertEquals(test.server.names("put").sort(), [...names, names[5]].sort());
  assertEquals(test.server.reports.get("w-x")!.attachment_uuids, names);
  await test.logger.logged("Uploading 6 result files (5.9 KiB, 5 sent before)");
});

Deno.test("a node that was killed between the acknowledgement and the removal removes", async () => {
  await using test = new TestUploads();
  test.folder.write("a/b/c.txt", "x");
  const command = test.ended("x");
  test.uploads.claim(command);
  test.journal.journal.resultFiles.acknowledged("x");
  test.restart();
  assertEquals(test.uploads.unfinished(), ["x"]);
  assertEquals(await test.uploads.upload(command, test.signal), { type: "uploaded", count: 1 });
  assertEquals([test.folder.names(), test.server.calls.all], [[], []]);
});

Deno.test("signed URLs are in no log line, and not in the journal once the upload is finished", async () => {
  for (const outcome of ["uploaded", "failed"]) {
    await using test = new TestUploads();
    test.folder.write("a.txt", "x");
    let calls = 0;
    test.server.answer = ({ type }) => {
      if (type === "put" && ++calls === 1) return reply(503, { "Retry-After": "0" });
      if (type === "report") {
        const [file] = test.journal.journal.resultFiles.of("a");
        assertStringIncludes(file.signedUrl!, SIGNATURE);
        if (outcome === "failed") return reply(400);
      }
      return undefined;
    };
    const command = test.ended("a");
    test.uploads.claim(command);
    assertEquals((await test.uploads.upload(command, test.signal)).type, outcome);
    assertEquals(test.journal.journal.resultFiles.of("a")[0].signedUrl, undefined);
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
  const command = test.ended("a");
  test.uploads.claim(command);
  const upload = test.uploads.upload(command, test.signal);
  await stuck;
  await clock.advance(59_999);
  assertEquals(puts, 1);
  await clock.advance(1);
  await clock.sleepingFor(250);
  await test.logger.logged("The storage took nothing for 60 s; trying again in 0.3 s");
  await clock.advance(250);
  assertEquals(await upload, { type: "uploaded", count: 1 });
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
  const command = test.ended("a");
  test.uploads.claim(command);
  const upload = test.uploads.upload(command, test.signal);
  await clock.sleepingFor(30_000);
  await clock.advance(30_000);
  await test.logger.logged("going on in 5.0 s");
  assertEquals(puts, 2);
  await clock.sleepingFor(5_000);
  await clock.advance(5_000);
  assertEquals(await upload, { type: "uploaded", count: 1 });
});

Deno.test("a backend that stays away for an hour fails the upload, after many rounds", async () => {
  const clock = new FakeClock();
  await using test = new TestUploads({ clock, random: () => 1 });
  test.folder.write("a.txt", "content");
  test.server.answer = ({ type }) => type === "sign" ? reply(503) : undefined;
  const command = test.ended("a");
  test.uploads.claim(command);
  const outcome = await waitOut(clock, test.uploads.upload(command, test.signal));
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
  const command = test.ended("a");
  test.uploads.claim(command);
  assertEquals(await test.uploads.upload(command, test.signal), { type: "uploaded", count: 3 });
  assert(now >= 7_200_000);
});
