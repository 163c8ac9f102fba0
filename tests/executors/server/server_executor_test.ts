import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ServerProgram } from "../../../src/config/programs/workload_program.ts";
import type { Exit } from "../../../src/executors/executor.ts";
import type { ServerExecutor } from "../../../src/executors/server/server_executor.ts";
import { inTime } from "../../support/events.ts";
import { Bench, fileWritten, isAlive } from "../../support/executors.ts";
import {
  freePort,
  modelProgram,
  serverExecutor,
  serverProgram,
} from "../../support/model_server.ts";

/** A bench with a server that the node starts. */
function benchWithModel(given: Partial<ServerProgram> = {}): Bench {
  const port = freePort();
  return new Bench((bench) => serverExecutor(modelProgram(bench, port, given), bench));
}

/** A bench with a server that somebody else runs. */
function benchWithUrl(url: string, given: Partial<ServerProgram> = {}): Bench {
  const ready = { url, every: 0.02, timeout: 5 };
  return new Bench((bench) => serverExecutor(serverProgram({ url, ready, ...given }), bench));
}

/** Resolves when the executor is in a state. */
async function until(bench: Bench, state: string): Promise<void> {
  const { executor } = bench;
  if (executor.status().state === state) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  executor.onStatus = (status) => status.state === state && resolve();
  await inTime(promise, `the state ${state}`);
  executor.onStatus = undefined;
}

/** Runs a command once there is a place. */
async function run(bench: Bench, params: unknown) {
  await until(bench, "ready");
  return await bench.run({ params: JSON.stringify(params) });
}

/** How often something is written in a file of the work folder. */
function count(bench: Bench, file: string, line: string): number {
  const text = Deno.readTextFileSync(`${bench.workFolder}/${file}`);
  return text.split("\n").filter((each) => each === line).length;
}

/** The error of a command that failed. */
function errorOf(exit: Exit): string {
  assertEquals(exit.type, "failed");
  return exit.type === "failed" ? exit.error : "";
}

/** A server in this process. */
function serve(handler: (request: Request) => Response | Promise<Response>) {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, handler);
  return { server, url: `http://127.0.0.1:${server.addr.port}/predict` };
}

/** A server that is ready and answers params so. */
function serveModel(answer: (params: Record<string, unknown>, request: Request) => Response) {
  return serve(async (request) => {
    if (request.method !== "POST") return new Response("{}");
    return answer(await request.json(), request);
  });
}

Deno.test("server: it is started once, and answers one command after the other", async () => {
  await using bench = benchWithModel({ unwrap: "output" });
  assertEquals(bench.executor.status(), { state: "starting" });
  assertEquals(bench.executor.reserve({ id: "c", kind: "inference" }), undefined);
  for (const id of [1, 2]) {
    const { exit, stdout } = await run(bench, { id });
    assertEquals([exit.type, JSON.parse(stdout)], ["answered", { id }]);
  }
  assertEquals(count(bench, "starts", "start"), 1);
  await bench.executor.unload!();
});

Deno.test("server: the next node finds it, and loads nothing", async () => {
  await using bench = benchWithModel();
  const { stdout } = await run(bench, { id: 1 });
  await bench.restart();
  const later = await run(bench, { id: 2 });
  assertEquals(JSON.parse(later.stdout).pid, JSON.parse(stdout).pid);
  assertEquals(count(bench, "starts", "start"), 1);
  await bench.executor.unload!();
});

Deno.test("server: a changed command replaces it", async () => {
  const port = freePort();
  let again = "";
  await using bench = new Bench((bench) => {
    const program = modelProgram(bench, port);
    return serverExecutor({ ...program, command: `${program.command}${again}` }, bench);
  });
  const before = JSON.parse((await run(bench, {})).stdout).pid;
  again = " again";
  await bench.restart();
  const after = JSON.parse((await run(bench, {})).stdout).pid;
  assert(before !== after);
  assertEquals(await isAlive(before), false);
  await bench.executor.unload!();
});

