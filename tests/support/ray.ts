/** A real Ray on loopback: a head of one computer, in a temporary folder. */
import { inTime } from "./events.ts";
import { freePort } from "./model_server.ts";

/** The program `ray`, which CLOUD_NODE_RAY names. */
const RAY = Deno.env.get("CLOUD_NODE_RAY");

/** Short: the paths of sockets in the folder must not be too long. */
const PREFIX = "cn_ray_";

let told = false;

/** Whether tests can start Ray. Says so, once for each test module, when they cannot. */
export function rayAvailable(): boolean {
  if (RAY !== undefined) return true;
  if (!told) {
    console.warn(
      "CLOUD_NODE_RAY names no program of the packages of .ci/ray.txt: the tests that use it are skipped",
    );
  }
  told = true;
  return false;
}

/** A Ray with a head that can be killed, and started again with nothing of what it knew. */
export class RayCluster implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: PREFIX });
  readonly #port: number = freePort();
  readonly #token: string | undefined;
  #head: Deno.ChildProcess | undefined;

  private constructor(token: string | undefined) {
    this.#token = token;
  }

  /** Starts one, which asks for a token if one is given. */
  static async start(token?: string): Promise<RayCluster> {
    const cluster = new RayCluster(token);
    await cluster.startHead();
    return cluster;
  }

  /** Where its dashboard is. */
  get address(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts the head. Resolves when it takes jobs. */
  async startHead(): Promise<void> {
    const ports = {
      "--port": freePort(),
      "--dashboard-port": this.#port,
      "--dashboard-agent-listen-port": freePort(),
      "--min-worker-port": 0,
      "--max-worker-port": 0,
    };
    const { PATH, HOME } = Deno.env.toObject();
    this.#head = new Deno.Command(RAY!, {
      args: [
        ...["start", "--head", "--block", "--node-ip-address=127.0.0.1"],
        ...["--dashboard-host=127.0.0.1", "--disable-usage-stats", `--temp-dir=${this.folder}`],
        ...["--num-cpus=8", "--num-gpus=2", "--object-store-memory=80000000"],
        ...Object.entries(ports).map(([name, value]) => `${name}=${value}`),
      ],
      clearEnv: true,
      env: {
        PATH,
        HOME,
        ...(this.#token !== undefined && {
          RAY_AUTH_MODE: "token",
          RAY_AUTH_TOKEN: this.#token,
        }),
      },
      stdout: "null",
      stderr: "null",
    }).spawn();
    const look = async () => {
      while (await this.#statusOf("jobs/") !== 200) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await inTime(look(), "Ray to take jobs", 60_000);
  }

  /** Kills the head and everything that it has started, as when its computer fails. */
  async killHead(): Promise<void> {
    for (let left = true; left;) {
      left = false;
      for (const { name } of Deno.readDirSync("/proc")) left = this.#kill(name) || left;
    }
    await this.#head!.status;
  }

  /** Kills a process if it is one of this Ray. Returns whether it was. */
  #kill(pid: string): boolean {
    try {
      // Some write over what they were started with, but have their logs open.
      const texts = [Deno.readTextFileSync(`/proc/${pid}/cmdline`)];
      for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
        texts.push(Deno.readLinkSync(`/proc/${pid}/fd/${name}`));
      }
      if (!texts.some((text) => text.includes(this.folder))) return false;
      Deno.kill(Number(pid), "SIGKILL");
      return true;
    } catch {
      return false; // It is no process, or has ended.
    }
  }

  /** The jobs that Ray knows. */
  async jobs(): Promise<readonly Record<string, unknown>[]> {
    const response = await fetch(`${this.address}/api/jobs/`, { headers: this.#headers });
    return await response.json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killHead();
    await Deno.remove(this.folder, { recursive: true });
  }

  get #headers(): Record<string, string> {
    return this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` };
  }

  async #statusOf(path: string): Promise<number | undefined> {
    try {
      const response = await fetch(`${this.address}/api/${path}`, { headers: this.#headers });
      await response.body?.cancel();
      return response.status;
    } catch {
      return undefined;
    }
  }
}
