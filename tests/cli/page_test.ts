import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { linesAbout } from "../../src/cli/subcommands/page.ts";
import { readOpened } from "../../src/os/open_browser.ts";
import { Stage } from "../support/stage.ts";

const LINK = /^http:\/\/127\.0\.0\.1:\d+\/login\?code=[\w-]{43}\n$/;

/** The environment of somebody at a desktop, whose browser notes what it is to open. */
async function desktop(folder: string): Promise<Record<string, string>> {
  const browser = `${folder}/xdg-open`;
  await Deno.writeTextFile(browser, `#!/bin/sh\necho "$1" >'${folder}/opened'\n`, { mode: 0o700 });
  const PATH = `${folder}:${Deno.env.get("PATH")}`;
  return { PATH, DISPLAY: ":0", WAYLAND_DISPLAY: "", SSH_CONNECTION: "" };
}

Deno.test({
  name: "page prints a link that lets a browser in, and opens it where there is a desktop",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using stage = await Stage.set();
    await stage.configure(`  inference: "true"\n  http: 127.0.0.1:0\n`);
    await using _node = await stage.startNode("--slug", "n");
    const env = await desktop(stage.world.folder);
    const opened = Promise.withResolvers<void>();
    using watcher = Deno.watchFs(stage.world.folder, { recursive: false });
    const waiting = (async () => {
      for await (const { kind, paths } of watcher) {
        const isWritten = paths.some((path) => path.endsWith("/opened"));
        if (isWritten && kind === "modify") return opened.resolve();
      }
    })();
    const { code, stdout, stderr } = await stage.run(["page"], { env });
    assertEquals(code, 0);
    assertMatch(stdout, LINK);
    assertStringIncludes(stderr, "Opened in the browser. It works once, within 10 minutes");
    await opened.promise;
    watcher.close();
    await waiting;
    assertEquals(await Deno.readTextFile(`${stage.world.folder}/opened`), stdout);
    // As a browser would. What it is led to needs what it is given.
    const answer = await fetch(stdout.trim(), { redirect: "manual" });
    await answer.body?.cancel();
    assertEquals(answer.status, 303);
    assertMatch(answer.headers.get("location")!, /^\/s\/[\w-]+\/$/);
    const [cookie] = answer.headers.get("set-cookie")!.split(";");
    const status = await fetch(new URL("/api/v1/status", stdout), { headers: { cookie: cookie! } });
    assertEquals((await status.json()).slug, "n");
  },
});

Deno.test("page --print only prints the link, and over SSH page says how to get there", async () => {
  await using stage = await Stage.set();
  await stage.configure(`  inference: "true"\n  http: 127.0.0.1:0\n`);
  await using _node = await stage.startNode("--slug", "n");
  const printed = await stage.run(["page", "--print"]);
  assertEquals([printed.code, printed.stderr], [0, ""]);
  assertMatch(printed.stdout, LINK);
  const env = {
    SSH_CONNECTION: "192.0.2.1 50000 192.0.2.7 2222",
    DISPLAY: "",
    WAYLAND_DISPLAY: "",
  };
  const { stdout, stderr } = await stage.run(["page"], { env });
  assertMatch(stdout, LINK);
  const { port } = new URL(stdout);
  assertMatch(
    stderr,
    new RegExp(`^ {2}ssh -p 2222 -N -L ${port}:127.0.0.1:${port} \\S+@192.0.2.7$`, "m"),
  );
});

Deno.test("page says what is missing: a node, HTTP, or a way for a browser", async () => {
  await using stage = await Stage.set();
  await stage.configure(`  inference: "true"\n`);
  const none = await stage.run(["page"]);
  assertEquals([none.code, none.stdout], [1, ""]);
  assertStringIncludes(none.stderr, "No node runs with the state folder");
  {
    await using _node = await stage.startNode("--slug", "n");
    const { code, stderr } = await stage.run(["page"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "does not answer over HTTP");
    assertStringIncludes(stderr, "Start it with --http auto");
  }
  await using _node = await stage.startNode("--http", `unix:${stage.world.folder}/s`);
  const { code, stderr } = await stage.run(["page"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "A browser cannot open a unix socket");
});

Deno.test("what is said beside a link depends on where the user sits", () => {
  const link = "http://127.0.0.1:8470/login?code=x";
  assert(linesAbout(link, readOpened("opened"))[0]!.startsWith("Opened"));
  assert(linesAbout(link, readOpened(""))[0]!.startsWith("Open it in a browser on this computer"));
  assertEquals(
    linesAbout(link, readOpened("ssh eva 192.0.2.7 22"))[1],
    "  ssh -N -L 8470:127.0.0.1:8470 eva@192.0.2.7",
  );
});

Deno.test("the program has the page with it, wherever it was installed from", async () => {
  await using stage = await Stage.set();
  await stage.configure(`  inference: "true"\n  http: 127.0.0.1:0\n`);
  await using _node = await stage.startNode();
  const link = (await stage.run(["page", "--print"])).stdout.trim();
  const { headers, body } = await fetch(link, { redirect: "manual" });
  await body?.cancel();
  const [cookie] = headers.get("set-cookie")!.split(";");
  const read = async (path: string) =>
    await (await fetch(new URL(path, link), { headers: { cookie: cookie! } })).text();
  const page = await read("/");
  const files = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path!);
  assertEquals(files.length, 7);
  for (const path of files) assertEquals((await read(path)).includes('"error"'), false, path);
});
