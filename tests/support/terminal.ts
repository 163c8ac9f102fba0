/** The program on a terminal, which is script(1) of Linux. */
import { shellWord } from "../../src/cli/invocation.ts";
import { commandOf, DENO_DIR } from "./command.ts";
import { inTime } from "./events.ts";

/** What a terminal is. */
export interface TerminalOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
}

/** The program on a terminal of its own, which is killed at the end of the test. */
export class Terminal implements AsyncDisposable {
  /** All that was written on it. */
  output = "";
  readonly #child: Deno.ChildProcess;
  readonly #keyboard: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>;
  readonly #watchers = new Set<() => void>();

  /** Starts the program with these arguments. */
  constructor(args: readonly string[], options: TerminalOptions) {
    const { cwd, env, columns = 80, rows = 24 } = options;
    const command = [...commandOf(["-P"]), ...args].map(shellWord).join(" ");
    this.#child = new Deno.Command("script", {
      args: ["-qec", `stty cols ${columns} rows ${rows}; exec ${command}`, "/dev/null"],
      cwd,
      env: { DENO_DIR, TERM: "xterm", ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#keyboard = this.#child.stdin.getWriter();
    this.#read = this.#readAll();
  }

  /** Resolves once the terminal has shown `text`. */
  shows(text: string): Promise<void> {
    const shown = new Promise<void>((resolve) => {
      const look = () => {
        if (!this.output.includes(text)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
    return inTime(shown, `${text} on the terminal`);
  }

  /** Presses keys. */
  async press(keys: string): Promise<void> {
    await this.#keyboard.write(new TextEncoder().encode(keys));
  }

  /** Resolves with the exit code when the program has ended. */
  async exited(): Promise<number> {
    const { code } = await inTime(this.#child.status, "the end of the program");
    await this.#read;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#keyboard.close().catch(() => {});
    await this.#child.status;
    await this.#read;
  }

  async #readAll(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.output += text;
      for (const look of [...this.#watchers]) look();
    }
  }
}
