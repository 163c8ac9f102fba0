/** The real program in a process of its own. */
import { commandOf, DENO_DIR } from "./command.ts";
import { Inbox } from "./events.ts";

/** How to start the program. */
export interface ProgramOptions {
  /** The folder to start it in. */
  readonly cwd?: string;
  /** Its environment beside what every program needs. None is inherited that changes the node or Python. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from standard input. */
  readonly stdin?: string;
  /** Whether it has a session of its own, and so no terminal. Default: it has that of the tests. */
  readonly detached?: boolean;
}

/** What it printed, and where. */
export interface Line {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** The program, which is killed at the end of the test if it still runs. */
export class Program implements AsyncDisposable {
  /** Settles with the exit code when it has ended and all that it printed is read. */
  readonly exited: Promise<number>;
  readonly #child: Deno.ChildProcess;
  readonly #args: readonly string[];
  readonly #lines = new Inbox<Line>();
  readonly #output = { stdout: "", stderr: "" };

  private constructor(child: Deno.ChildProcess, args: readonly string[]) {
    this.#child = child;
    this.#args = args;
    this.exited = Promise.all([
      child.status,
      this.#read("stdout", child.stdout),
      this.#read("stderr", child.stderr),
    ]).then(([{ code }]) => code);
  }

  /** Starts the program with these arguments. */
  static start(args: readonly string[], options: ProgramOptions = {}): Program {
    const { cwd, env = {}, stdin, detached } = options;
    const inherited = Object.entries(Deno.env.toObject())
      .filter(([name]) => !/^(CYBERWAVE_|PYTHON|OTEL_|TRACE)/.test(name));
    const [program, ...first] = commandOf(["-P"]);
    const child = new Deno.Command(program, {
      args: [...first, ...args],
      cwd,
      detached,
      clearEnv: true,
      env: { ...Object.fromEntries(inherited), DENO_DIR, ...env },
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    if (stdin !== undefined) new Blob([stdin]).stream().pipeTo(child.stdin).catch(() => {});
    return new Program(child, args);
  }

  /** Runs the program to its end. */
  static async run(
    args: readonly string[],
    options: ProgramOptions = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    await using program = Program.start(args, options);
    const code = await program.exited;
    return { code, ...program.output };
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** All that it has printed so far. */
  get output(): { readonly stdout: string; readonly stderr: string } {
    return { ...this.#output };
  }

  /** Resolves with the first line, on either stream and not awaited before, that matches. */
  awaitLine(pattern: RegExp): Promise<RegExpExecArray> {
    const line = this.#lines.next(({ text }) => pattern.test(text))
      .then(({ text }) => pattern.exec(text)!);
    const ended = this.exited.then((code) => {
      if (this.#lines.all.some(({ text }) => pattern.test(text))) return line;
      const { stdout, stderr } = this.#output;
      const name = `"${this.#args.join(" ")}"`;
      throw new Error(`${name} ended with ${code} before ${pattern}:\n${stdout}\n${stderr}`);
    });
    line.catch(() => {});
    ended.catch(() => {});
    return Promise.race([line, ended]);
  }

  /** Sends a signal; nothing happens if it has ended. */
  signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // Deno says so when a child has been waited for.
      if (!(error instanceof TypeError)) throw error;
    }
  }

  /** Sends a signal and resolves with the exit code. */
  async end(signal: Deno.Signal): Promise<number> {
    this.signal(signal);
    return await this.exited;
  }

  /** Kills it, if it still runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }

  async #read(stream: Line["stream"], bytes: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const text of bytes.pipeThrough(new TextDecoderStream())) {
      this.#output[stream] += text;
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) this.#lines.push({ stream, text: line });
    }
    if (rest !== "") this.#lines.push({ stream, text: rest });
  }
}
