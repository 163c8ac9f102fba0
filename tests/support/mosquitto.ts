/** A real mosquitto, started for one test. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

/** What may be told about a mosquitto before it starts. */
export interface MosquittoOptions {
  /** The port; default: a free one. */
  readonly port?: number;
  /** Further lines of its configuration. */
  readonly config?: string[];
  /** User names and passwords; default: everybody may connect. */
  readonly users?: Record<string, string>;
  /** Stores sessions and messages at each change, so that little is lost when it is killed. */
  readonly saveEveryChange?: boolean;
  /** Makes it speak TLS with these PEM files. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

const COMMANDS = [
  "mosquitto",
  "/usr/sbin/mosquitto",
  "/usr/local/sbin/mosquitto",
  "/opt/homebrew/sbin/mosquitto",
  "C:\\Program Files\\mosquitto\\mosquitto.exe",
];
const command = COMMANDS.find(runs);
let told = false;

/**
 * Whether tests can start mosquitto. Says so, once for each test module, when they cannot. On
 * continuous integration that is an error, but where there is no package of it at hand.
 */
export function mosquittoAvailable(): boolean {
  if (command) return true;
  if (Deno.env.get("CI") === "true" && Deno.build.os === "linux") {
    throw new Error("mosquitto is not installed, and on CI its tests must not be skipped");
  }
  if (!told) console.warn("mosquitto is not installed: the tests that need it are skipped");
  told = true;
  return false;
}

function runs(name: string): boolean {
  try {
    // mosquitto has no option that succeeds without starting a broker: `-h` exits with 3.
    new Deno.Command(name, { args: ["-h"], stdout: "null", stderr: "null" }).outputSync();
    return true;
  } catch {
    return false;
  }
}

/** A running mosquitto on loopback, which can be stopped, killed and started again. */
export class Mosquitto implements AsyncDisposable {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly #folder: string;
  #running: Running | undefined;

  private constructor(port: number, folder: string, running: Running) {
    this.port = port;
    this.#folder = folder;
    this.#running = running;
  }

  /** Starts one that keeps what it has to keep in a folder of its own. */
  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    for (let attempt = 1;; attempt++) {
      const port = options.port ?? freePort();
      const folder = await Deno.makeTempDir({ prefix: "mosquitto_" });
      try {
        await configure(folder, port, options);
        return new Mosquitto(port, folder, await launch(folder));
      } catch (error) {
        await Deno.remove(folder, { recursive: true });
        // Between asking for a free port and listening on it, somebody else may have taken it.
        if (options.port !== undefined || attempt === 5) throw error;
      }
    }
  }

  /** Where it listens. */
  get url(): string {
    return `mqtt://${this.host}:${this.port}`;
  }

  /** Its process id, while it runs. */
  get pid(): number | undefined {
    return this.#running?.process.pid;
  }

  /** Ends it in good order: it stores its sessions and messages. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** Kills it: what it has not stored is lost. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  /** Starts it again on the same port, ending it first if it still runs. */
  async restart(): Promise<void> {
    await this.stop();
    this.#running = await launch(this.#folder);
  }

  /** Ends it and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #end(signal: Deno.Signal): Promise<void> {
    if (!this.#running) return;
    const { process, output } = this.#running;
    this.#running = undefined;
    try {
      process.kill(signal);
    } catch {
      // It has ended by itself.
    }
    await process.status;
    await output;
  }
}

interface Running {
  readonly process: Deno.ChildProcess;
  /** Settles when all that it printed is read. */
  readonly output: Promise<void>;
}

async function configure(folder: string, port: number, options: MosquittoOptions): Promise<void> {
  const lines = [
    `listener ${port} 127.0.0.1`,
    "set_tcp_nodelay true",
    "log_dest stderr",
    "persistence true",
    `persistence_location ${join(folder, "data")}/`,
    // Not 0, which is "no limit": mosquitto 2.0.11 then drops clients whose publish it denies.
    "max_queued_messages 1000000",
    `allow_anonymous ${options.users === undefined}`,
  ];
  // As root it would become another user, which cannot read the folder.
  if (Deno.uid() === 0) lines.push("user root");
  if (options.tls) {
    lines.push(`certfile ${options.tls.certificate}`, `keyfile ${options.tls.key}`);
  }
  if (options.users) {
    const file = join(folder, "passwords");
    const users = Object.entries(options.users).map(([name, password]) => `${name}:${password}\n`);
    await Deno.writeTextFile(file, users.join(""), { mode: 0o600 });
    await new Deno.Command("mosquitto_passwd", { args: ["-U", file] }).output();
    lines.push(`password_file ${file}`);
  }
  if (options.saveEveryChange) lines.push("autosave_on_changes true", "autosave_interval 1");
  lines.push(...(options.config ?? []));
  await mkdir(join(folder, "data"));
  await Deno.writeTextFile(join(folder, "mosquitto.conf"), lines.join("\n") + "\n");
}

async function launch(folder: string): Promise<Running> {
  if (!command) throw new Error("mosquitto is not installed");
  const process = new Deno.Command(command, {
    args: ["-c", join(folder, "mosquitto.conf")],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const ready = Promise.withResolvers<void>();
  const output = (async () => {
    let printed = "";
    for await (const text of process.stderr.pipeThrough(new TextDecoderStream())) {
      printed += text;
      if (/mosquitto version \S+ running/.test(printed)) ready.resolve();
    }
    ready.reject(new Error(`mosquitto ended before it was ready:\n${printed}`));
  })();
  try {
    await ready.promise;
  } catch (error) {
    await process.status;
    throw error;
  }
  return { process, output };
}

/** A TCP port on loopback that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

const DYNAMIC_SECURITY = [
  "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so",
  "/usr/lib/aarch64-linux-gnu/mosquitto_dynamic_security.so",
  "/usr/lib/mosquitto_dynamic_security.so",
  "/opt/homebrew/lib/mosquitto_dynamic_security.so",
];

/**
 * Lines of configuration that let nobody subscribe to anything, written into `folder`. An acl_file
 * cannot do that: it only keeps messages back. `undefined` where the plugin is missing.
 */
export async function denySubscriptions(folder: string): Promise<string[] | undefined> {
  const plugin = DYNAMIC_SECURITY.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  if (plugin === undefined) return undefined;
  const file = join(folder, "dynamic-security.json");
  const access = {
    publishClientSend: true,
    publishClientReceive: true,
    subscribe: false,
    unsubscribe: true,
  };
  await Deno.writeTextFile(file, JSON.stringify({ defaultACLAccess: access }));
  return [`plugin ${plugin}`, `plugin_opt_config_file ${file}`];
}
