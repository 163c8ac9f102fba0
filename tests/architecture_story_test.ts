import { assert, assertEquals, assertThrows } from "@std/assert";
import { bodyOf } from "./support/functions.ts";
import { LAYERS } from "./support/layers.ts";
import { layersIn, type Step, stepsIn, storyProblems } from "./support/story.ts";

const DOCUMENT = Deno.readTextFileSync(new URL("../.github/ARCHITECTURE.md", import.meta.url));
const STORY = "The way of a command";
const MOST_STEPS = 12;

function readSource(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(new URL(`../src/${path}`, import.meta.url));
  } catch {
    return undefined;
  }
}

Deno.test("architecture: the way of a command is told in steps that exist and call each other", () => {
  const steps = stepsIn(DOCUMENT, STORY);
  assert(steps.length >= 5 && steps.length <= MOST_STEPS, `it takes ${steps.length} steps`);
  assertEquals(storyProblems(steps, readSource), []);
});

Deno.test("architecture: the document's table of layers is the one that is checked", () => {
  const sorted = (layers: readonly (readonly string[])[]) => layers.map((it) => it.toSorted());
  assertEquals(sorted(layersIn(DOCUMENT, "Rules of import")), sorted(LAYERS));
});

const MARKDOWN = `# House

## The way

Words first, and 1. not a step.

1. \`door.ts: open\` opens, which
   takes two lines.
2. \`rooms/hall.ts: Hall.#enter\` enters.

## Layers

\`\`\`text
roof            what is on top
walls | doors
floor
\`\`\`
`;

Deno.test("architecture: steps are the items of a section that name file and function", () => {
  assertEquals(stepsIn(MARKDOWN, "The way"), [
    { path: "door.ts", name: "open" },
    { path: "rooms/hall.ts", name: "Hall.#enter" },
  ]);
  assertThrows(() => stepsIn(MARKDOWN, "The cellar"), Error, "The cellar");
  assertThrows(() => stepsIn("\n## A\n\n1. someone opens\n", "A"), Error, "someone opens");
});

Deno.test("architecture: layers are read from the bottom to the top, without explanations", () => {
  assertEquals(layersIn(MARKDOWN, "Layers"), [["floor"], ["walls", "doors"], ["roof"]]);
});

const FILES: Record<string, string> = {
  "door.ts": `
// function open() { close(); }
export async function open({ key }: {
  key: string;
}): Promise<void> {
  if (key) {
    await turn(key);
  }
}

function turn(key: string) {
  return hall.enter(key);
}

function close() {
  leave();
}
`,
  "hall.ts": `
export class Hall {
  constructor(options: Options) {
    this.#walk(options);
  }

  #enter(key: string): void {
    // leave()
    new Cellar(key);
  }

  #walk(options: Options): void {
    climb();
  }
}

export function leave() {}

export function climb(): void {
  jump();
}
`,
  "bell.ts": `
function hang(door: Door) {
  return new Bell({
    onRing: (loud) => {
      if (loud) door.open();
    },
    onBreak: () => leave(),
  });
}

function ring(bell: Bell) {
  bell.onRing(true);
}
`,
  "cellar.ts": `
export class Cellar {
  constructor(key: string) {
    this.#descend(key);
  }

  async #descend(key: string) {
    await new Hall(key);
  }
}
`,
};

const step = (path: string, name: string): Step => ({ path, name });
const OPEN = step("door.ts", "open");
const ENTER = step("hall.ts", "Hall.#enter");

const STORIES: [string, Step[], string[]][] = [
  ["through a function of its own file", [OPEN, ENTER], []],
  ["through a constructor", [OPEN, ENTER, step("cellar.ts", "Cellar.#descend")], []],
  [
    "to a constructor",
    [step("cellar.ts", "Cellar.#descend"), step("hall.ts", "Hall.constructor")],
    [],
  ],
  [
    "through an object's member",
    [step("bell.ts", "ring"), step("bell.ts", "hang.onRing"), OPEN],
    [],
  ],
  ["from a step further up", [OPEN, ENTER, step("door.ts", "turn")], []],
  ["to a file that is not there", [OPEN, step("attic.ts", "climb")], ["attic.ts does not exist"]],
  ["to a function that is not there", [OPEN, step("hall.ts", "enter")], ["hall.ts has no enter"]],
  [
    "to a method of another class",
    [OPEN, step("hall.ts", "Attic.#enter")],
    ["hall.ts has no Attic.#enter"],
  ],
  [
    "to what nobody calls",
    [OPEN, ENTER, step("hall.ts", "climb")],
    ["no step before it calls climb"],
  ],
  [
    "to what only a comment or an unreached function calls",
    [OPEN, ENTER, step("hall.ts", "leave")],
    ["no step before it calls leave"],
  ],
];

for (const [name, steps, problems] of STORIES) {
  Deno.test(`architecture: a story that leads ${name}`, () => {
    assertEquals(storyProblems(steps, (path) => FILES[path]), problems);
  });
}

Deno.test("architecture: the body of a function ends where the function ends", () => {
  const body = bodyOf(FILES["door.ts"], "open")!;
  assert(body.includes("await turn(key)") && !body.includes("hall.enter"));
  assertEquals(bodyOf(FILES["hall.ts"], "leave"), "export function leave() {}");
});
