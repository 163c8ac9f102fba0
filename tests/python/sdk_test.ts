import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EmulatedBackend } from "../../src/dev/rest_front_end.ts";
import { Program } from "../support/program.ts";
import { pythonPackagesAvailable, pythonProgram, runPython } from "../support/python_packages.ts";

const FOLDER = new URL("./", import.meta.url).pathname;
const test = (sentence: string, fn: () => Promise<void>) =>
  Deno.test({ name: sentence, ignore: !pythonPackagesAvailable(), fn });

/** A `dev` in a folder of its own, to which clients come with its token. */
class Dev implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly env: Readonly<Record<string, string>>,
    readonly stateFolder: string,
    readonly program: Program,
  ) {}

  static async start(config: string): Promise<Dev> {
    const folder = await Deno.makeTempDir({ prefix: "cloud_node_" });
    await Deno.writeTextFile(`${folder}/cyberwave.yml`, config);
    const program = Program.start(["dev", "--show-token"], { cwd: folder });
    const [, url] = await program.awaitLine(/^ {2}backend +(\S+)$/);
    const [, stateFolder] = await program.awaitLine(/^ {2}state +(\S+) /);
    const [, token] = await program.awaitLine(/^ {2}token +(\S+) /);
    const env = { CYBERWAVE_API_KEY: token!, CYBERWAVE_BASE_URL: url! };
    return new Dev(folder, env, stateFolder!, program);
  }

  /** Creates a workload with the SDK. Resolves with what the SDK knows when it has ended. */
  async follow(command: string, params: unknown, log: string) {
    const args = [`${FOLDER}client.py`, command, JSON.stringify(params), log];
    const { code, stdout, stderr } = await runPython("python", args, this.env);
    assertEquals(code, 0, stderr + this.program.output.stdout);
    return JSON.parse(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.end("SIGTERM");
    await this.program[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}

test("the SDK creates a workload, follows it to its results, and reads its log", async () => {
  await using dev = await Dev.start(`
training: |
  mkdir "$CYBERWAVE_RESULTS_FOLDER/run1"
  echo trained with {body} | tee "$CYBERWAVE_RESULTS_FOLDER/run1/model.pt"
inference: echo no model >&2; exit 3
log_stream_interval: 1
`);
  const seen = await dev.follow("training", { epochs: 3 }, "trained with");
  const printed = `trained with {"epochs":3,"workload_uuid":"${seen.uuid}"}\n`;
  const [file] = seen.results.files;
  assertMatch(file.attachment_uuid, /^[0-9a-f-]{36}$/);
  assertEquals(seen, {
    uuid: seen.uuid,
    status: "completed",
    failure: null,
    results: { files: [{ ...file, filename: "run1/model.pt", size: printed.length }] },
    instance: "dev-node",
    listed: [seen.uuid],
    instances: [["dev-node", "registered"]],
    log: printed,
  });
  const { status, failure } = await dev.follow("inference", {}, "trained with");
  assertEquals([status, failure], ["completed", "Command failed with code 3"]);
});

test("a workload that uses the SDK talks to the platform and the broker of its node", async () => {
  const workload = `${pythonProgram("python")} ${FOLDER}workload.py`;
  await using dev = await Dev.start(`
inference: ${workload} {body_file}
log_stream_interval: 1
`);
  const seen = await dev.follow("inference", {}, "looked itself up");
  assertEquals(
    [seen.status, seen.results, seen.log],
    ["completed", { was: "running" }, "looked itself up: running\n"],
  );
});

test("the CLI shows who the node is, and takes the file that init writes", async () => {
  await using dev = await Dev.start("inference: echo {body}");
  const env = { CYBERWAVE_EDGE_CONFIG_DIR: dev.stateFolder };
  const { stdout } = await runPython("cyberwave", ["compute", "status"], env);
  assertMatch(stdout, /Node UUID: [0-9a-f-]{36}\n +Node slug: dev-node\n/);
  const folder = `${dev.folder}/new`;
  await Deno.mkdir(folder);
  assertEquals((await Program.run(["init"], { cwd: folder })).code, 0);
  const file = `${folder}/cyberwave.yml`;
  const { code, stdout: verdict } = await runPython(
    "cyberwave",
    ["manifest", "validate", file],
    {},
  );
  assertEquals(code, 0, verdict);
});

test("the CLI checks a token, and the node reads it from the file that the CLI writes", async () => {
  await using backend = EmulatedBackend.start();
  const stateFolder = await Deno.makeTempDir({ prefix: "cloud_node_" });
  const env = { CYBERWAVE_EDGE_CONFIG_DIR: stateFolder, CYBERWAVE_BASE_URL: backend.url };
  const configure = (token: string) =>
    runPython("cyberwave", ["configure", "--token", token, "--base-url", backend.url], env);
  assertStringIncludes((await configure("wrong")).stdout, "Token is invalid");
  assertStringIncludes((await configure(backend.token)).stdout, "Token is valid");
  const doctor = await Program.run(["doctor", "--json", "--mqtt-host", "nowhere.invalid"], {
    cwd: stateFolder,
    env: { CYBERWAVE_EDGE_CONFIG_DIR: stateFolder },
  });
  const checks: { name: string; detail: string }[] = JSON.parse(doctor.stdout).checks;
  assertEquals(
    checks.find(({ name }) => name === "token")?.detail,
    `accepted by the backend (from ${stateFolder}/credentials.json)`,
  );
  await Deno.remove(stateFolder, { recursive: true });
});
