import { assert, assertEquals } from "@std/assert";
import { constants } from "node:os";
import { ProcessExecutor } from "../../../src/executors/process/process_executor.ts";
import { renderTemplate } from "../../../src/executors/process/template.ts";
import { systemClock } from "../../../src/time.ts";
import { WorkloadFolder } from "../../../src/workloads/folder.ts";
import { RecordingLogger } from "../../support/events.ts";
import { HOST } from "../../support/executors.ts";
import { type Case, CASES } from "./templates.ts";

/** What a template did. */
interface Deed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly files: readonly string[];
}

const PARAMS = `{"text": "it's \\"a\\" \`b\` $(c) \\\\n", "n": [1, 2]}`;
const TEMP = Deno.makeTempDirSync({ prefix: "cloud_node_differential_" });
const PATH = Deno.env.get("PATH")!;
const text = new TextDecoder("latin1");

/** Runs a template through the executor. */
async function run(source: Case, place: Place): Promise<Deed> {
  await using executor = new ProcessExecutor({
    templates: { inference: source.template },
    env: place.env,
    workFolder: place.work,
    host: HOST,
    clock: systemClock,
    logger: new RecordingLogger(),
  });
  const reservation = executor.reserve({ id: "c", kind: "inference" })!;
  place.env = { ...place.env, CYBERWAVE_ATTEMPT: reservation.handle.attempt };
  const { exit } = reservation.start({
    id: "c",
    kind: "inference",
    params: PARAMS,
    files: [],
    env: {},
    folder: place.folder,
  });
  const ended = await exit;
  assert(ended.type === "exited", JSON.stringify(ended));
  const read = (stream: "stdout" | "stderr") =>
    text.decode(Deno.readFileSync(place.folder.outputFile(stream)));
  return {
    code: ended.code,
    stdout: read("stdout"),
    stderr: read("stderr"),
    files: filesIn(place.work),
  };
}

/** Runs it as its author would try it. */
async function expected(source: Case, place: Place): Promise<Deed> {
  const { template } = source;
  const values = { params: PARAMS, paramsFile: place.folder.paramsFile };
  const rendered = renderTemplate(template, values);
  assert("source" in rendered);
  const { source: rendering, variables } = rendered;
  const { PATH: path, ...env } = { ...place.env, ...variables };
  const child = await new Deno.Command(path === "" ? HOST.shellPath : "bash", {
    args: ["-c", rendering],
    env: path === undefined ? env : { ...env, PATH: path },
    clearEnv: true,
    cwd: place.work,
    stdin: "null",
  }).output();
  const { code, signal, stdout, stderr } = child;
  return {
    code: signal === null ? code : 128 + constants.signals[signal as "SIGTERM"],
    stdout: text.decode(stdout),
    stderr: text.decode(stderr),
    files: filesIn(place.work),
  };
}

interface Place {
  readonly work: string;
  readonly folder: WorkloadFolder;
  env: Readonly<Record<string, string>>;
}

/** A folder to run in, the same for both. */
function placeFor({ env = {} }: Case, number: number): Place {
  const base = `${TEMP}/${number}`;
  const work = `${base}/work`;
  Deno.mkdirSync(base);
  Deno.writeTextFileSync(`${base}/env.sh`, "set -e; export FROM_FILE=1; echo read >&2\n");
  const given = Object.entries({ PATH, HOME: base, ...env });
  return {
    work,
    folder: new WorkloadFolder(`${base}/workload`),
    env: Object.fromEntries(given.map(([name, value]) => [name, value.replace("$FOLDER", base)])),
  };
}

function filesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory, isFile }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return filesIn(path);
    const mode = (Deno.lstatSync(path).mode! & 0o777).toString(8);
    return [`${path} ${mode} ${isFile ? Deno.readTextFileSync(path) : Deno.readLinkSync(path)}`];
  }).sort();
}

/**
 * What may differ: process ids in messages, how long something took, and `$0`, since Deno starts bash
 * by its path in the comparison.
 */
function comparable({ stdout, stderr, ...rest }: Deed): Deed {
  const messages = stderr
    .replaceAll(`${HOST.shellPath}: `, "bash: ")
    .replaceAll(/ +\d+ (?=Killed|Terminated|Segmentation)/g, " PID ")
    .replaceAll(/\d+m\d\.\d+s/g, "TIME");
  const byPath = HOST.shellPath.length;
  const isByPath = stdout.startsWith(HOST.shellPath) && /^[ |]/.test(stdout.slice(byPath));
  const named = isByPath ? `bash${stdout.slice(byPath)}` : stdout;
  return { ...rest, stdout: named, stderr: messages };
}

async function compare(source: Case, number: number): Promise<string | undefined> {
  const place = placeFor(source, number);
  const deeds: Deed[] = [];
  for (const how of [run, expected]) {
    Deno.mkdirSync(place.work);
    deeds.push(comparable(await how(source, place)));
    Deno.removeSync(place.work, { recursive: true });
  }
  try {
    assertEquals(deeds[0], deeds[1]);
  } catch (error) {
    return `${JSON.stringify(source)}\n${(error as Error).message}`;
  }
}

Deno.test({
  name: "a template means what it means under bash -c",
  ignore: HOST.shell !== "bash",
  async fn() {
    assert(CASES.length >= 150);
    const differences: string[] = [];
    const rest = CASES.entries();
    const work = async () => {
      for (const [number, source] of rest) {
        const difference = await compare(source, number);
        if (difference !== undefined) differences.push(difference);
      }
    };
    await Promise.all(Array.from({ length: 4 }, work));
    Deno.removeSync(TEMP, { recursive: true });
    assertEquals(differences.join("\n\n"), "");
  },
});
