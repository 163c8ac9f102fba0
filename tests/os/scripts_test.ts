import { assert, assertEquals } from "@std/assert";
import { macos } from "../../src/os/macos.ts";
import { procfs } from "../../src/os/procfs.ts";

Deno.test("a start time is found in what /proc tells, whatever the process is called", () => {
  const table: [stat: string, startTime: string | undefined][] = [
    [stat("cat", "S"), "777"],
    [stat("a) S (b\t) Z 1", "R"), "777"],
    [stat("cat", "Z"), undefined],
    [stat("cat", "X"), undefined],
    ["", undefined],
    ["1 (cat) S 1 2", undefined],
  ];
  for (const [text, startTime] of table) assertEquals(procfs.parseStartTime(text), startTime);
});

Deno.test("a start time is found in what ps tells", () => {
  const table: [stat: string, startTime: string | undefined][] = [
    ["Ss   Mon Nov 23 10:32:49 2026", "Mon Nov 23 10:32:49 2026"],
    ["R+ Mon Nov  2 10:32:49 2026  ", "Mon Nov  2 10:32:49 2026"],
    ["Z    Mon Nov 23 10:32:49 2026", undefined],
    ["", undefined],
    ["  ", undefined],
    ["Ss", undefined],
  ];
  for (const [text, startTime] of table) {
    assertEquals(macos.processes.parseStartTime(text), startTime);
  }
});

function stat(name: string, state: string): string {
  const others = Array.from({ length: 18 }, (_, index) => index).join(" ");
  return `1 (${name}) ${state} ${others} 777 4096 0`;
}

/** Runs a script under `sh`. */
async function shell(script: string, ...args: string[]): Promise<string> {
  const { stdout, success } = await new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    stderr: "null",
  }).output();
  return success ? new TextDecoder().decode(stdout).trimEnd() : "failed";
}

// ps is nearly everywhere, /proc is not: what reads that is tried where it is meant for.
const systems = [
  { name: "ps", scripts: macos.processes, ignore: Deno.build.os === "windows" },
  { name: "/proc", scripts: procfs, ignore: Deno.build.os === "darwin" },
];

for (const { name, scripts, ignore } of systems) {
  const look = `pid=$1; ${scripts.stat} || exit; printf '%s' "$stat"`;

  Deno.test({
    name: `with ${name} a shell knows itself as others know it, and how old it is`,
    ignore,
    async fn() {
      const script = `${scripts.ownStat}
        printf '%s\\n%s\\n' "$$" "$cloud_node_stat"; read -r _`;
      const child = new Deno.Command("sh", {
        args: ["-c", script],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      let told = "";
      while (told.split("\n").length < 3) told += (await reader.read()).value;
      const [pid, own] = told.split("\n");
      const startTime = scripts.parseStartTime(own!);
      assert(startTime !== undefined, told);
      assertEquals(pid, String(child.pid));
      assertEquals(scripts.parseStartTime(await shell(look, pid!)), startTime);
      const age = Number(await shell(`pid=$1; ${scripts.stat}; ${scripts.age}; echo "$age"`, pid!));
      assert(age >= 0 && age < 60, String(age));
      const seen = scripts.parseAll(await shell(`${scripts.all}; :`)).find((each) =>
        each.pid === child.pid
      );
      assertEquals([seen?.parent, seen?.startTime], [Deno.pid, startTime]);
      await child.stdin.close();
      await child.status;
      await reader.cancel();
      assertEquals(await shell(look, pid!), "failed");
    },
  });
}

Deno.test("ages are read from what ps prints", async () => {
  const table: [etime: string, seconds: string][] = [
    ["00:07", "7"],
    ["02:03", "123"],
    ["01:00:01", "3601"],
    ["2-01:00:00", "176400"],
  ];
  for (const [etime, seconds] of table) {
    const ps = `ps() { echo '${etime}'; }; pid=1`;
    assertEquals(await shell(`${ps}; ${macos.processes.age}; echo "$age"`), seconds);
  }
});

Deno.test("processes are told from what /proc and ps print, without those that have ended", () => {
  const rest = "0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 777 4096 0 18446744073709551615";
  const stats = [
    `7 (a) b (c) S 1 7 7 ${rest}`,
    `8 (line\nbreak) R 7 7 7 ${rest}`,
    `9 (zombie) Z 7 7 7 ${rest}`,
  ];
  assertEquals(procfs.parseAll(`${stats.join("\n")}\n`), [
    { pid: 7, parent: 1, group: 7, session: 7, startTime: "777", cpuSeconds: 0.26 },
    { pid: 8, parent: 7, group: 7, session: 7, startTime: "777", cpuSeconds: 0.26 },
  ]);
  const lines = ["Ss   7 1 7 Mon Nov 23 10:32:49 2026", "Z 8 7 7 Mon Nov 23 10:32:49 2026  "];
  assertEquals(macos.processes.parseAll(`${lines.join("\n")}\n`), [
    { pid: 7, parent: 1, group: 7, session: 0, startTime: "Mon Nov 23 10:32:49 2026" },
  ]);
});
