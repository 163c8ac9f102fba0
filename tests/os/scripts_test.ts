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
    name: `with ${name} a shell knows itself as others know it`,
    ignore,
    async fn() {
      const script = `${scripts.ownStat}
        printf '%s\\n%s\\n' "$cloud_node_pid" "$cloud_node_stat"; read -r _`;
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
      await child.stdin.close();
      await child.status;
      await reader.cancel();
      assertEquals(await shell(look, pid!), "failed");
    },
  });

  Deno.test({
    name: `with ${name} a process group lives as long as anything but its leader does`,
    ignore,
    async fn() {
      const lives = `lives() { ${scripts.groupLives}\n}; ${scripts.ownStat}; `;
      const tell = "if lives; then echo lives; else echo gone; fi; ";
      const member = "member=$(sleep 600 >/dev/null & echo $!); ";
      const end = "kill -s KILL $member; while lives; do :; done; ";
      const child = new Deno.Command("sh", {
        args: ["-c", `${lives}${tell}${member}${tell}${end}${tell}`],
        detached: true,
        stdout: "piped",
        stderr: "null",
      }).spawn();
      const { stdout } = await child.output();
      assertEquals(new TextDecoder().decode(stdout), "gone\nlives\ngone\n");
    },
  });
}
