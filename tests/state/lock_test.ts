import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { StateFolderInUseError } from "../../src/errors.ts";
import { lockFolder, lockHolder } from "../../src/state/lock.ts";
import { FakeClock } from "../support/clock.ts";
import { RecordingLogger } from "../support/events.ts";
import { modeOf, withUmask } from "../support/modes.ts";

const PARTS = { clock: new FakeClock(), logger: new RecordingLogger() };

class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "cloud_node_state_" });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Another process that has the lock, and a child of its own that outlives it. */
class OtherNode implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: ReadableStreamDefaultReader<string>;

  constructor(folder: string) {
    const module = new URL("../../src/state/lock.ts", import.meta.url).href;
    const program = `
      import { lockFolder } from ${JSON.stringify(module)};
      const lock = lockFolder(${JSON.stringify(folder)}, {
        clock: { now: () => 0 },
        logger: { warn: console.error },
      });
      new Deno.Command("cat", { stdin: "inherit", stdout: "null", detached: true }).spawn();
      console.log("locked");
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    `;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--allow-all",
        "--quiet",
        `data:text/javascript,${encodeURIComponent(program)}`,
      ],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#output = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  get pid(): number {
    return this.#child.pid;
  }

  async locked(): Promise<void> {
    assertEquals((await this.#output.read()).value, "locked\n");
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill().catch(() => {});
    await this.#output.cancel();
    await this.#child.stdin.close();
  }
}

Deno.test("a state folder has one node at a time, and tells which", () => {
  using folder = new Folder();
  assertEquals(lockHolder(folder.path), undefined);
  {
    using _lock = lockFolder(folder.path, PARTS);
    const error = assertThrows(() => lockFolder(folder.path, PARTS), StateFolderInUseError);
    assertEquals(error.exitCode, 5);
    assertStringIncludes(error.message, `process ${Deno.pid}`);
    assertEquals(lockHolder(folder.path), Deno.pid);
  }
  assertEquals(lockHolder(folder.path), undefined);
  lockFolder(folder.path, PARTS)[Symbol.dispose]();
});

Deno.test("a longer pid of an earlier node leaves nothing behind", () => {
  using folder = new Folder();
  Deno.writeTextFileSync(`${folder.path}/node.pid`, "12345678901234567890\n");
  using _lock = lockFolder(folder.path, PARTS);
  assertEquals(Deno.readTextFileSync(`${folder.path}/node.pid`), `${Deno.pid}\n`);
});

Deno.test("those who look whether a node runs never keep one from starting", async () => {
  using folder = new Folder();
  const [STOP, LOOKS] = [0, 1];
  const shared = new Int32Array(new SharedArrayBuffer(8));
  const module = new URL("../../src/state/lock.ts", import.meta.url).href;
  const program = `
    import { lockHolder } from ${JSON.stringify(module)};
    self.onmessage = ({ data: [folder, shared] }) => {
      while (shared[${STOP}] === 0) {
        lockHolder(folder);
        Atomics.add(shared, ${LOOKS}, 1);
        Atomics.notify(shared, ${LOOKS});
      }
      self.postMessage("done");
    };
  `;
  const url = `data:text/javascript,${encodeURIComponent(program)}`;
  const worker = new Worker(url, { type: "module" });
  const done = new Promise((resolve) => worker.onmessage = resolve);
  lockFolder(folder.path, PARTS)[Symbol.dispose]();
  worker.postMessage([folder.path, shared]);
  await Atomics.waitAsync(shared, LOOKS, 0).value;
  for (let i = 0; i < 1_000; i++) lockFolder(folder.path, PARTS)[Symbol.dispose]();
  Atomics.store(shared, STOP, 1);
  await done;
  worker.terminate();
  assert(shared[LOOKS]! > 100, `only ${shared[LOOKS]} looks`);
});

Deno.test("the lock's files are their user's alone, whatever the umask and whatever stood there", () => {
  for (const stoodThere of [[], ["node.lock", "node.running", "node.pid"]]) {
    using folder = new Folder();
    withUmask(0, () => {
      for (const name of stoodThere) Deno.writeTextFileSync(`${folder.path}/${name}`, "");
      lockFolder(folder.path, PARTS)[Symbol.dispose]();
    });
    for (const name of ["node.lock", "node.running", "node.pid"]) {
      assertEquals(modeOf(`${folder.path}/${name}`), "600");
    }
  }
});

Deno.test("a node in another process is named, and its lock ends with it even if a child lives on", async () => {
  using folder = new Folder();
  await using other = new OtherNode(folder.path);
  await other.locked();
  const error = assertThrows(() => lockFolder(folder.path, PARTS), StateFolderInUseError);
  assertStringIncludes(error.message, `process ${other.pid}`);
  assertEquals(lockHolder(folder.path), other.pid);
  await other.kill();
  assertEquals(lockHolder(folder.path), undefined);
  lockFolder(folder.path, PARTS)[Symbol.dispose]();
});
