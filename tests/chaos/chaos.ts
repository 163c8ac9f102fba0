/** Kills whatever can be killed, over and over, while commands run, and checks that no promise breaks. */
import { systemClock } from "../../src/time.ts";
import type { Course } from "./customer.ts";
import { followedProblems } from "./followed.ts";
import { Random } from "./random.ts";
import type { ChaosReport } from "./report.ts";
import { Scene } from "./scene.ts";
import { FORMS, inventTask } from "./task.ts";
import { type Ledger, problemsOf, readLedger, wasRefused } from "./verdict.ts";

/** What makes one run. */
export interface ChaosOptions {
  /** Where chance begins: the same seed makes the same plan. */
  readonly seed: number;
  /** How often something is done to the node. */
  readonly cycles: number;
}

/** Files of a state folder beside those of its commands, and the most that each command leaves. */
const FILES = { own: 50, perCommand: 8 };

/** How many lines of log stand below a task that went wrong. */
const LOG_LINES = 30;

/** Runs the chaos test once. */
export async function chaos({ seed, cycles }: ChaosOptions): Promise<ChaosReport> {
  const random = new Random(seed);
  await using scene = await Scene.set(random);
  let number = 0;
  for (let cycle = 0; cycle < cycles; cycle++) {
    for (let count = Math.floor(random.between(0, 9)); count > 0; count--) {
      await systemClock.sleep(random.between(0, 50));
      scene.give(inventTask(number++, random));
    }
    await systemClock.sleep(
      random.chance(0.2) ? random.between(0, 100) : random.between(100, 1500),
    );
    await scene.strike();
  }
  await scene.calm();
  return await judge(scene);
}

async function judge(scene: Scene): Promise<ChaosReport> {
  const courses = [...scene.customer.courses.values()];
  const problems = [
    ...scene.problems,
    ...scene.customer.strays.map((it) => `a stray reply: ${it}`),
  ];
  const ledgers = await readLedgers(scene, courses);
  const known = knownSessions(ledgers);
  for (const course of courses) {
    const found = problemsOfCourse(scene, course, ledgers.get(course)!, known(course));
    if (found.length === 0) continue;
    const { id } = course.task;
    problems.push(JSON.stringify(course.task), ...found.map((problem) => `${id}: ${problem}`));
    problems.push(...scene.logOf(id).slice(0, LOG_LINES));
  }
  problems.push(...anonymousProblems(scene, ledgers, known));
  const files = countFiles(scene.world.stateFolder);
  const most = FILES.own + FILES.perCommand * courses.length;
  if (files > most) problems.push(`the state folder has ${files} files, and may have ${most}`);
  if (problems.length > 0) problems.push(...scene.history);
  return {
    problems,
    tasks: courses.length,
    replies: courses.reduce((sum, { replies }) => sum + replies.length, 0),
    followed: scene.workloads.size,
    refused: courses.filter(({ replies }) => wasRefused(replies)).length,
    ...scene.happenings.counts,
  };
}

async function readLedgers(
  { ledgers }: Scene,
  courses: readonly Course[],
): Promise<Map<Course, Ledger>> {
  return new Map(
    await Promise.all(courses.map(async (course) => {
      const text = await Deno.readTextFile(`${ledgers}/${course.task.id}`).catch(() => "");
      return [course, readLedger(text)] as const;
    })),
  );
}

/**
 * The sessions that were not there for a task: those of others, but for workers and servers, which
 * may have been given what they never began.
 */
function knownSessions(ledgers: ReadonlyMap<Course, Ledger>): (course: Course) => Set<number> {
  const isLoaded = ({ task }: Course) => FORMS[task.kind] !== "process";
  const entries = [...ledgers];
  const all = new Set(entries.flatMap(([, { sessions }]) => sessions));
  const ofProcesses = new Set(
    entries.flatMap(([course, { sessions }]) => isLoaded(course) ? [] : sessions),
  );
  return (course) => isLoaded(course) ? ofProcesses : all;
}

function problemsOfCourse(
  scene: Scene,
  course: Course,
  ledger: Ledger,
  known: ReadonlySet<number>,
): string[] {
  const { task, replies } = course;
  const disturbance = scene.happenings.to(course, ledger, known);
  const workload = scene.workloads.get(task.id);
  return [
    ...problemsOf(task, ledger, replies, disturbance),
    ...(workload === undefined ? [] : followedProblems(task, workload, replies, disturbance)),
  ];
}

/**
 * What is wrong with replies to commands without a request id that did not print what they are known
 * by: there is one for each command that was disturbed, at most.
 */
function anonymousProblems(
  { customer, happenings }: Scene,
  ledgers: ReadonlyMap<Course, Ledger>,
  known: (course: Course) => ReadonlySet<number>,
): string[] {
  const disturbed = customer.courses.values().filter((course) => {
    const { killed, nearKill, diskFull, nodeEnded } = happenings.to(
      course,
      ledgers.get(course)!,
      known(course),
    );
    return course.task.sent === "without request id" &&
      (killed || nearKill || diskFull || nodeEnded);
  });
  if (customer.anonymous.length <= [...disturbed].length) return [];
  return customer.anonymous.map((reply) => `a reply to an unknown command: ${reply}`);
}

function countFiles(folder: string): number {
  let count = 0;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    count += isDirectory ? countFiles(`${folder}/${name}`) : 1;
  }
  return count;
}