Deno.test("server: the command that it crashes with is answered with its last words and never run again", async () => {
  await using bench = benchWithModel();
  const { exit } = await run(bench, { id: 1, crash: "CUDA out of memory" });
  assertEquals(
    errorOf(exit),
    "The program exited with code 3: CUDA out of memory. The command may have run, and is not " +
      "sent again",
  );
  assertEquals((await run(bench, { id: 2 })).exit.type, "answered");
  assertEquals([count(bench, "runs", "1"), count(bench, "starts", "start")], [1, 2]);
  await bench.executor.unload!();
});

Deno.test("server: one that cannot load answers its commands with the reason, and goes on trying", async () => {
  await using bench = benchWithModel({ readyTimeout: 0.05 });
  Deno.writeTextFileSync(`${bench.workFolder}/loading`, "");
  await until(bench, "failed");
  const place = bench.executor.reserve({ id: "c", kind: "inference" });
  assert(place !== undefined && "problem" in place);
  assertMatch(place.problem, /^The server was not ready within 0.05 s: ./);
  await bench.executor.unload!();
});

Deno.test("server: a probe that fails while a command is in hand restarts nothing", async () => {
  await using bench = benchWithModel();
  await until(bench, "ready");
  const file = `${bench.workFolder}/pid`;
  const go = `${bench.workFolder}/go`;
  const { execution } = bench.start({ params: JSON.stringify({ note: file, until: go }) });
  const pid = await fileWritten(file);
  Deno.writeTextFileSync(`${bench.workFolder}/sick`, "");
  Deno.writeTextFileSync(go, "");
  assertEquals((await execution.exit).type, "answered");
  await until(bench, "unhealthy");
  assertEquals(bench.executor.reserve({ id: "c", kind: "inference" }), undefined);
  Deno.removeSync(`${bench.workFolder}/sick`);
  assert(JSON.parse((await run(bench, {})).stdout).pid !== Number(pid));
  await bench.executor.unload!();
});

Deno.test("server: a cancel closes the connection and waits until the server is free", async () => {
  await using bench = benchWithModel();
  await until(bench, "ready");
  const [file, go] = [`${bench.workFolder}/pid`, `${bench.workFolder}/go`];
  const { execution } = bench.start({ params: JSON.stringify({ note: file, until: go }) });
  const pid = Number(await fileWritten(file));
  execution.stop("SIGTERM");
  Deno.writeTextFileSync(go, "");
  assertEquals(await execution.exit, { type: "killed", signal: "SIGTERM" });
  assertEquals(JSON.parse((await run(bench, {})).stdout).pid, pid);
  await bench.executor.unload!();
});

Deno.test("server: one that takes no notice of a cancel is killed, and started again", async () => {
  await using bench = benchWithModel();
  await until(bench, "ready");
  const file = `${bench.workFolder}/pid`;
  const { execution } = bench.start({ params: JSON.stringify({ note: file, until: "never" }) });
  const pid = Number(await fileWritten(file));
  execution.stop("SIGTERM");
  execution.stop("SIGKILL");
  assertEquals(await execution.exit, {
    type: "killed",
    signal: "SIGKILL",
    note: "its server took no notice of that, and was killed and started again",
  });
  assertEquals(await isAlive(pid), false);
  assert(JSON.parse((await run(bench, {})).stdout).pid !== pid);
  await bench.executor.unload!();
});

Deno.test("server: what it had when the node ended is lost, and never run again", async () => {
  await using bench = benchWithModel();
  await until(bench, "ready");
  const file = `${bench.workFolder}/pid`;
  const params = JSON.stringify({ id: 1, note: file, until: `${bench.workFolder}/go` });
  const { execution, folder } = bench.start({ params });
  await fileWritten(file);
  execution.detach();
  await bench.restart();
  Deno.writeTextFileSync(`${bench.workFolder}/go`, "");
  const recovered = await bench.executor.recover(execution.handle, folder);
  assertEquals(recovered.type === "ended" && recovered.exit.type, "lost");
  await run(bench, { id: 2 });
  assertEquals(count(bench, "runs", "1"), 1);
  await bench.executor.unload!();
});

