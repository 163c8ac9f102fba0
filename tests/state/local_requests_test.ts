import { assertEquals, assertRejects } from "@std/assert";
import { dirname } from "node:path";
import { type LocalRequest, LocalRequests } from "../../src/state/local_requests.ts";
import { modeOf } from "../support/modes.ts";

const CANCEL: LocalRequest = { type: "cancel", id: "01abc", signal: "SIGINT", at: 5 };
const STATUS: LocalRequest = { type: "status", nonce: "n-1" };

async function withRequests(fn: (requests: LocalRequests) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(new LocalRequests(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("what is asked is found until it is removed, and for nobody else to read", async () => {
  await withRequests(async (requests) => {
    assertEquals(requests.pending(), []);
    await requests.ask(CANCEL);
    await requests.ask(STATUS);
    assertEquals(requests.pending(), [CANCEL, STATUS]);
    assertEquals(modeOf(requests.path), "700");
    assertEquals(modeOf(`${requests.path}/cancel-01abc.json`), "600");
    requests.remove(CANCEL);
    assertEquals([requests.isPending(CANCEL), requests.isPending(STATUS)], [false, true]);
    const isSent = { ...CANCEL, isSent: true };
    await requests.ask(isSent);
    assertEquals(requests.pending(), [isSent, STATUS]);
  });
});

Deno.test({
  name: "what root asks is the node's, which runs as the owner of the state folder",
  ignore: Deno.uid() !== 0,
  async fn() {
    await withRequests(async (requests) => {
      const [uid, gid] = [65534, 65534];
      await Deno.chown(dirname(requests.path), uid, gid);
      await requests.ask(CANCEL);
      for (const path of [requests.path, `${requests.path}/cancel-01abc.json`]) {
        assertEquals((await Deno.stat(path)).uid, uid);
      }
    });
  },
});

Deno.test("an answer is taken once", async () => {
  await withRequests(async (requests) => {
    await requests.ask(STATUS);
    assertEquals(requests.takeAnswer("n-1"), undefined);
    await requests.answer("n-1", { slug: "n" });
    assertEquals(requests.takeAnswer("n-1"), { slug: "n" });
    assertEquals(requests.takeAnswer("n-1"), undefined);
  });
});

Deno.test("a node that starts keeps what is to be cancelled, and nothing else", async () => {
  await withRequests(async (requests) => {
    await requests.ask(CANCEL);
    await requests.ask(STATUS);
    await requests.answer("n-2", {});
    requests.removeOld();
    assertEquals(requests.pending(), [CANCEL]);
    assertEquals(requests.takeAnswer("n-2"), undefined);
  });
});

Deno.test("what is no request is passed over", async () => {
  await withRequests(async (requests) => {
    requests.create();
    const files: [string, string][] = [
      ["cancel-a.json", "no JSON"],
      ["cancel-b.json", '{"signal":"SIGHUP","at":1}'],
      ["cancel-c.json", "[]"],
      ["cancel-d.json.tmp", '{"signal":"SIGTERM","at":1}'],
      ["cancel-e f.json", '{"signal":"SIGTERM","at":1}'],
      ["notes.txt", ""],
    ];
    for (const [name, text] of files) await Deno.writeTextFile(`${requests.path}/${name}`, text);
    await Deno.mkdir(`${requests.path}/cancel-g.json`);
    await Deno.mkdir(`${requests.path}/status-i.json`);
    await Deno.mkdir(`${requests.path}/notes/more`, { recursive: true });
    await Deno.symlink("/etc/passwd", `${requests.path}/cancel-h.json`);
    await Deno.symlink("/etc/passwd", `${requests.path}/status-j.json`);
    assertEquals(requests.pending(), []);
    requests.removeOld();
    assertEquals(await Deno.stat(`${requests.path}/notes/more`).then(() => true), true);
    await assertRejects(() => requests.ask({ ...CANCEL, id: "g" }));
  });
});
