/** A real Slurm on loopback: slurmctld and slurmd as ordinary processes, in a temporary folder. */
import { freePort } from "./model_server.ts";
import { inTime } from "./events.ts";

/** Debian puts the variants of its packages beside each other. */
const NAMES = { slurmctld: ["slurmctld-wlm", "slurmctld"], slurmd: ["slurmd-wlm", "slurmd"] };
const STEP_DAEMONS = ["/usr/sbin/slurmstepd-wlm", "/usr/sbin/slurmstepd"];

const USER = new TextDecoder().decode(new Deno.Command("whoami").outputSync().stdout).trim();

let told = false;

/** Whether tests can start Slurm. Says so, once for each test module, when they cannot. */
export function slurmAvailable(): boolean {
  const isThere = stepDaemon() !== undefined && programAt("slurmctld") !== undefined &&
    programAt("slurmd") !== undefined;
  if (isThere) return true;
  if (!told) console.warn("Slurm is not installed: the tests that need it are skipped");
  told = true;
  return false;
}

function stepDaemon(): string | undefined {
  return STEP_DAEMONS.find(exists);
}

function programAt(daemon: keyof typeof NAMES): string | undefined {
  return NAMES[daemon].map((name) => `/usr/sbin/${name}`).find(exists);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** What may be told about a Slurm before it starts. */
export interface SlurmSetup {
  /** Seconds for which Slurm remembers a job that has ended. Default: 5 minutes. */
  readonly minJobAge?: number;
  /** The largest number of a job, after which numbers are used again. Default: Slurm's. */
  readonly maxJobId?: number;
  /** Seconds after which a node that does not answer is down. Default: 5 minutes. */
  readonly slurmdTimeout?: number;
}

/** A Slurm of one computer that runs several jobs at once. */
export class SlurmCluster implements AsyncDisposable {
  readonly folder: string = Deno.makeTempDirSync({ prefix: "cloud_node_slurm_" });
  /** Where slurm.conf is. */
  readonly conf: string = `${this.folder}/slurm.conf`;
  #controller: Deno.ChildProcess | undefined;
  #daemon: Deno.ChildProcess | undefined;

  private constructor(setup: SlurmSetup) {
    Deno.mkdirSync(`${this.folder}/state`);
    Deno.mkdirSync(`${this.folder}/spool`);
    Deno.writeTextFileSync(this.conf, confOf(this.folder, setup));
  }

  /** Starts one. */
  static async start(setup: SlurmSetup = {}): Promise<SlurmCluster> {
    const cluster = new SlurmCluster(setup);
    cluster.startController();
    cluster.startDaemon();
    await cluster.untilReady();
    return cluster;
  }

  /** Starts slurmctld. */
  startController(): void {
    this.#controller = this.#spawn("slurmctld", []);
  }

  /** Starts slurmd. */
  startDaemon(): void {
    this.#daemon = this.#spawn("slurmd", ["-N", "localhost", "-d", stepDaemon()!]);
  }

  /** Kills slurmctld. */
  async killController(): Promise<void> {
    await end(this.#controller, "SIGKILL");
    this.#controller = undefined;
  }

  /** Kills slurmd. What it has started goes on. */
  async killDaemon(): Promise<void> {
    await end(this.#daemon, "SIGKILL");
    this.#daemon = undefined;
  }

  /** Kills what watches over jobs on their computer. */
  killSteps(): void {
    for (const { name } of Deno.readDirSync("/proc")) {
      try {
        const environment = Deno.readTextFileSync(`/proc/${name}/environ`);
        const isStep = Deno.readTextFileSync(`/proc/${name}/comm`).startsWith("slurmstepd");
        if (isStep && environment.includes(this.conf)) Deno.kill(Number(name), "SIGKILL");
      } catch {
        // It is no process, or has ended.
      }
    }
  }

  /** Resolves when jobs can be run. */
  async untilReady(): Promise<void> {
    await this.until("Slurm is ready", async () => {
      const { code, stdout } = await this.call("sinfo", "--noheader", "--format=%T");
      return code === 0 && /^(idle|mixed|allocated)$/m.test(stdout);
    });
  }

  /** Resolves when something is so. */
  async until(what: string, isSo: () => Promise<boolean>): Promise<void> {
    const look = async () => {
      while (!await isSo()) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await inTime(look(), what);
  }

  /** Runs a program of Slurm as its user does. */
  async call(program: string, ...args: string[]): Promise<{ code: number; stdout: string }> {
    const command = new Deno.Command(program, {
      args,
      env: { SLURM_CONF: this.conf },
      stdout: "piped",
      stderr: "null",
    });
    const { code, stdout } = await command.output();
    return { code, stdout: new TextDecoder().decode(stdout) };
  }

  /** The jobs that Slurm knows, each as the fields of a format of squeue. */
  async jobs(format = "%i"): Promise<string[]> {
    const { stdout } = await this.call(
      ...["squeue", "--noheader", "--states=all", `--format=${format}`] as const,
    );
    return stdout.split("\n").filter((line) => line !== "");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#controller === undefined) this.startController();
    if (this.#daemon === undefined) this.startDaemon();
    const user = `--user=${USER}`;
    await this.until("no job is left", async () => {
      const { code } = await this.call("scancel", user);
      await this.call("scancel", "--full", "--signal=KILL", user);
      const { stdout } = await this.call("squeue", "--noheader");
      return code === 0 && stdout === "";
    });
    await end(this.#daemon, "SIGTERM");
    await end(this.#controller, "SIGTERM");
    Deno.removeSync(this.folder, { recursive: true });
  }

  #spawn(daemon: keyof typeof NAMES, args: readonly string[]): Deno.ChildProcess {
    return new Deno.Command(programAt(daemon)!, {
      args: ["-D", "-f", this.conf, ...args],
      env: { SLURM_CONF: this.conf },
      stdout: "null",
      stderr: "null",
    }).spawn();
  }
}

async function end(child: Deno.ChildProcess | undefined, signal: Deno.Signal): Promise<void> {
  try {
    child?.kill(signal);
  } catch {
    // It has ended.
  }
  await child?.status;
}

function confOf(folder: string, { minJobAge = 300, maxJobId, slurmdTimeout = 300 }: SlurmSetup) {
  const lines = {
    ClusterName: "test",
    SlurmctldHost: "localhost(127.0.0.1)",
    SlurmctldPort: freePort(),
    SlurmdPort: freePort(),
    SlurmUser: USER,
    SlurmdUser: USER,
    AuthType: "auth/none",
    CredType: "cred/none",
    ProctrackType: "proctrack/linuxproc",
    TaskPlugin: "task/none",
    MpiDefault: "none",
    SelectType: "select/cons_tres",
    SelectTypeParameters: "CR_CPU",
    StateSaveLocation: `${folder}/state`,
    SlurmdSpoolDir: `${folder}/spool`,
    SlurmctldPidFile: `${folder}/slurmctld.pid`,
    SlurmdPidFile: `${folder}/slurmd.pid`,
    SlurmctldLogFile: `${folder}/slurmctld.log`,
    SlurmdLogFile: `${folder}/slurmd.log`,
    ReturnToService: 2,
    KillWait: 1,
    MessageTimeout: 2,
    TCPTimeout: 1,
    MinJobAge: minJobAge,
    SlurmdTimeout: slurmdTimeout,
    ...(maxJobId !== undefined && { FirstJobId: 1, MaxJobId: maxJobId }),
    SchedulerParameters: "sched_interval=1,batch_sched_delay=0",
  };
  return [
    ...Object.entries(lines).map(([name, value]) => `${name}=${value}`),
    "NodeName=localhost NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=1 State=UNKNOWN",
    "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8",
  ].join("\n") + "\n";
}
