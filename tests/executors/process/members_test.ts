import { assertEquals } from "@std/assert";
import { membersOf } from "../../../src/executors/process/members.ts";

const SUPERVISOR = { pid: 10, startTime: "s10" };

/** A process by its pid, parent, group and session. */
function process(pid: number, parent: number, group = 10, session = 10) {
  return { pid, parent, group, session, startTime: `s${pid}` };
}

/** Supervisor 10 with pumps 11 and 12, and the workload's own shell 20; 1 and 5 are strangers. */
const USUAL = [
  process(1, 0, 1, 1),
  process(5, 1, 5, 5),
  process(10, 5),
  process(11, 10),
  process(12, 11),
  process(20, 10),
];

const SUPERVISING = new Set([10, 11, 12]);

const NONE: ReadonlySet<number> = new Set();

Deno.test("the members of a workload are found wherever they went", () => {
  const table: [
    what: string,
    more: ReturnType<typeof process>[],
    marked: number[],
    found: number[],
  ][] = [
    ["its shell", [], [20], [20]],
    ["what its shell has started", [process(21, 20)], [20, 21], [20, 21]],
    ["a group of its own", [process(21, 20, 21)], [20, 21], [20, 21]],
    ["a session of its own", [process(21, 20, 21, 21)], [20, 21], [20, 21]],
    ["an orphan in the session", [process(21, 1)], [20], [20, 21]],
    ["an orphan elsewhere with the mark", [process(21, 1, 21, 21)], [20, 21], [20, 21]],
    ["what that has started without it", [process(22, 21, 21, 21), process(21, 1, 21, 21)], [
      21,
    ], [20, 21, 22]],
    ["an orphan elsewhere without the mark", [process(21, 1, 21, 21)], [20], [20]],
    ["a shell without an environment", [], [], [20]],
  ];
  for (const [what, more, marked, found] of table) {
    const processes = [...USUAL, ...more];
    const sight = { processes, marked: new Set(marked), supervising: SUPERVISING, holding: NONE };
    assertEquals(membersOf(SUPERVISOR, sight).sort(), found, what);
  }
});

Deno.test("where no marks can be seen, all but the supervisor is taken for the workload", () => {
  const sight = { processes: USUAL, marked: NONE, supervising: NONE, holding: NONE };
  assertEquals(membersOf(SUPERVISOR, sight).sort(), [11, 12, 20]);
});

Deno.test("a process that only has the supervisor's pid has no part in it", () => {
  const marked = new Set([30]);
  const processes = [
    { ...process(10, 1), startTime: "later" },
    process(20, 10),
    process(30, 1, 30, 30),
  ];
  const sight = { processes, marked, supervising: NONE, holding: NONE };
  assertEquals(membersOf(SUPERVISOR, sight), [30]);
  assertEquals(membersOf(SUPERVISOR, { ...sight, processes: [process(30, 1, 30, 30)] }), [30]);
  assertEquals(membersOf(SUPERVISOR, { ...sight, processes: [] }), []);
});

Deno.test("what can still print for a workload belongs to it, unless it was there before", () => {
  const orphan = { ...process(21, 1, 21, 21), startTime: "120" };
  const child = { ...process(22, 21, 21, 21), startTime: "121" };
  const stranger = { ...process(5, 1, 5, 5), startTime: "99" };
  const sight = {
    processes: [...USUAL.slice(2), orphan, child, stranger],
    marked: NONE,
    supervising: SUPERVISING,
    holding: new Set([11, 12, 21, 5]),
  };
  assertEquals(membersOf({ pid: 10, startTime: "100" }, sight), [21, 22]);
});
