/**
 * A stand-in for Kubernetes that speaks its documented API of Jobs and pods, as far as the node uses
 * it. It runs the containers of Jobs as processes of this computer.
 */

/** A Job, and the pod that runs it. */
interface EmulatedJob {
  readonly manifest: Manifest;
  /** What runs its container; `undefined`: its pod waits. */
  readonly container: Container | undefined;
  /** Whether it goes with its pod. */
  isDeleted?: true;
  /** Whether its computer has failed. */
  isLost?: true;
}

/**
 * A process in place of a container. Nobody waits for it: it writes down how it ended, as it goes on
 * when a test has.
 */
class Container {
  readonly #exit: string;
  readonly #pid: number;

  constructor(exit: string, command: readonly string[]) {
    const script = '("$@"; echo $? >"$0.new"; mv "$0.new" "$0") >/dev/null 2>&1 & echo $!';
    const { stdout } = new Deno.Command("sh", {
      args: ["-c", script, exit, ...command],
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH")!, KUBERNETES_SERVICE_HOST: "10.0.0.1", OF: "the image" },
    }).outputSync();
    this.#exit = exit;
    this.#pid = Number(new TextDecoder().decode(stdout));
  }

  /** How it ended; `undefined`: it runs. */
  get exitCode(): number | undefined {
    try {
      return Number(Deno.readTextFileSync(this.#exit));
    } catch {
      return undefined;
    }
  }

  /** Asks its first process to end. */
  terminate(): void {
    for (const pid of childrenOf(this.#pid)) kill(pid, "SIGTERM");
  }

  /** Kills all of it. */
  kill(): void {
    for (const pid of childrenOf(this.#pid)) killAll(pid);
  }
}

function childrenOf(pid: number): number[] {
  const { stdout } = new Deno.Command("ps", { args: ["-o", "pid=", "--ppid", String(pid)] })
    .outputSync();
  return new TextDecoder().decode(stdout).split("\n").filter(Boolean).map(Number);
}

function killAll(pid: number): void {
  const children = childrenOf(pid);
  kill(pid, "SIGKILL");
  children.forEach(killAll);
}

function kill(pid: number, signal: Deno.Signal): void {
  try {
    Deno.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** As much of the manifest of a Job as is looked at. */
export interface Manifest {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly containers: readonly { readonly command: readonly string[] }[];
      };
    };
  };
}

let told = false;

/**
 * Whether tests can use kubectl, and the ps(1) of Linux. Says so, once for each test module, when they
 * cannot.
 */
export function kubectlAvailable(): boolean {
  if (Deno.build.os !== "linux") return false;
  try {
    new Deno.Command("kubectl", { args: ["version", "--client"], stdout: "null", stderr: "null" })
      .outputSync();
    return true;
  } catch {
    if (!told) console.warn("kubectl is not installed: the tests that need it are skipped");
    told = true;
    return false;
  }
}

/** An API server, its controller of Jobs and its kubelet. */
export class EmulatedKubernetes implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "cloud_node_kubernetes_" });
  /** Where kubectl is told of it. */
  readonly kubeconfig: string = `${this.folder}/config`;
  /** The Jobs, by their names. */
  readonly jobs = new Map<string, EmulatedJob>();
  /** Whether pods wait. */
  isFull = false;
  /** How often Jobs were to be made. */
  created = 0;
  /** Whether the next answer to a new Job is lost. */
  losesAnswer = false;
  #server: Deno.HttpServer<Deno.NetAddr>;

  /** Starts one. */
  constructor() {
    this.#server = this.#serve(0);
    const server = `http://127.0.0.1:${this.#server.addr.port}`;
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "test", cluster: { server } }],
      users: [{ name: "test", user: {} }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
      "current-context": "test",
    };
    Deno.writeTextFileSync(this.kubeconfig, JSON.stringify(config));
  }

