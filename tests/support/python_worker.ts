/** Python files behind the node's own program. */
import { assert } from "@std/assert";
import { resolveConfig } from "../../src/config/resolve.ts";
import type { WorkerProgram } from "../../src/config/programs/workload_program.ts";
import type { Exit } from "../../src/executors/executor.ts";
import type { WorkerExecutor } from "../../src/executors/worker/worker_executor.ts";
import { createWorkerExecutor } from "../../src/node/create/create_worker_executor.ts";
import { systemClock } from "../../src/time.ts";
import { Bench, HOST, type Started } from "./executors.ts";

type Params = Readonly<Record<string, unknown>>;
type Env = Readonly<Record<string, string>>;

/** A Python file behind the node's own program. */
export class PythonBench extends Bench {
  /** What the file has in it from the next restart on. */
  declare source?: string;

  /** Runs `source` as `infer.py` with this Python, or the one on the PATH. */
  constructor(source: string, python?: string) {
    super((bench) => {
      const { workFolder, folder, logger } = bench;
      Deno.writeTextFileSync(`${workFolder}/infer.py`, (bench as PythonBench).source ?? source);
      const inference = { worker: "infer.py" };
      const settings = resolveConfig({ inference, workFolder, stateFolder: folder, python });
      const env = { PATH: Deno.env.get("PATH")! };
      return createWorkerExecutor(
        "inference",
        settings.inference as WorkerProgram,
        { settings, env, host: HOST, loggerFor: () => logger },
        systemClock,
      );
    });
  }

  /** How a command ends. */
  async do(params: Params, env: Env = {}): Promise<Exit> {
    return await (await this.begin(params, env)).execution.exit;
  }

  /** Hands a command over, once the file is loaded. */
  async begin(params: Params, env: Env = {}): Promise<Started> {
    const { executor } = this;
    for (;;) {
      const place = executor.reserve({ id: "c0", kind: "inference" });
      if (place !== undefined && "release" in place) {
        place.release();
        return this.start({ params: JSON.stringify(params), env });
      }
      await new Promise<void>((resolve) => executor.onRoom = resolve);
    }
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await (this.executor as WorkerExecutor).unload();
    await super[Symbol.asyncDispose]();
  }
}

/** What a command answered. */
export function outputOf(exit: Exit): string {
  assert(exit.type === "answered", JSON.stringify(exit));
  return new TextDecoder().decode(exit.output.stdout);
}

/** What a command failed with. */
export function errorOf(exit: Exit): string {
  assert(exit.type === "failed", JSON.stringify(exit));
  return exit.error;
}
