/** What holds for every form of what runs commands: the same cases, at a node, over the broker. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { isAlive } from "../../support/executors.ts";
import { FORMS, type FormTraits } from "./forms.ts";
import { Scene } from "./scene.ts";

/** More than a reader takes at once, a line holds and an argument may have. */
const HUGE = "é".repeat(2_500_000);

/** Seconds after which a command is stopped that may not take forever. */
const TIMEOUT = 1;

/** A case: each ends with a node that has nothing in hand. */
type Case = (scene: Scene) => Promise<void>;

const CASES: Readonly<Record<string, Case>> = {
  "a command is run once, and its output is the reply": async (scene) => {
    assertEquals((await scene.ask({ id: "ok", do: "answer" })).output, "done");
    assertEquals(scene.runsOf("ok"), 1);
  },

  "a command that fails is run once, and the reply says why": async (scene) => {
    const { status, error } = await scene.ask({ id: "fail", do: "fail" });
    assertEquals([status, scene.runsOf("fail")], ["error", 1]);
    assertMatch(error!, /\bsorry\n?$/);
  },

  "what is no text becomes text": async (scene) => {
    assertEquals((await scene.ask({ id: "bytes", do: "bytes" })).output, "\ufffd\n\0\n");
  },

  "huge params arrive whole, and so does a huge answer": async (scene) => {
    const { output } = await scene.ask({ id: "huge", do: "answer", text: HUGE });
    assert(output === HUGE, `${output?.length} characters, beginning with ${output?.slice(0, 20)}`);
    assertEquals(scene.runsOf("huge"), 1);
  },

  "a command that is cancelled while it waits is never run": async (scene) => {
    await scene.begin("ahead");
    await scene.send({ id: "waiting", do: "answer" });
    await scene.cancel("waiting");
    assertMatch((await scene.reply("waiting")).error!, /^Command was cancelled by SIGTERM/);
    scene.letGo("ahead");
    assertEquals((await scene.reply("ahead")).output, "done");
    assertEquals([scene.runsOf("ahead"), scene.runsOf("waiting")], [1, 0]);
  },

  "a command that is cancelled while it runs ends": async (scene) => {
    await scene.begin("cancelled");
    await scene.cancel("cancelled");
    assertEquals((await scene.reply("cancelled")).error, "Command was cancelled by SIGTERM");
    assertEquals(scene.runsOf("cancelled"), 1);
  },

  "a command that takes too long ends": async (scene) => {
    await scene.stop();
    await scene.next({ timeout: { inference: TIMEOUT } });
    const { error } = await scene.ask({ id: "long", do: "wait" });
    assertEquals(error, `Command timed out after ${TIMEOUT} s`);
    // A process may not have come so far on a busy computer.
    assert(scene.runsOf("long") <= 1);
    await scene.stop();
    await scene.next();
  },

  "a command is not run again after a crash of what ran it, and the next one is run": async (
    scene,
  ) => {
    const { traits: { crash } } = scene;
    if (crash === undefined) return;
    const { status, error } = await scene.ask({ id: "crash", do: "crash" });
    assertEquals([status, scene.runsOf("crash")], ["error", 1]);
    assertMatch(error!.trimEnd(), crash);
  },

  "a repeat runs nothing, and gets the same reply": async (scene) => {
    await scene.begin("repeated");
    await scene.send({ id: "repeated", do: "wait" });
    scene.letGo("repeated");
    const reply = await scene.reply("repeated");
    assertEquals(reply.output, "done");
    assertEquals(await scene.ask({ id: "repeated", do: "wait" }), reply);
    assertEquals(scene.runsOf("repeated"), 1);
  },

  "the next node has the true end of a command, and runs what waited": async (scene) => {
    const { traits: { restart } } = scene;
    await scene.begin("in hand");
    await scene.send({ id: "behind", do: "answer" });
    await scene.activeIds(); // It has come: the node takes one message after the other.
    await scene.stop();
    scene.letGo("in hand");
    await scene.next();
    const { output, error } = await scene.reply("in hand");
    if (typeof restart === "string") assertEquals(output, restart);
    else assertMatch(error!, restart);
    assertEquals((await scene.reply("behind")).output, "done");
    assertEquals([scene.runsOf("in hand"), scene.runsOf("behind")], [1, 1]);
  },
};

for (const [name, traits] of Object.entries(FORMS)) {
  Deno.test(`${name}: every case of what runs commands`, async (t) => {
    await using scene = await Scene.start(traits);
    for (const [what, run] of Object.entries(CASES)) {
      const isWell = await t.step(what, async () => {
        await run(scene);
        await assertFree(scene, what);
      });
      // What follows would find a node that is not as it has to be.
      if (!isWell) return;
    }
    await t.step(DRAIN, () => drain(scene, traits));
  });
}

/** Whether there is room again: no command is in hand, and the next one is run. */
async function assertFree(scene: Scene, what: string): Promise<void> {
  const id = `after ${what}`;
  assertEquals((await scene.ask({ id, do: "answer" })).output, "done");
  assertEquals([await scene.activeIds(), scene.runsOf(id)], [[], 1]);
}

const DRAIN = "a node that is drained finishes what it has, takes nothing new, and leaves nothing";

async function drain(scene: Scene, { isElsewhere = false }: FormTraits): Promise<void> {
  await scene.begin("last but one");
  await scene.send({ id: "last", do: "answer" });
  await scene.activeIds(); // It has come: the node takes one message after the other.
  const ended = scene.drain();
  const { error } = await scene.ask({ id: "new", do: "answer" });
  assertEquals(error, "The node is draining and takes no new commands");
  scene.letGo("last but one");
  assertEquals((await scene.reply("last but one")).output, "done");
  assertEquals((await scene.reply("last")).output, "done");
  await ended;
  assertEquals(["last but one", "last", "new"].map((id) => scene.runsOf(id)), [1, 1, 0]);
  const pid = scene.runs().at(-1)!.pid;
  assertEquals(await isAlive(pid), isElsewhere);
}