Deno.test("server: an answer of 50 MB is the output, and leaves no other file", async () => {
  await using bench = benchWithModel();
  await until(bench, "ready");
  const started = bench.start({ params: JSON.stringify({ much: 50_000_000 }) });
  assertEquals((await started.execution.exit).type, "answered");
  assertEquals(Array.from(Deno.readDirSync(started.folder.path), ({ name }) => name), [
    "stdout.log",
  ]);
  assertEquals(Deno.statSync(started.folder.outputFile("stdout")).size, 50_000_000);
  await bench.executor.unload!();
});

/** Resolves when a server makes room and nothing of it is loaded. */
async function yielded(bench: Bench): Promise<void> {
  const { executor } = bench;
  const { promise, resolve } = Promise.withResolvers<void>();
  executor.onRoom = () => executor.hasYielded && resolve();
  executor.onRoom();
  await inTime(promise, "the end of the server");
}

Deno.test("server: it makes room once it has nothing in hand, and is loaded again later", async () => {
  await using bench = benchWithModel({ yieldTo: "training" });
  const { executor } = bench;
  executor.setYielding!(false);
  await until(bench, "ready");
  const [file, go] = [`${bench.workFolder}/pid`, `${bench.workFolder}/go`];
  const { execution } = bench.start({ params: JSON.stringify({ note: file, until: go }) });
  const pid = Number(await fileWritten(file));
  executor.setYielding!(true);
  assertEquals(executor.status(), {
    state: "yielding",
    reason: "a training command runs or waits",
  });
  assertEquals(executor.reserve({ id: "c", kind: "inference" }), undefined);
  assertEquals([executor.hasYielded, await isAlive(pid)], [false, true]);
  Deno.writeTextFileSync(go, "");
  assertEquals((await execution.exit).type, "answered");
  await yielded(bench);
  assertEquals(await isAlive(pid), false);
  executor.setYielding!(false);
  assertEquals(executor.hasYielded, false);
  assertEquals((await run(bench, { id: 2 })).exit.type, "answered");
  assertEquals(count(bench, "starts", "start"), 2);
  await executor.unload!();
});

Deno.test("server: a node that starts while there must be room loads nothing, and ends what it finds", async () => {
  await using bench = benchWithModel({ yieldTo: "training" });
  bench.executor.setYielding!(false);
  const { pid } = JSON.parse((await run(bench, {})).stdout);
  for (const isAliveThen of [true, false]) {
    await bench.restart();
    assertEquals([await isAlive(pid), bench.executor.hasYielded], [isAliveThen, false]);
    bench.executor.setYielding!(true);
    await yielded(bench);
    assertEquals(await isAlive(pid), false);
  }
  assertEquals(count(bench, "starts", "start"), 1);
  await bench.executor.unload!();
});

Deno.test("server: one that cannot be loaded makes room at once, and its commands wait then", async () => {
  await using bench = benchWithModel({ yieldTo: "training" });
  Deno.writeTextFileSync(`${bench.workFolder}/broken`, "");
  bench.executor.setYielding!(false);
  await until(bench, "restarting");
  bench.executor.setYielding!(true);
  await yielded(bench);
  assertEquals(bench.executor.reserve({ id: "c", kind: "inference" }), undefined);
  Deno.removeSync(`${bench.workFolder}/broken`);
  bench.executor.setYielding!(false);
  assertEquals((await run(bench, {})).exit.type, "answered");
  await bench.executor.unload!();
});