  /** Ends a pod as its computer fails: nobody learns of its container's end. */
  failNode(name: string): void {
    const job = this.jobs.get(name)!;
    job.isLost = true;
    job.container!.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
    for (const { container } of this.jobs.values()) container?.kill();
    Deno.removeSync(this.folder, { recursive: true });
  }

  #serve(port: number): Deno.HttpServer<Deno.NetAddr> {
    return Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const [, kind, name] = /^\/(?:apis\/batch|api)\/v1\/namespaces\/default\/(jobs|pods)\/?(.*)$/
        .exec(pathname) ?? [];
      switch (`${request.method} ${kind}`) {
        case "POST jobs":
          return this.#create(await request.json());
        case "GET jobs":
          return this.#job(name!);
        case "DELETE jobs":
          return this.#delete(name!, searchParams);
        case "GET pods":
          return this.#pods(searchParams);
        case "DELETE pods":
          return this.#kill(searchParams);
      }
      return status(404, "NotFound", "the server could not find the requested resource");
    });
  }

  #create(manifest: Manifest): Response {
    this.created++;
    const { name } = manifest.metadata;
    if (this.jobs.has(name)) {
      return status(409, "AlreadyExists", `jobs.batch "${name}" already exists`);
    }
    const [{ command }] = manifest.spec.template.spec.containers;
    const container = this.isFull
      ? undefined
      : new Container(`${this.folder}/exit-${this.created}`, command);
    this.jobs.set(name, { manifest, container });
    if (!this.losesAnswer) return Response.json(manifest, { status: 201 });
    this.losesAnswer = false;
    return status(504, "Timeout", "request did not complete within the allotted timeout");
  }

  #job(name: string): Response {
    const job = this.jobs.get(name);
    const exitCode = job?.container?.exitCode;
    if (job?.isDeleted && (exitCode !== undefined || job.container === undefined)) {
      this.jobs.delete(name);
      return this.#job(name);
    }
    if (job === undefined) return status(404, "NotFound", `jobs.batch "${name}" not found`);
    const type = exitCode === 0 ? "Complete" : "Failed";
    const reason = type === "Failed" ? { reason: "BackoffLimitExceeded" } : {};
    const isOver = exitCode !== undefined || job.isLost;
    const conditions = isOver ? [{ type, status: "True", ...reason }] : [];
    return Response.json({ ...job.manifest, status: { conditions } });
  }

  #pods(search: URLSearchParams): Response {
    const job = this.jobs.get(nameIn(search));
    if (job === undefined || job.isLost) return Response.json({ items: [] });
    const { container } = job;
    const exitCode = container?.exitCode;
    const state = exitCode === undefined ? {} : { terminated: { exitCode, reason: "Error" } };
    const ended = exitCode === 0 ? "Succeeded" : "Failed";
    const phase = container === undefined ? "Pending" : exitCode === undefined ? "Running" : ended;
    return Response.json({ items: [{ status: { phase, containerStatuses: [{ state }] } }] });
  }

  #delete(name: string, search: URLSearchParams): Response {
    const job = this.jobs.get(name);
    if (job === undefined) return status(404, "NotFound", `jobs.batch "${name}" not found`);
    if (search.get("propagationPolicy") !== "Foreground") return status(422, "Invalid", "policy");
    job.isDeleted = true;
    job.container?.terminate();
    return Response.json({ ...job.manifest });
  }

  #kill(search: URLSearchParams): Response {
    if (search.get("gracePeriodSeconds") !== "0") return status(422, "Invalid", "grace");
    this.jobs.get(nameIn(search))?.container?.kill();
    return Response.json({ items: [] });
  }
}

function nameIn(search: URLSearchParams): string {
  return search.get("labelSelector")!.replace(/^job-name=/, "");
}

function status(code: number, reason: string, message: string): Response {
  const body = { kind: "Status", apiVersion: "v1", status: "Failure", reason, message, code };
  return Response.json(body, { status: code });
}
