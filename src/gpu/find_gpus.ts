/**
 * Which GPUs this machine has.
 *
 * @module
 */
import { messageOf, quoted } from "../errors.ts";
import { askShell, NO_SUCH_PROGRAM } from "../os/ask_shell.ts";

/** A GPU that was found, or a part of one (MIG). */
export interface FoundGpu {
  /** Its number; `undefined`: a part has none. */
  readonly index: number | undefined;
  /** Its UUID; `undefined`: the driver does not report it. */
  readonly uuid: string | undefined;
}

/** The GPUs that were found, and what went wrong while looking for them. */
export interface FoundGpus {
  readonly gpus: readonly FoundGpu[];
  readonly problems: readonly string[];
}

/** How long a driver may take to answer: the first call after a boot loads it. */
const TIMEOUT_MS = 30_000;

/**
 * Asks `nvidia-smi`, and if that finds none `rocm-smi`. Each is killed when it has not answered within
 * `timeoutMs`, or when `signal` aborts. Never rejects.
 */
export async function findGpus(
  { timeoutMs = TIMEOUT_MS, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
): Promise<FoundGpus> {
  const limit = () =>
    AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
  const nvidia = await ask("nvidia-smi -L", parseNvidiaList, limit());
  if (nvidia.gpus.length > 0) return nvidia;
  const amd = await ask("rocm-smi --showuniqueid --json", parseRocmIds, limit());
  return { gpus: amd.gpus, problems: [...nvidia.problems, ...amd.problems] };
}

async function ask(
  command: string,
  parse: (text: string) => FoundGpu[],
  signal: AbortSignal,
): Promise<FoundGpus> {
  const [program] = command.split(" ");
  try {
    const { code, stdout, stderr } = await askShell("sh", ["-c", `exec ${command}`], signal);
    if (signal.aborted) return { gpus: [], problems: [`${program} does not answer`] };
    if (code === NO_SUCH_PROGRAM) return { gpus: [], problems: [`there is no ${program}`] };
    const gpus = code === 0 ? parse(stdout) : [];
    if (gpus.length > 0) return { gpus, problems: [] };
    const [line = "nothing"] = (stdout + stderr).split("\n").filter((line) => line.trim() !== "");
    return { gpus, problems: [`${program} says ${quoted(line.trim())}`] };
  } catch (error) {
    return { gpus: [], problems: [`${program} cannot be asked: ${messageOf(error)}`] };
  }
}

/** Whether a name means a GPU. Of a UUID the beginning is enough. */
export function isNamed({ index, uuid }: FoundGpu, name: string): boolean {
  return name === String(index) || (/^(GPU|MIG)-./.test(name) && uuid?.startsWith(name) === true);
}

/** Reads what `nvidia-smi -L` prints. A GPU that is divided is left out for its parts. */
export function parseNvidiaList(text: string): FoundGpu[] {
  const found: FoundGpu[] = [];
  let whole: FoundGpu | undefined;
  for (const line of text.split("\n")) {
    const [, index, uuid] = /^GPU (\d+): .*\(UUID: (GPU-[\w-]+)\)/.exec(line) ?? [];
    const [, part] = /^\s+MIG .*\(UUID: (MIG-[\w/-]+)\)/.exec(line) ?? [];
    if (index !== undefined) found.push(whole = { index: Number(index), uuid });
    if (part === undefined) continue;
    if (found.at(-1) === whole) found.pop();
    found.push({ index: undefined, uuid: part });
  }
  return found;
}

/** Reads what `rocm-smi --showuniqueid --json` prints. HIP numbers the cards in their order. */
export function parseRocmIds(text: string): FoundGpu[] {
  // Warnings may come before it.
  const json = text.slice(Math.max(0, text.indexOf("{")));
  let cards: Record<string, unknown>;
  try {
    cards = JSON.parse(json) ?? {};
  } catch {
    return [];
  }
  const numbers = Object.keys(cards).flatMap((key) => /^card(\d+)$/.exec(key)?.[1] ?? [])
    .map(Number).sort((a, b) => a - b);
  return numbers.map((number, index) => {
    const card = cards[`card${number}`] as Record<string, unknown> | null;
    const [, id] = /^0x([0-9a-f]{1,16})$/i.exec(String(card?.["Unique ID"])) ?? [];
    return { index, uuid: id && `GPU-${id.padStart(16, "0")}` };
  });
}
