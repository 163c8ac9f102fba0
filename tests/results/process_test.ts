import { assert, assertEquals } from "@std/assert";
import { crc32 } from "node:zlib";
import { ResultsFolder } from "../support/results.ts";
import { type StorageCall, StorageServer } from "../support/storage.ts";

const PROGRAM = new URL("../support/upload_program.ts", import.meta.url).pathname;
const MiB = 2 ** 20;

/** Starts the program that uploads `folder`. */
function start(server: StorageServer, state: string, folder: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", PROGRAM, server.url, state, folder],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function ended(process: Deno.ChildProcess) {
  const { stdout, stderr } = await process.output();
  const [output, log] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert(output !== "", log);
  return { ...JSON.parse(output), log };
}

/** Writes a file with holes, which takes no space, and something of its own at both ends. */
function writeSparse(path: string, size: number, mark: number): void {
  using file = Deno.openSync(path, { write: true, create: true });
  const ends = new Uint8Array(Math.min(size, 1000)).fill(mark % 251 + 1);
  file.truncateSync(size);
  file.writeSync(ends);
  file.seekSync(size - ends.length, Deno.SeekMode.Start);
  file.writeSync(ends);
}

async function checksumOf(path: string): Promise<number> {
  let checksum = 0;
  const file = await Deno.open(path);
  for await (const chunk of file.readable) checksum = crc32(chunk, checksum);
  return checksum;
}

Deno.test({
  name: "200 files and 1 GiB get to a server that fails every fifth request, in under 150 MB",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = new StorageServer();
    using folder = new ResultsFolder();
    using state = new ResultsFolder();
    let failures = 0;
    server.answer = async ({ number, request }) => {
      if (number % 5 !== 0) return undefined;
      // Some at once, some when all has arrived.
      if (++failures % 2 === 0 && !request.bodyUsed) { for await (const _ of request.body!); }
      return new Response(null, { status: [500, 429, 503][failures % 3] });
    };
    const sizes = [256, 128, 64, 64].map((size) => size * MiB);
    const rest = Math.floor((1024 * MiB - sizes.reduce((a, b) => a + b)) / 195);
    while (sizes.length < 199) sizes.push(rest);
    sizes.push(0);
    const expected: { size: number; checksum: number }[] = [];
    for (const [index, size] of sizes.entries()) {
      const path = `${folder.path}/${String(index).padStart(3, "0")}.bin`;
      writeSparse(path, size, index);
      expected.push({ size, checksum: await checksumOf(path) });
    }
    assert(sizes.reduce((a, b) => a + b) > 1023 * MiB);

    const { outcome, peakKiB, log } = await ended(start(server, state.path, folder.path));
    assertEquals(outcome, { type: "uploaded" }, log);
    const stored = Object.values(server.stored("w-c"))
      .map(({ size, checksum }) => ({ size, checksum }));
    assertEquals(stored, expected);
    assertEquals(folder.names(), []);
    assert(failures >= 50, `${failures} failures`);
    assert(peakKiB * 1024 < 150e6, `${peakKiB} KiB`);
  },
});

Deno.test({
  name: "a node that is killed in the middle goes on, and sends again only what was on its way",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using server = new StorageServer();
    using folder = new ResultsFolder();
    using state = new ResultsFolder();
    for (let i = 0; i < 40; i++) writeSparse(`${folder.path}/${i}`, MiB, i);
    const first = start(server, state.path, folder.path);
    const twentieth = ({ type, number }: StorageCall) => type === "put" && number >= 40;
    await server.calls.next(twentieth);
    first.kill("SIGKILL");
    await first.output();
    const before = new Set(server.names("put"));
    assert(before.size >= 16 && before.size < 40, `${before.size}`);

    const { outcome } = await ended(start(server, state.path, folder.path));
    assertEquals(outcome, { type: "uploaded" });
    const puts = server.names("put");
    const again = puts.length - new Set(puts).size;
    assertEquals(new Set(puts).size, 40);
    assert(again <= 4, `${again} were sent again`);
    assertEquals(server.reports.get("w-c")!.filenames.length, 40);
    assertEquals(folder.names(), []);
  },
});
