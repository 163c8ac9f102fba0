/** A worker that is called over its pipes, without a node. */

/** What the bench's worker does. */
export interface WorkerOptions {
  /** The file in which each load leaves a line. */
  readonly loads: string;
  /** Default: 0. */
  readonly loadSeconds?: number;
  /** How long an answer takes. Default: 0. */
  readonly answerSeconds?: number;
}

/** The words that run the bench's worker. */
export function workerCommand(
  { loads, loadSeconds = 0, answerSeconds = 0 }: WorkerOptions,
): [string, ...string[]] {
  const program = new URL("./worker.py", import.meta.url).pathname;
  return ["python3", program, `${loadSeconds}`, `${answerSeconds}`, loads];
}

/** A worker and its pipes. */
export class PipedWorker implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #encoder = new TextEncoder();
  readonly #waiting = new Map<string, () => void>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;
  #sent = 0;

  private constructor([program, ...args]: [string, ...string[]]) {
    const pipes = { stdin: "piped", stdout: "piped", stderr: "null" } as const;
    this.#child = new Deno.Command(program, { args, ...pipes }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#ended = this.#read();
  }

  /** Starts one. Resolves when it is loaded. */
  static async start(command: [string, ...string[]]): Promise<PipedWorker> {
    const worker = new PipedWorker(command);
    await Promise.race([worker.#ready.promise, worker.#failed()]);
    return worker;
  }

  /** Hands it a command with the params of the bench's caller. Resolves when it answers. */
  async call(): Promise<void> {
    const id = `d${this.#sent++}`;
    const answered = new Promise<void>((resolve) => this.#waiting.set(id, resolve));
    const request = { jsonrpc: "2.0", id, method: "inference", params: { x: 1 } };
    await this.#input.write(this.#encoder.encode(`${JSON.stringify(request)}\n`));
    await answered;
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input.close();
    await this.#ended;
    await this.#child.status;
  }

  async #failed(): Promise<never> {
    await this.#ended;
    throw new Error(`The bench's worker ended with code ${(await this.#child.status).code}`);
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of this.#child.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#take(JSON.parse(line));
    }
  }

  #take({ id, method }: { id?: string; method?: string }): void {
    if (method === "ready") this.#ready.resolve();
    if (id === undefined) return;
    this.#waiting.get(id)?.();
    this.#waiting.delete(id);
  }
}
