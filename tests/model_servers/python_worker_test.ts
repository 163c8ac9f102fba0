/** Real models behind `worker: FILE.py`, with the packages of CLOUD_NODE_MODEL_SERVERS. */
import { assert, assertEquals } from "@std/assert";
import { PYTHON } from "../support/model_packages.ts";
import { endWorkers } from "../support/workers.ts";
import { World } from "../support/world.ts";

const PROGRAMS = new URL("./programs", import.meta.url).pathname;

/** Registers a test of a model. Each question has a node of its own, which finds the model loaded. */
function test(
  sentence: string,
  program: string,
  body: (ask: (params: unknown) => Promise<unknown>) => Promise<void>,
): void {
  Deno.test({
    name: sentence,
    ignore: PYTHON === undefined,
    fn: async () => {
      await using world = await World.start();
      Deno.copyFileSync(`${PROGRAMS}/${program}`, `${world.folder}/infer.py`);
      await using _ = { [Symbol.asyncDispose]: () => endWorkers(`${world.stateFolder}/workers`) };
      let count = 0;
      await body(async (params) => {
        await using local = await world.runNode({
          inference: { worker: "infer.py" },
          python: PYTHON,
        });
        await using sender = await world.sender(local.identity);
        const requestId = `r${++count}`;
        const reply = await sender.ask({ command: "inference", request_id: requestId, params });
        assertEquals(reply.error, undefined);
        return JSON.parse(reply.output!);
      });
      assertEquals(Deno.readTextFileSync(`${world.folder}/loads`), "loaded\n");
    },
  });
}

/** Digits as somebody wrote them, which the model has not seen: 8 x 8 pixels from 0 to 16. */
const WRITTEN = {
  5: "03abcc6008eb884008a7300008gef4000220690000004c000184aa0002fgd200",
  3: "00egf3000065d8000008g500000bga0001304f8006f009f005g56ee001bgge20",
  6: "002e5000009c000001f1000003f0000006gggd1002g847b000cb18b0003cgf40",
};

test("a classifier of scikit-learn is trained once, and reads digits", "digits.py", async (ask) => {
  const pixels = (text: string) => Array.from(text, (letter) => parseInt(letter, 17));
  const images = [5, 3, 6].map((digit) => pixels(WRITTEN[digit as 3 | 5 | 6]));
  assertEquals(await ask({ images }), [5, 3, 6]);
  const { accuracy, classes } = await ask({}) as { accuracy: number; classes: number[] };
  assert(accuracy > 0.95);
  assertEquals(classes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("MiniLM is loaded once, and embeds sentences", "embed.py", async (ask) => {
  const [example] = await ask({ sentences: ["This is an example sentence"] }) as number[][];
  assertEquals(example!.length, 384);
  // What the model's authors show for it.
  const beginning = example!.slice(0, 4).map((value) => value.toFixed(4));
  assertEquals(beginning, ["0.0677", "0.0635", "0.0487", "0.0793"]);
  const sentences = ["A man is eating food.", "Someone is having a meal.", "The market fell."];
  const [eats, meal, market] = await ask({ sentences }) as [number[], number[], number[]];
  assert(likeness(eats, meal) > 0.5);
  assert(likeness(eats, market) < 0.2);
});

function likeness(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * b[index]!, 0);
}
