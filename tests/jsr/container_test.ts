import { assert, assertEquals, assertMatch } from "@std/assert";
import manifest from "../../deno.json" with { type: "json" };
import { Registry } from "../support/registry.ts";

const DOCKERFILE = await Deno.readTextFile(
  new URL("../../.github/container/Dockerfile", import.meta.url),
);

async function sh(script: string, env: Record<string, string>, cwd: string) {
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", script],
    env,
    cwd,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

Deno.test({
  name: "what the Dockerfile installs starts without a registry",
  ignore: Deno.build.os === "windows",
  fn: installAndStart,
});

async function installAndStart(): Promise<void> {
  await using registry = await Registry.start();
  await registry.publish();
  const folder = await Deno.makeTempDir({ dir: registry.folder });
  const [, script] = /^RUN (deno cache [^]*?[^\\])$/m.exec(DOCKERFILE)!;
  const { DENO_DIR, ...env } = await registry.env();
  const inside = {
    HOME: folder,
    ...env,
    DENO_DIR: DENO_DIR!,
    VERSION: manifest.version,
  };
  const installing = script!
    .replaceAll(" /usr/local/lib/deno /usr/local/bin", ` ${folder}`)
    .replaceAll("--root /usr/local", `--root ${folder}`);
  const installed = await sh(installing, inside, folder);
  assertEquals(installed.code, 0, installed.stderr);

  // --cached-only asks no registry, not even when it is there.
  const entry: string[] = JSON.parse(/^ENTRYPOINT (.+)$/m.exec(DOCKERFILE)![1]!);
  const words = entry.map((word) => `'${word}'`).join(" ");
  const program = `PATH=${folder}/bin:$PATH exec ${words}`;
  const version = await sh(`${program} --version`, inside, folder);
  const [first] = version.stdout.split("\n");
  assertEquals(first, `cyberwave-cloud-node ${manifest.version}`, version.stderr);
  const demo = await sh(`${program} dev --once`, inside, folder);
  assertMatch(demo.stdout, /4 of 4 passed/, demo.stderr);
}

Deno.test("the image's health check is true of a node that answers, and false without one", async () => {
  const [, words] = /^HEALTHCHECK [^]*?\n {2}CMD (\[.+\])$/m.exec(DOCKERFILE)!;
  const [program, ...args] = JSON.parse(words!) as string[];
  assert(/CYBERWAVE_HTTP=127\.0\.0\.1:8470$/m.test(DOCKERFILE));
  assertEquals(program, "deno");
  let status = 200;
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => new Response("", { status: new URL(url).pathname === "/healthz" ? status : 404 }),
  );
  const check = async () => {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: args.map((arg) => arg.replace(":8470/", `:${server.addr.port}/`)),
      stderr: "null",
    }).output();
    return code;
  };
  assertEquals(await check(), 0);
  status = 503;
  assertEquals(await check(), 1);
  await server.shutdown();
  assertEquals(await check(), 1);
});
