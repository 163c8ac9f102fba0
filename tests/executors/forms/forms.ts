/** The forms of what runs commands, as a node is told of them: each does the same. */
import { existsSync } from "node:fs";
import type { CloudNodeConfig, WarmConfig } from "../../../mod.ts";
import type { Handler } from "../../../src/executors/handler/handler.ts";
import { systemClock } from "../../../src/time.ts";
import { freePort } from "../../support/model_server.ts";
import { slurmAvailable, SlurmCluster } from "../../support/slurm.ts";
import type { NodeOptions } from "../../support/world.ts";

const MODEL = `exec python3 ${new URL("./model.py", import.meta.url).pathname}`;

/** They stay for the next node of a test, and not for long where a test fails. */
const WARM: WarmConfig = { keepLoaded: 20 };

/** Huge answers are whole in their replies. */
const MOST: CloudNodeConfig = { maxOutput: 8_000_000 };

/** What a command is to do. */
export interface Params {
  readonly id: string;
  readonly do: "answer" | "fail" | "crash" | "bytes" | "wait";
  readonly text?: string;
}

/** A form, ready for nodes. */
export interface Form extends AsyncDisposable {
  readonly settings: CloudNodeConfig;
  readonly options?: NodeOptions;
}

/** What is true of a form and not of every one. */
export interface FormTraits {
  /** What the reply to a command says that crashed what ran it; `undefined`: it cannot. */
  readonly crash: RegExp | undefined;
  /** How a command ends that goes on while there is no node. */
  readonly restart: "done" | RegExp;
  /** Whether what runs commands is there also when the node is not. */
  readonly isElsewhere?: boolean;
  /** Has it run in a folder. */
  open(folder: string): Form | Promise<Form>;
}

const LOST = /^Workload lost: /;

/** Every form. */
export const FORMS: Readonly<Record<string, FormTraits>> = {
  process: {
    crash: /^out of memory$/m,
    restart: "done",
    open: () => settings(`${MODEL} process {body_file}`),
  },
  worker: {
    crash: /exited with code 3:\nout of memory$/,
    restart: "done",
    open: () => settings({ ...WARM, worker: `${MODEL} worker` }),
  },
  server: {
    crash: /exited with code 3.* not sent again$/s,
    restart: LOST,
    open: () => {
      const port = freePort();
      const url = `http://127.0.0.1:${port}`;
      const ready = { url: `${url}/health`, every: 0.05 };
      return settings({ ...WARM, server: `${MODEL} server ${port}`, url, ready });
    },
  },
  url: {
    crash: /^The connection to the server ended without an answer: .* not sent again$/,
    restart: LOST,
    isElsewhere: true,
    open: (folder) => {
      const port = freePort();
      const server = keepUp(`${MODEL} server ${port}`, folder);
      return { ...settings({ url: `http://127.0.0.1:${port}` }), ...server };
    },
  },
  ...(slurmAvailable() && {
    slurm: {
      crash: /^out of memory$/m,
      restart: "done",
      open: async () => {
        const cluster = await SlurmCluster.start();
        const { settings: given } = settings({ slurm: `${MODEL} process {body_file}` });
        const env = { ...Deno.env.toObject(), SLURM_CONF: cluster.conf };
        return {
          settings: given,
          options: { env },
          [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
        };
      },
    },
  }),
  handler: {
    crash: undefined,
    // The program goes on, and with it the handler.
    restart: "done",
    isElsewhere: true,
    open: (folder) => ({
      settings: MOST,
      options: { handlers: { inference: handlerIn(folder) } },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  },
};

function settings(inference: CloudNodeConfig["inference"]): Form {
  return {
    settings: { ...MOST, inference },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Runs a server, again when it has ended, as somebody else does it. */
function keepUp(command: string, cwd: string): AsyncDisposable {
  let isOver = false;
  let child: Deno.ChildProcess;
  const running = (async () => {
    while (!isOver) {
      child = new Deno.Command("sh", { args: ["-c", command], cwd, stderr: "null" }).spawn();
      await child.status;
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      isOver = true;
      child.kill("SIGKILL");
      await running;
    },
  };
}

/** Does what model.py does. */
function handlerIn(folder: string): Handler<Params> {
  return async ({ id, do: what, text = "done" }, { signal }) => {
    Deno.writeTextFileSync(`${folder}/runs`, `${id}\t${Deno.pid}\n`, { append: true });
    Deno.writeTextFileSync(`${folder}/began-${id}`, "now\n");
    if (what === "fail") throw new Error("sorry");
    if (what === "bytes") return new Uint8Array([0xff, 0x0a, 0x00, 0x0a]);
    while (what === "wait" && !existsSync(`${folder}/go-${id}`)) {
      await systemClock.sleep(10, signal);
    }
    return text;
  };
}
