/**
 * `init`: writes files to start from.
 *
 * @module
 */
import { mkdir, open, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { ConfigError, messageOf, quoted } from "../../errors.ts";
import { askShell } from "../../os/ask_shell.ts";
import type { Arguments } from "../arguments.ts";
import { commandLine, shellWord } from "../invocation.ts";
import { type Sample, sampleFiles } from "./samples.ts";
import { harmless, print } from "../terminal/terminal.ts";
import { WORKER_FILE, workerProgram } from "./worker_sample.ts";

/** Writes the files that are not there yet. */
export async function run(args: Arguments): Promise<number> {
  const folder = resolve(args.value("dir") ?? ".");
  const python = await findPython();
  await makeFolder(folder);
  const hasOneGpu = await countGpus() === 1;
  const isWorker = args.has("worker");
  const kept = new Set<string>();
  for (const sample of sampleFiles({ python: python ?? "python3", hasOneGpu, isWorker })) {
    const isNew = await create(folder, sample);
    if (!isNew) kept.add(sample.name);
    print(harmless(`${isNew ? "Wrote" : "Kept "} ${join(folder, sample.name)}`));
  }
  const notes = [
    ...(python === undefined ? [NO_PYTHON] : []),
    ...(isWorker ? [aboutWorker(python ?? "python3", kept.has("cyberwave.yml"))] : []),
  ];
  print(nextSteps(folder, notes));
  return 0;
}

/** The name by which the shell finds Python. */
async function findPython(): Promise<string | undefined> {
  for (const name of ["python3", "python"]) {
    const { code } = await askShell("sh", ["-c", 'command -v "$1"', "sh", name]);
    if (code === 0) return name;
  }
}

/** How many graphics cards of NVIDIA there are, as far as their driver says. */
async function countGpus(): Promise<number> {
  const { code, stdout } = await askShell(
    "sh",
    ["-c", "nvidia-smi -L"],
    AbortSignal.timeout(5_000),
  );
  return code === 0 ? stdout.split("\n").filter((line) => line.startsWith("GPU ")).length : 0;
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new ConfigError(`Cannot make the folder ${quoted(folder)}: ${messageOf(error)}`, {
      hint: "Name another with --dir",
    });
  }
}

/** Writes a file, unless there is something of that name. Resolves with whether there was nothing. */
async function create(folder: string, { name, text }: Sample): Promise<boolean> {
  const path = join(folder, name);
  try {
    // Exclusive, so that nothing is written through a link either.
    const file = await open(path, "wx");
    try {
      await file.writeFile(text);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw new ConfigError(`Cannot write ${quoted(path)}: ${messageOf(error)}`, {
      hint: "Name a folder that this user may write to with --dir",
    });
  }
}

const NO_PYTHON =
  "There is no Python here: install it, or write other commands into cyberwave.yml.";

/** What to do with the worker; a cyberwave.yml that was there does not know it. */
function aboutWorker(python: string, isConfigKept: boolean): string {
  const what = `${WORKER_FILE} loads its model once, and then answers commands: put yours into it.`;
  if (!isConfigKept) return what;
  return `${what}\nFor cyberwave.yml, which was there:\n\n  inference: ${workerProgram(python)}`;
}

function nextSteps(folder: string, notes: readonly string[]): string {
  const steps: [command: string, why: string][] = [
    [commandLine(["dev", "--once"]), "try it on this computer alone"],
    ["export CYBERWAVE_API_TOKEN=...", "give the node your token"],
    [commandLine(["doctor"]), "check what it needs"],
    [commandLine(["start", "--slug", "my-node"]), "run it"],
  ];
  const here = relative(Deno.cwd(), folder);
  if (here !== "") steps.unshift([`cd ${shellWord(here)}`, "where the files are"]);
  const lines = steps.map(([command, why]) => `  # ${why}\n  ${command}`);
  return ["", ...notes.flatMap((note) => [note, ""]), "Next:", "", ...lines].join("\n");
}
