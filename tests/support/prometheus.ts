/** Prometheus, and what checks its files. */
import { Inbox, inTime } from "./events.ts";
import { linesOf } from "./lines.ts";

const told = new Set<string>();

/** Whether a program is there. Says so when not; on CI for Linux that is an error. */
function isAvailable(program: string): boolean {
  try {
    new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync();
    return true;
  } catch {
    if (Deno.env.get("CI") === "true" && Deno.build.os === "linux") {
      throw new Error(`${program} is not installed, and on CI its tests must not be skipped`);
    }
    if (!told.has(program)) {
      console.warn(`${program} is not installed: the tests that need it are skipped`);
    }
    told.add(program);
    return false;
  }
}

/** Whether promtool is there. */
export function promtoolAvailable(): boolean {
  return isAvailable("promtool");
}

/** Whether Prometheus is there. */
export function prometheusAvailable(): boolean {
  return isAvailable("prometheus");
}

/** Where a Prometheus writes its samples to, which tells when there are some. */
class Sink {
  readonly #written = Promise.withResolvers<void>();
  readonly #server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      await request.body?.cancel();
      this.#written.resolve();
      return new Response(null, { status: 204 });
    },
  );

  /** What Prometheus's configuration says of it. */
  get config(): string {
    const url = `http://127.0.0.1:${this.#server.addr.port}/`;
    return `remote_write: [{ url: "${url}", queue_config: { batch_send_deadline: 100ms } }]\n`;
  }

  /** Resolves when it has the first. */
  get written(): Promise<void> {
    return this.#written.promise;
  }

  close(): Promise<void> {
    return this.#server.shutdown();
  }
}

/** A Prometheus that scrapes as its configuration says. */
export class Prometheus implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #log: Promise<void>;
  readonly #sink: Sink;
  #url = "";

  private constructor(child: Deno.ChildProcess, folder: string, sink: Sink, lines: Inbox<string>) {
    this.#child = child;
    this.#sink = sink;
    this.#folder = folder;
    this.#log = (async () => {
      for await (const line of linesOf(child.stderr)) lines.push(line);
    })();
  }

  /** Resolves when it has scraped something. */
  get scraped(): Promise<void> {
    return inTime(this.#sink.written, "a scrape");
  }

  /** Starts one with these `scrape_configs`, as they stand in a file. */
  static async start(scrapeConfigs: string): Promise<Prometheus> {
    const sink = new Sink();
    const folder = await Deno.makeTempDir({ prefix: "cloud_node_prometheus_" });
    const config = `${folder}/prometheus.yml`;
    const globals = "global: { scrape_interval: 100ms }\n";
    await Deno.writeTextFile(config, globals + sink.config + scrapeConfigs);
    const child = new Deno.Command("prometheus", {
      args: [
        `--config.file=${config}`,
        `--storage.tsdb.path=${folder}/data`,
        "--web.listen-address=127.0.0.1:0",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const lines = new Inbox<string>();
    const prometheus = new Prometheus(child, folder, sink, lines);
    const listening = await lines.next((line) => line.includes('msg="Listening on"'));
    await lines.next((line) => line.includes("Server is ready to receive web requests"));
    prometheus.#url = `http://${/address=(\S+)/.exec(listening)![1]}`;
    return prometheus;
  }

  /** The value of an expression for each series that it has, by a label of theirs. */
  async query(expression: string, label: string): Promise<Record<string, number>> {
    const url = `${this.#url}/api/v1/query?query=${encodeURIComponent(expression)}`;
    const { data } = await (await fetch(url)).json();
    const series = (data?.result ?? []) as { metric: Record<string, string>; value: string[] }[];
    return Object.fromEntries(series.map(({ metric, value }) => [metric[label], Number(value[1])]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#log;
    await this.#sink.close();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Runs promtool and returns what it says; fails the test unless it is content. */
export async function promtool(args: readonly string[], input = ""): Promise<string> {
  const command = new Deno.Command("promtool", {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (code !== 0) throw new Error(`promtool ${args.join(" ")} ended with code ${code}: ${said}`);
  return said;
}
