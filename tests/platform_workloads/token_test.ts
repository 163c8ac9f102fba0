import { assert, assertEquals } from "@std/assert";
import { becomes } from "../support/followed.ts";
import { NodeProcess } from "../support/node_process.ts";
import { Gate } from "../support/stage.ts";
import { fileWritten } from "../support/executors.ts";
import { World } from "../support/world.ts";

const TOKEN = `wt-${crypto.randomUUID()}`;
const NAMES = ["CYBERWAVE_API_KEY", "CYBERWAVE_API_TOKEN", "CYBERWAVE_MQTT_PASSWORD"];

/** The paths below `folder` of files that have `text` in them. */
async function filesWith(folder: string, text: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("grep", { args: ["-rlaF", "-e", text, folder] })
    .output();
  return new TextDecoder().decode(stdout).split("\n").filter((path) => path !== "");
}

/** The processes whose file of this name in /proc has `text` in it, without this one. */
async function processesWith(file: "cmdline" | "environ", text: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name) || Number(name) === Deno.pid) continue;
    const content = await Deno.readTextFile(`/proc/${name}/${file}`).catch(() => "");
    if (content.includes(text)) found.push(name);
  }
  return found;
}

Deno.test({
  name: "the token of a workload is in its environment, and nowhere else as long as it runs",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using world = await World.start();
    await world.answerOverMqtt();
    const gate = await Gate.in(world.folder);
    await using node = await NodeProcess.start(world, {
      yaml: {
        inference: `env >mine; echo >>mine; ${gate.template}`,
        training: "env >other; echo >>other",
      },
      args: ["-v"],
    });
    const [identity] = world.backend.instances.values();
    await using sender = await world.sender(identity);
    const workload = world.backend.createWorkload(identity.uuid);
    const params = { workload_uuid: workload.uuid, cyberwave_workload_token: TOKEN };
    // Malformed, and with the token where its reader stumbles.
    await sender.send(`{"command":"inference","params":{"cyberwave_workload_token":${TOKEN}"}}`);
    await sender.send({ command: "inference", request_id: "r1", params });
    await becomes(world, workload, "running");
    const mine = await fileWritten(`${world.folder}/mine`);
    for (const name of NAMES) assert(mine.includes(`${name}=${TOKEN}\n`), mine);
    assert(!mine.includes(world.backend.token), "the node's own token is not there");
    await sender.ask({ command: "training", request_id: "r2" });
    const other = await Deno.readTextFile(`${world.folder}/other`);
    for (const name of NAMES) assert(other.includes(`${name}=${world.backend.token}\n`), other);
    assert(!other.includes(TOKEN));

    assertEquals(await filesWith(world.stateFolder, TOKEN), []);
    assertEquals(await processesWith("cmdline", TOKEN), []);
    const status = await sender.ask({ command: "status", request_id: "s" });
    assert(!JSON.stringify(status).includes(TOKEN));
    await gate.open("you");
    await becomes(world, workload, "completed");
    await node.kill("SIGTERM");

    assertEquals(await filesWith(world.stateFolder, TOKEN), []);
    assertEquals(node.log.all.filter((line) => line.includes(TOKEN.slice(0, 10))), []);
    assertEquals(await processesWith("environ", TOKEN), []);
    const calls = JSON.stringify(world.backend.calls.map(({ path, body }) => [path, body]));
    assert(!calls.includes(TOKEN));
  },
});

Deno.test("a token that its workload prints is masked in logs, live logs and statuses", async () => {
  await using world = await World.start();
  await world.answerOverMqtt();
  const printed = `wt-printed-${crypto.randomUUID()}`;
  await using node = await NodeProcess.start(world, {
    yaml: {
      inference: 'echo "out $CYBERWAVE_API_KEY"; echo "err $CYBERWAVE_API_KEY" >&2; exit 3',
      log_stream_interval: 0.05,
    },
  });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity);
  const workload = world.backend.createWorkload(identity.uuid);
  const params = { workload_uuid: workload.uuid, cyberwave_workload_token: printed };
  await sender.send({ command: "inference", request_id: "r1", params });
  for (const text of ["out ***", "err ***"]) {
    await node.logged(text);
    await world.called(({ path, body }) =>
      path.endsWith("/log") && (body as { log_content: string }).log_content.startsWith(text)
    );
  }
  await becomes(world, workload, "completed");
  assertEquals(workload.statuses.at(-1)!.stderr, "err ***\n");
  await node.kill("SIGTERM");
  assert(!JSON.stringify(world.backend.calls.map(({ body }) => body)).includes(printed));
  assert(!node.log.all.join("\n").includes(printed));
});

Deno.test("with pass_token: false neither workloads nor the install script get the node's token", async () => {
  await using world = await World.start();
  await using _node = await NodeProcess.start(world, {
    yaml: {
      inference: "env >mine; echo >>mine",
      install_script: "env >install",
      pass_token: false,
    },
    env: { CYBERWAVE_API_KEY: world.backend.token, CYBERWAVE_MQTT_PASSWORD: world.backend.token },
  });
  const [identity] = world.backend.instances.values();
  await using sender = await world.sender(identity);
  await sender.ask({ command: "inference", request_id: "r1" });
  const read = (name: string) => Deno.readTextFile(`${world.folder}/${name}`);
  for (const environment of [await read("mine"), await read("install")]) {
    assert(environment.includes("CYBERWAVE_API_URL="), environment);
    assert(!environment.includes(world.backend.token));
  }
  const params = { cyberwave_workload_token: TOKEN };
  await sender.ask({ command: "inference", request_id: "r2", params });
  assert((await read("mine")).includes(`CYBERWAVE_API_TOKEN=${TOKEN}`));
});