Deno.test("url: params, headers and the id go to a server, a token does not", async () => {
  let seen: { url: string; headers: Headers } | undefined;
  const { server, url } = serveModel((params, request) => {
    seen = { url: request.url, headers: new Headers(request.headers) };
    return Response.json({ result: { got: params } });
  });
  await using _ = server;
  const given = { wrap: "inputs", unwrap: "result", headers: { "X-Key": "secret" } };
  await using bench = benchWithUrl(`${url}?v=1`, given);
  await until(bench, "ready");
  const { exit, stdout } = await bench.run({
    params: '{"url":"http://elsewhere/"}',
    env: {
      CYBERWAVE_REQUEST_ID: "r1",
      CYBERWAVE_API_KEY: "token",
      TRACEPARENT: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    },
  });
  assertEquals([exit.type, stdout], ["answered", '{"got":{"inputs":{"url":"http://elsewhere/"}}}']);
  assertEquals(seen?.url, `${url}?v=1`);
  const header = (name: string) => seen?.headers.get(name) ?? null;
  assertEquals(
    ["X-Key", "Cyberwave-Request-Id", "Cyberwave-Api-Key", "Content-Type"].map(header),
    ["secret", "r1", null, "application/json"],
  );
  assertEquals(
    ["traceparent", "tracestate"].map(header),
    ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", null],
  );
});

Deno.test("url: strings are the output as they are, bytes too", async () => {
  const { server, url } = serveModel(({ kind }) => {
    if (kind === "text") return Response.json('line 1\n"line 2" \u00e9');
    if (kind === "bytes") return new Response(Uint8Array.of(0xff, 0, 10));
    return new Response('"not JSON"', { headers: { "Content-Type": "text/plain" } });
  });
  await using _ = server;
  await using bench = benchWithUrl(url);
  assertEquals((await run(bench, { kind: "text" })).stdout, 'line 1\n"line 2" \u00e9');
  assertEquals((await run(bench, {})).stdout, '"not JSON"');
  await until(bench, "ready");
  const { execution } = bench.start({ params: '{"kind":"bytes"}' });
  const exit = await execution.exit;
  assertEquals(exit.type === "answered" && [...exit.output.stdout!], [0xff, 0, 10]);
});

Deno.test("url: an image is a result file, or base64 for a command that leaves none", async () => {
  const image = Uint8Array.from({ length: 200_000 }, (_, index) => index % 256);
  const headers = { "Content-Type": "image/png" };
  const { server, url } = serveModel(({ fail }) =>
    new Response(image, { headers, status: fail ? 500 : 200 })
  );
  await using _ = server;
  await using bench = benchWithUrl(url);
  const { stdout, exit } = await run(bench, {});
  assertEquals([exit.type, Uint8Array.fromBase64(stdout)], ["answered", image]);
  const results = `${bench.folder}/results`;
  const env = { CYBERWAVE_RESULTS_FOLDER: results };
  const names = [];
  for (const params of ["{}", "{}", '{"fail":true}']) {
    await until(bench, "ready");
    names.push((await bench.run({ params, env })).stdout);
  }
  assertEquals(names, ["output.png", "output-2.png", ""]);
  const files = Array.from(Deno.readDirSync(results), ({ name }) => name).sort();
  assertEquals(files, ["output-2.png", "output.png"]);
  for (const file of files) assertEquals(Deno.readFileSync(`${results}/${file}`), image);
});

Deno.test("url: a failed command has the words of the server, and no output", async () => {
  const { server, url } = serveModel(() => Response.json({ detail: "no x" }, { status: 422 }));
  await using _ = server;
  await using bench = benchWithUrl(url);
  const { exit, stdout } = await run(bench, {});
  assertEquals([errorOf(exit), stdout], ["The server answered 422: no x", ""]);
});

Deno.test("url: a server without room gets the command again, when it asks for that", async () => {
  let calls = 0;
  const { server, url } = serveModel(() =>
    ++calls < 3
      ? new Response("busy", { status: 503, headers: { "Retry-After": "0" } })
      : Response.json("done")
  );
  await using _ = server;
  await using bench = benchWithUrl(url);
  assertEquals((await run(bench, {})).stdout, "done");
  assertEquals(calls, 3);
});

