import { assertEquals } from "@std/assert";
import { FakeClock } from "../support/clock.ts";
import { TestUploads } from "../support/results.ts";

const SETTINGS = { uploadWhileRunning: 45 };

/** A watch over a command that runs. */
class Watch implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly test = new TestUploads({ clock: this.clock, settings: SETTINGS });
  readonly command = this.test.started("a");
  readonly #stop = new AbortController();
  readonly #watching = this.test.uploads.watch(this.command, this.#stop.signal);

  /** Writes a file into the workload's own folder. */
  write(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.command.folder}/${name}`, text);
  }

  /** Lets it look. */
  async look(): Promise<void> {
    await this.clock.sleepingFor(45_000);
    await this.clock.advance(45_000);
    await this.clock.sleepingFor(45_000);
  }

  /** The names of the files put so far. */
  get sent(): string[] {
    return this.test.server.names("put");
  }

  /** Stops watching. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.test[Symbol.asyncDispose]();
  }
}

Deno.test("while a workload runs, what has stopped changing is sent and reported, once", async () => {
  await using watch = new Watch();
  const { test } = watch;
  watch.write("1.pt", "one");
  await watch.look();
  assertEquals(watch.sent, []);
  watch.write("2.pt", "tw");
  await watch.look();
  assertEquals([watch.sent, test.server.reports.get("w-a")!.filenames], [["1.pt"], ["1.pt"]]);
  watch.write("2.pt", "two");
  await watch.look();
  assertEquals(watch.sent, ["1.pt"]);
  await watch.look();
  await watch.look();
  assertEquals(watch.sent, ["1.pt", "2.pt"]);
  assertEquals(test.server.reports.get("w-a")!.filenames, ["1.pt", "2.pt"]);
  assertEquals([...Deno.readDirSync(watch.command.folder)].length, 2);
});

Deno.test("at the end only what is not sent yet is sent, and everything is reported", async () => {
  await using watch = new Watch();
  const { test, command } = watch;
  for (const name of ["1.pt", "2.pt", "last.pt"]) watch.write(name, name);
  test.folder.write("shared.pt", "x");
  await watch.look();
  await watch.look();
  assertEquals(watch.sent.sort(), ["1.pt", "2.pt", "last.pt", "shared.pt"]);
  await watch.stop();
  // It keeps two checkpoints, and writes the last one anew.
  Deno.removeSync(`${command.folder}/1.pt`);
  watch.write("last.pt", "the very last");
  assertEquals((await test.end(command)).sort(), ["1.pt", "2.pt", "last.pt", "shared.pt"]);
  assertEquals(await test.upload(command), { type: "uploaded" });
  assertEquals(watch.sent.sort(), ["1.pt", "2.pt", "last.pt", "last.pt", "shared.pt"]);
  const stored = test.server.stored("w-a");
  assertEquals(Object.keys(stored).sort(), ["1.pt", "2.pt", "last.pt", "shared.pt"]);
  assertEquals(stored["last.pt"].size, "the very last".length);
  assertEquals([test.folder.names(), test.state.names()], [[], ["workload_results/"]]);
});

Deno.test("a workload that fails after it has saved keeps what was sent at the platform", async () => {
  await using watch = new Watch();
  const { test, command } = watch;
  watch.write("1.pt", "one");
  await watch.look();
  await watch.look();
  await watch.stop();
  assertEquals(await test.end(command, { status: "error" }), []);
  assertEquals(test.server.reports.get("w-a")!.filenames, ["1.pt"]);
  const [{ state, signedUrl }] = test.files.of("a");
  assertEquals([state, signedUrl], ["left", undefined]);
});

Deno.test("a watch goes on after a restart without sending again what was sent", async () => {
  await using watch = new Watch();
  const { test, command, clock } = watch;
  watch.write("1.pt", "one");
  await watch.look();
  await watch.look();
  await watch.stop();
  test.restart(SETTINGS);
  const stop = new AbortController();
  const watching = test.uploads.watch(command, stop.signal);
  for (let look = 0; look < 3; look++) {
    await clock.sleepingFor(45_000);
    await clock.advance(45_000);
  }
  await clock.sleepingFor(45_000);
  stop.abort();
  await watching;
  assertEquals(watch.sent, ["1.pt"]);
});

Deno.test("a platform that is away is tried again, and the workload is not disturbed", async () => {
  await using watch = new Watch();
  const { test } = watch;
  test.server.answer = ({ type }) =>
    type === "sign" ? new Response(null, { status: 404 }) : undefined;
  watch.write("1.pt", "one");
  await watch.look();
  await watch.look();
  await test.logger.logged('Cannot upload results of workload "w-a" while it runs');
  test.server.answer = () => undefined;
  await watch.look();
  assertEquals(watch.sent, ["1.pt"]);
});

Deno.test("nothing is watched unless the settings ask for it", async () => {
  await using test = new TestUploads();
  await test.uploads.watch(test.started("a"), test.signal);
  assertEquals(test.logger.shown, []);
});
