/** What of systemd a test can have without being supervised by it. */
import { Inbox } from "./events.ts";
import { linesOf } from "./lines.ts";

/** The values of an assignment in a unit, in order. */
export function assignments(unit: string, name: string): string[] {
  return unit.split("\n").filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));
}

/**
 * The words of a command line as systemd.service(5) says: quotes, escapes in C's style, `%%` for a
 * percent sign and, but for the program, `$$` for a dollar sign.
 */
export function words(line: string): string[] {
  return rawWords(line).map((word, index) => {
    const text = word.replaceAll("%%", "%");
    return index === 0 ? text : text.replaceAll("$$", "$");
  });
}

/** Variables as systemd.exec(5) says. */
export function variables(unit: string): Record<string, string> {
  return Object.fromEntries(
    assignments(unit, "Environment").flatMap(rawWords).map((word) => {
      const [, name = "", value = ""] = /^(.*?)=([^]*)$/.exec(word.replaceAll("%%", "%"))!;
      return [name, value];
    }),
  );
}

function rawWords(line: string): string[] {
  const words = line.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];
  return words.map((word) => word.startsWith('"') ? unescaped(word.slice(1, -1)) : word);
}

function unescaped(text: string): string {
  return text.replaceAll(
    /\\(?:x([0-9a-f]{2})|(.))/g,
    (_, code: string, char: string) =>
      code === undefined ? char : String.fromCharCode(parseInt(code, 16)),
  );
}

const PROGRAMS = ["systemd-analyze", "systemd-notify"] as const;
let told = false;

/** Whether systemd's own programs are there. Says so when not; on CI for Linux that is an error. */
export function systemdAvailable(): boolean {
  const missing = PROGRAMS.find((name) => !runs(name));
  if (missing === undefined) return true;
  if (Deno.env.get("CI") === "true" && Deno.build.os === "linux") {
    throw new Error(`${missing} is not installed, and on CI its tests must not be skipped`);
  }
  if (!told) console.warn(`${missing} is not installed: the tests that need it are skipped`);
  told = true;
  return false;
}

function runs(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}

/** What systemd has to say about a unit file. It only reads it. */
export async function verifyUnit(path: string, scope: "system" | "user"): Promise<string> {
  const { success, stderr } = await new Deno.Command("systemd-analyze", {
    args: ["verify", `--${scope}`, "--man=no", path],
    // The user manager wants to know where its own units would be.
    env: { XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" },
    stdout: "null",
    stderr: "piped",
  }).output();
  const said = new TextDecoder().decode(stderr);
  return success ? said : `refused:\n${said}`;
}

/** The socket at which systemd listens for what its services tell: a real one, of datagrams. */
export class NotifySocket implements AsyncDisposable {
  /** Every message, as its lines. The barrier of systemd-notify is left out. */
  readonly messages = new Inbox<readonly string[]>();
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;

  private constructor(readonly address: string, child: Deno.ChildProcess) {
    this.#child = child;
    this.#reading = this.#read();
  }

  /** Listens at a path, or at an abstract address, which begins with `@`. */
  static async listen(address: string): Promise<NotifySocket> {
    // Deno's own are unstable, which the tests are not.
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--quiet", "-A", "--unstable-net", RECEIVER, address],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const socket = new NotifySocket(address, child);
    await socket.messages.next(([first]) => first === "listening");
    return socket;
  }

  /** The next message with this line, not yet waited for. */
  told(line: string): Promise<readonly string[]> {
    return this.messages.next((lines) => lines.includes(line));
  }

  async #read(): Promise<void> {
    for await (const line of linesOf(this.#child.stdout)) {
      const message = JSON.parse(line) as string;
      if (message !== "BARRIER=1") this.messages.push(message.split("\n"));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await Promise.all([this.#child.status, this.#reading]);
  }
}

const RECEIVER = `data:text/javascript,${
  encodeURIComponent(`
  const path = Deno.args[0].replace(/^@/, "\\0");
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  console.log(JSON.stringify("listening"));
  for await (const [bytes] of socket) {
    console.log(JSON.stringify(new TextDecoder().decode(bytes)));
  }
`)
}`;

/** A service as systemd runs it: the command line, the folder and the variables of its unit. */
export class UnitProcess implements AsyncDisposable {
  /** What it logs, line by line. */
  readonly log = new Inbox<string>();
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<number>;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.#ended = Promise.all([child.status, this.#read()]).then(([{ code }]) => code);
  }

  /** Starts what `unit` describes. Nothing else of this program's environment reaches it than HOME. */
  static start(
    unit: string,
    notifySocket: string,
    prefix: readonly string[] = [],
  ): UnitProcess {
    const command = words(assignments(unit, "ExecStart")[0]!);
    const [program = "", ...args] = [...prefix, ...command];
    const child = new Deno.Command(program, {
      args,
      cwd: assignments(unit, "WorkingDirectory")[0]!.replaceAll("%%", "%"),
      clearEnv: true,
      env: {
        PATH: "/usr/local/bin:/usr/bin:/bin",
        // Where Deno keeps its packages; the state folder is the unit's own.
        HOME: Deno.env.get("HOME")!,
        NOTIFY_SOCKET: notifySocket,
        WATCHDOG_USEC: "60000000",
        ...variables(unit),
      },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    return new UnitProcess(child);
  }

  /** The next line of its log, not yet waited for, that matches. */
  async logged(pattern: RegExp): Promise<RegExpExecArray> {
    return pattern.exec(await this.log.next((line) => pattern.test(line)))!;
  }

  /** Stops its main process, and that alone, as KillMode=process says. Resolves with its exit code. */
  async stop(): Promise<number> {
    this.#child.kill("SIGTERM");
    return await this.#ended;
  }

  async #read(): Promise<void> {
    for await (const line of linesOf(this.#child.stderr)) this.log.push(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    await this.#ended;
  }
}