Deno.test("url: as many commands are in hand as the server takes at once", async () => {
  const both = Promise.withResolvers<void>();
  let inHand = 0;
  const { server, url } = serve(async (request) => {
    if (request.method === "POST" && ++inHand === 2) both.resolve();
    if (request.method === "POST") await both.promise;
    return Response.json("done");
  });
  await using _ = server;
  await using bench = benchWithUrl(url, { concurrency: 2 });
  await until(bench, "ready");
  const started = [bench.start(), bench.start()];
  assertEquals(bench.executor.status().state, "busy");
  assertEquals(bench.executor.reserve({ id: "c", kind: "inference" }), undefined);
  for (const each of started) assertEquals((await bench.ended(each)).stdout, "done");
  assertEquals(started.map(({ execution }) => execution.pid), [undefined, undefined]);
  assertEquals(bench.executor.status().state, "ready");
});

Deno.test("url: Cog gets a prediction with an id, by which it is cancelled", async () => {
  const calls: string[] = [];
  const cancelled = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const { server, url } = serve(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/health-check") return Response.json({ status: "READY" });
    calls.push(`${request.method} ${pathname.replace(/[0-9a-f]{32}/, "ID")}`);
    if (pathname.endsWith("/cancel")) {
      // It may not know the prediction yet.
      if (calls.length === 2) return new Response("", { status: 404 });
      cancelled.resolve();
      return Response.json({});
    }
    assertEquals(await request.json(), { input: { x: 1 } });
    began.resolve();
    await cancelled.promise;
    return Response.json({ status: "canceled" });
  });
  await using _ = server;
  await using bench = benchWithUrl(url, { api: "cog", ready: undefined });
  await until(bench, "ready");
  const { execution } = bench.start({ params: '{"x":1}' });
  await began.promise;
  execution.stop("SIGTERM");
  assertEquals((await execution.exit).type, "failed");
  assertEquals(calls, ["PUT /predict/ID", "POST /predict/ID/cancel", "POST /predict/ID/cancel"]);
});

Deno.test("url: a server that cannot be reached is waited for, until it is late", async () => {
  const port = freePort();
  await using bench = benchWithUrl(`http://127.0.0.1:${port}/`, { readyTimeout: 0.1 });
  assertEquals(bench.executor.reserve({ id: "c", kind: "inference" }), undefined);
  await until(bench, "failed");
  const place = bench.executor.reserve({ id: "c", kind: "inference" });
  assertStringIncludes(JSON.stringify(place), "was not ready within 0.1 s: connect ECONNREFUSED");
  await using _ = Deno.serve(
    { hostname: "127.0.0.1", port, onListen() {} },
    () => Response.json("back"),
  );
  assertEquals((await run(bench, {})).stdout, "back");
});

Deno.test("url: the server of somebody else is never ended", async () => {
  const began = Promise.withResolvers<void>();
  let isFree = true;
  const { server, url } = serve((request) => {
    if (request.method !== "POST") return new Response("", { status: isFree ? 200 : 503 });
    isFree = false;
    began.resolve();
    return answer.promise;
  });
  await using _ = server;
  const answer = Promise.withResolvers<Response>();
  await using bench = benchWithUrl(url);
  await until(bench, "ready");
  const { execution } = bench.start();
  await began.promise;
  execution.stop("SIGTERM");
  execution.stop("SIGKILL");
  assertEquals(await execution.exit, {
    type: "killed",
    signal: "SIGKILL",
    note: "its server may still work on it",
  });
  answer.resolve(Response.json("late"));
});

Deno.test("url: an executor says when it has stopped", async () => {
  const { server, url } = serveModel(() => Response.json("done"));
  await using _ = server;
  await using bench = benchWithUrl(url);
  const executor = bench.executor as ServerExecutor;
  await executor[Symbol.asyncDispose]();
  assertEquals(executor.status(), { state: "stopped" });
});
